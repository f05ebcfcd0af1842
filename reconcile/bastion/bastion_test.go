package bastion

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// host is a living instance with the tags of the cluster's bastion.
func host(id, vpc, uid string) ec2types.Instance {
	tags := map[string]string{names.TagRole: Role, names.TagOwnedPrefix + "c1": names.Owned}
	if uid != "" {
		tags[names.TagUID] = uid
	}
	return ec2types.Instance{InstanceId: aws.String(id), VpcId: aws.String(vpc), Tags: instance.TagList(tags), State: &ec2types.InstanceState{Name: ec2types.InstanceStateNameRunning}}
}

func TestTheBastionLiesInTheClustersVPCAndItsUIDOrRecordComesFirst(t *testing.T) {
	for name, c := range map[string]struct {
		hosts               []ec2types.Instance
		vpc, recorded, want string
	}{
		"one":                                  {hosts: []ec2types.Instance{host("i-1", "vpc-1", "u")}, vpc: "vpc-1", want: "i-1"},
		"one of another controller":            {hosts: []ec2types.Instance{host("i-1", "vpc-1", "")}, vpc: "vpc-1", want: "i-1"},
		"one in another VPC":                   {hosts: []ec2types.Instance{host("i-1", "vpc-2", "")}, vpc: "vpc-1"},
		"its own in another VPC":               {hosts: []ec2types.Instance{host("i-1", "vpc-2", "u")}, vpc: "vpc-1"},
		"one, while there is no VPC":           {hosts: []ec2types.Instance{host("i-1", "vpc-1", "u")}},
		"its UID before a name, first by id":   {hosts: []ec2types.Instance{host("i-1", "vpc-1", ""), host("i-2", "vpc-1", "u")}, vpc: "vpc-1", want: "i-2"},
		"its UID before a name, last by id":    {hosts: []ec2types.Instance{host("i-1", "vpc-1", "u"), host("i-2", "vpc-1", "")}, vpc: "vpc-1", want: "i-1"},
		"the recorded one before another name": {hosts: []ec2types.Instance{host("i-1", "vpc-1", ""), host("i-2", "vpc-1", "")}, vpc: "vpc-1", recorded: "i-2", want: "i-2"},
		"another object's":                     {hosts: []ec2types.Instance{host("i-1", "vpc-1", "other")}, vpc: "vpc-1"},
	} {
		owner := ownership.Owner{Owner: names.Owner{Cluster: "c1", UID: "u"}, Kind: ownership.KindCluster}
		in := Intent{Owner: owner, VPCID: c.vpc, Recorded: c.recorded, Claim: func(id string, tags map[string]string, _ string) ownership.Claim {
			return owner.Claim(ownership.Resource{ID: id, Tags: tags})
		}}
		s := Observe(in, mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.Instances, time.Unix(0, 0), c.hosts...))
		got := ""
		if s.Row != nil {
			got = aws.ToString(s.Row.InstanceId)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
