package ownership

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// Lender judges what users name for a cluster to use: what is another cluster's needs the
// word of whoever has it. Of what AWS doesn't show there is nothing to say.
type Lender struct {
	// Owner is the cluster, VPC the one that it uses, Records what it records.
	Owner   Owner
	VPC     string
	Records []string
	// Groups are the ids of the security groups that its status records, which nobody but
	// this server writes: where they lie the cluster was provisioned.
	Groups []string
	Snap   *mirror.Snapshot
	// Early tells that the cluster may have been moved here just now: what was its own
	// there can't be told yet from what another server's cluster of the name has.
	Early bool
}

// Subnet tells what speaks against a subnet. In the VPC that the cluster uses it is the
// VPC's tags that count: whoever may be in a VPC may be in all of it.
func (l Lender) Subnet(id string) error {
	row, ok := mirror.Get(l.Snap, mirror.Subnets, id)
	if !ok {
		return nil
	}
	if vpc := aws.ToString(row.VpcId); vpc != l.VPC {
		return l.judge("subnet", id, vpc, l.resource(id, mirror.Subnets.Tags(row)))
	}
	return l.judge("subnet", id, l.VPC)
}

// Group tells what speaks against a security group: it lets its members in where others
// of them are.
func (l Lender) Group(id string) error {
	row, ok := mirror.Get(l.Snap, mirror.SecurityGroups, id)
	if !ok {
		return nil
	}
	return l.judge("security group", id, aws.ToString(row.VpcId), l.resource(id, mirror.SecurityGroups.Tags(row)))
}

// Host tells what speaks against a dedicated host, which can't be released while others'
// instances run on it.
func (l Lender) Host(id string) error {
	row, ok := mirror.Get(l.Snap, mirror.Hosts, id)
	tags := map[string]string{}
	if ok {
		tags = mirror.Hosts.Tags(row)
	}
	if ownedBy(tags) == l.Owner.Cluster && !l.Owner.Elsewhere(tags) {
		return nil // another machine's of the cluster, which may share it
	}
	return l.judge("dedicated host", id, "", l.resource(id, tags))
}

// Template tells what speaks against a launch template: whoever runs its instances reads what it has them boot with.
func (l Lender) Template(t *mirror.LaunchTemplate) error {
	id, tags := aws.ToString(t.LaunchTemplateId), mirror.LaunchTemplates.Tags(t)
	if ownedBy(tags) == l.Owner.Cluster && tags[names.TagNamespace] == l.Owner.Namespace {
		return nil // another pool's of the cluster
	}
	return l.judge("launch template", id, "", l.resource(id, tags))
}

// Interface tells what speaks against a network interface, which no table holds.
func (l Lender) Interface(id string, tags map[string]string, vpc string) error {
	return l.judge("network interface", id, vpc, l.resource(id, tags))
}

// Network tells what speaks against a VPC.
func (l Lender) Network(id string) error { return l.judge("VPC", id, id) }

func (l Lender) judge(what, id, vpc string, things ...Resource) error {
	row, ok := mirror.Get(l.Snap, mirror.VPCs, vpc)
	all := things
	if ok {
		all = append(all, l.resource(vpc, mirror.VPCs.Tags(row)))
	}
	of, undecided := l.Owner.Withheld(all...)
	if of != "" && ok && vpc == l.VPC && l.settled() {
		if undecided {
			return nil // a namesake that came later takes nothing from what runs there
		}
		of, undecided = l.Owner.Withheld(things...)
	}
	if of == "" {
		return nil
	}
	err := fmt.Errorf("%s %s belongs to %s: name another one; or %s", what, id, of, l.Owner.share(id))
	if undecided {
		return Doubt{err}
	}
	return err
}

// Doubt speaks against something new, and against nothing that runs: what users name may
// be theirs to use, and nobody can tell yet.
type Doubt struct{ error }

// settled tells that the cluster is in its VPC already, by groups of its own or by those
// with which it was provisioned: what runs there goes on.
func (l Lender) settled() bool {
	return slices.ContainsFunc(mirror.InVPC(l.Snap, mirror.SecurityGroups, l.VPC), func(g *ec2types.SecurityGroup) bool {
		return slices.Contains(l.Groups, aws.ToString(g.GroupId)) || l.Owner.Claim(l.resource(aws.ToString(g.GroupId), mirror.SecurityGroups.Tags(g))).Ours()
	})
}

func (l Lender) resource(id string, tags map[string]string) Resource {
	if l.Early && ownedBy(tags) == l.Owner.Cluster && !l.Owner.Lives(tags[names.TagUID]) {
		return Resource{ID: id}
	}
	return Resource{ID: id, Tags: tags, Recorded: slices.Contains(l.Records, id)}
}
