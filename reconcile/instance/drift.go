package instance

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// AreaSettings is the area of tags and options of a running instance. No condition
// reports on it: a machine works without.
const AreaSettings = "InstanceSettings"

// Wanted is what can be put right in a running instance.
type Wanted struct {
	Tags map[string]string
	// Removed are keys of tags that were wanted once and aren't any more.
	Removed []string
	Groups  []string
	Spec    *infrav1.AWSMachineSpec
}

// Drift returns what has to be changed so that the instance is as wanted.
func Drift(i *ec2types.Instance, want Wanted) []plan.Action {
	actions := tagDrift(i, want)
	actions = append(actions, groupDrift(i, want)...)
	if State(i) != infrav1.InstanceStateRunning {
		return actions
	}
	if a := metadataDrift(i, want.Spec.InstanceMetadataOptions); a != nil {
		actions = append(actions, *a)
	}
	if a := privateDNSDrift(i, want.Spec.PrivateDNSName); a != nil {
		actions = append(actions, *a)
	}
	return actions
}

// parts returns the instance with its volumes and interfaces, which carry the
// same tags. The user's own interfaces are left out.
func parts(i *ec2types.Instance, spec *infrav1.AWSMachineSpec) []string {
	ids := []string{aws.ToString(i.InstanceId)}
	for _, d := range i.BlockDeviceMappings {
		if d.Ebs != nil && aws.ToString(d.Ebs.VolumeId) != "" {
			ids = append(ids, *d.Ebs.VolumeId)
		}
	}
	if len(spec.NetworkInterfaces) > 0 {
		return ids
	}
	for _, n := range i.NetworkInterfaces {
		if id := aws.ToString(n.NetworkInterfaceId); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

func tagDrift(i *ec2types.Instance, want Wanted) []plan.Action {
	have := TagMap(i.Tags)
	var actions []plan.Action
	id := aws.ToString(i.InstanceId)
	if missing := names.Missing(want.Tags, have); len(missing) > 0 {
		actions = append(actions, plan.Action{Key: "tags", Area: AreaSettings, Verb: plan.Update, Operation: "ec2.CreateTags", Claims: claims(missing),
			Input:   &ec2.CreateTagsInput{Resources: parts(i, want.Spec), Tags: TagList(missing)},
			Summary: fmt.Sprintf("tag instance %s, its volumes and interfaces with %s", id, strings.Join(names.SortedKeys(missing), ", "))})
	}
	var removed []ec2types.Tag
	for _, key := range want.Removed {
		if _, there := have[key]; there {
			removed = append(removed, ec2types.Tag{Key: aws.String(key)})
		}
	}
	if len(removed) > 0 {
		actions = append(actions, plan.Action{Key: "removed-tags", Area: AreaSettings, Verb: plan.Update, Operation: "ec2.DeleteTags",
			Input:   &ec2.DeleteTagsInput{Resources: parts(i, want.Spec), Tags: removed},
			Summary: fmt.Sprintf("delete tags %s of instance %s, its volumes and interfaces", strings.Join(want.Removed, ", "), id)})
	}
	return actions
}

// claims tells that tags rewrite the UID of what was moved.
func claims(missing map[string]string) bool { return missing[names.TagUID] != "" }

// Reclaim returns the action that puts the object's UID onto what it had before it was
// moved, an address or a host; nil where that isn't needed.
func Reclaim(key, area, what, id string, owner names.Owner, have []ec2types.Tag) *plan.Action {
	old := Tag(have, names.TagUID)
	if old == "" || old == owner.UID {
		return nil
	}
	return &plan.Action{Key: key + "-tags", Area: area, Verb: plan.Update, Operation: "ec2.CreateTags", Claims: true,
		Input:   &ec2.CreateTagsInput{Resources: []string{id}, Tags: TagList(owner.Identity())},
		Summary: fmt.Sprintf("tag %s %s with the UID of this object, which was moved", what, id)}
}

// groupDrift compares the groups of all interfaces that the instance was launched
// with. Those that somebody attached later (a CNI plugin, say) carry no tag of the
// cluster, but the instance doesn't tell that; they are told by their index.
func groupDrift(i *ec2types.Instance, want Wanted) []plan.Action {
	if State(i) != infrav1.InstanceStateRunning || len(want.Groups) == 0 {
		return nil
	}
	var actions []plan.Action
	launched := max(1, len(want.Spec.NetworkInterfaces))
	for _, n := range i.NetworkInterfaces {
		id := aws.ToString(n.NetworkInterfaceId)
		if id == "" || n.Attachment != nil && int(aws.ToInt32(n.Attachment.DeviceIndex)) >= launched {
			continue
		}
		var have []string
		for _, g := range n.Groups {
			have = append(have, aws.ToString(g.GroupId))
		}
		if sameSet(have, want.Groups) {
			continue
		}
		actions = append(actions, plan.Action{Key: "security-groups/" + id, Area: infrav1.SecurityGroupsReadyCondition, Verb: plan.Update,
			Operation: "ec2.ModifyNetworkInterfaceAttribute",
			Input:     &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: aws.String(id), Groups: want.Groups},
			Summary: fmt.Sprintf("set security groups %s on interface %s of instance %s", strings.Join(want.Groups, ", "), id,
				aws.ToString(i.InstanceId))})
	}
	return actions
}

func metadataDrift(i *ec2types.Instance, options *infrav1.InstanceMetadataOptions) *plan.Action {
	want, have := metadata(options), i.MetadataOptions
	if want == nil || have == nil || have.State == ec2types.InstanceMetadataOptionsStatePending {
		return nil
	}
	differ := want.HttpEndpoint != "" && want.HttpEndpoint != have.HttpEndpoint ||
		want.HttpProtocolIpv6 != "" && have.HttpProtocolIpv6 != "" && want.HttpProtocolIpv6 != have.HttpProtocolIpv6 ||
		want.HttpTokens != "" && want.HttpTokens != have.HttpTokens ||
		want.InstanceMetadataTags != "" && have.InstanceMetadataTags != "" && want.InstanceMetadataTags != have.InstanceMetadataTags ||
		want.HttpPutResponseHopLimit != nil && *want.HttpPutResponseHopLimit != aws.ToInt32(have.HttpPutResponseHopLimit)
	if !differ {
		return nil
	}
	return &plan.Action{Key: "metadata-options", Area: AreaSettings, Verb: plan.Update, Operation: "ec2.ModifyInstanceMetadataOptions",
		Input: &ec2.ModifyInstanceMetadataOptionsInput{InstanceId: i.InstanceId, HttpEndpoint: want.HttpEndpoint, HttpProtocolIpv6: want.HttpProtocolIpv6,
			HttpTokens: want.HttpTokens, InstanceMetadataTags: want.InstanceMetadataTags, HttpPutResponseHopLimit: want.HttpPutResponseHopLimit},
		Summary: "set the metadata options of instance " + aws.ToString(i.InstanceId)}
}

func privateDNSDrift(i *ec2types.Instance, want *infrav1.PrivateDNSName) *plan.Action {
	have := i.PrivateDnsNameOptions
	if want == nil || have == nil {
		return nil
	}
	differs := func(want, have *bool) bool { return want != nil && *want != aws.ToBool(have) }
	// The kind of name can be changed only while the instance is stopped.
	if !differs(want.EnableResourceNameDNSARecord, have.EnableResourceNameDnsARecord) &&
		!differs(want.EnableResourceNameDNSAAAARecord, have.EnableResourceNameDnsAAAARecord) {
		return nil
	}
	return &plan.Action{Key: "private-dns-name", Area: AreaSettings, Verb: plan.Update, Operation: "ec2.ModifyPrivateDnsNameOptions",
		Input: &ec2.ModifyPrivateDnsNameOptionsInput{InstanceId: i.InstanceId, EnableResourceNameDnsARecord: want.EnableResourceNameDNSARecord,
			EnableResourceNameDnsAAAARecord: want.EnableResourceNameDNSAAAARecord},
		Summary: "set the DNS records of instance " + aws.ToString(i.InstanceId)}
}
