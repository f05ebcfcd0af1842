package ownership

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

func tagList(tags map[string]string) (list []ec2types.Tag) {
	for k, v := range tags {
		list = append(list, ec2types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	return list
}

// victim are the tags of what another cluster has, and more.
func victim(more ...string) map[string]string {
	tags := map[string]string{names.TagOwnedPrefix + "victim": names.Owned, names.TagUID: "hers", names.TagNamespace: "b"}
	for i := 0; i < len(more); i += 2 {
		tags[more[i]] = more[i+1]
	}
	return tags
}

const sharedWithProd = names.TagOwnedPrefix + "prod"

func TestWhatAnotherClusterHasIsLentByItsTagOnly(t *testing.T) {
	hers := Object{Kind: KindCluster, Namespace: "b", Name: "victim", UID: "hers", Cluster: "victim"}
	for name, c := range map[string]struct {
		owner      Owner
		vpc, thing map[string]string
		home       bool
		records    []string
		groups     []string
		// subnet and group are what is said of each; "" lets it be used.
		subnet, group string
	}{
		"nobody's in a VPC of nobody":                                  {owner: prod()},
		"nobody's in a VPC of nobody, with tags of the cloud provider": {owner: prod(), thing: map[string]string{names.TagCloudProviderPrefix + "other": names.Owned}},
		"our own":                   {owner: prod(), vpc: owned("me"), thing: owned("me"), home: true},
		"our own, of CAPA":          {owner: prod(), vpc: owned(""), thing: owned(""), home: true, records: []string{"vpc-1", "sg-1", "subnet-1"}},
		"nobody's in another's VPC": {owner: prod(hers), vpc: victim(), subnet: "cluster victim", group: "cluster victim"},
		"another's in its VPC":      {owner: prod(hers), vpc: victim(), thing: victim(), subnet: "cluster victim", group: "cluster victim"},
		"another's in its VPC, which is named as ours": {owner: prod(hers), vpc: victim(), thing: victim(), home: true, subnet: "cluster victim", group: "cluster victim"},
		"another's in a VPC of nobody":                 {owner: prod(hers), thing: victim(), subnet: "cluster victim", group: "cluster victim"},
		"another's in the VPC that we use":             {owner: prod(hers), thing: victim(), home: true, group: "cluster victim"},
		"another's by its UID only":                    {owner: prod(hers), thing: map[string]string{names.TagUID: "hers"}, subnet: "somebody", group: "somebody"},
		"shared by itself":                             {owner: prod(hers), vpc: victim(), thing: victim(sharedWithProd, names.Shared)},
		"shared by its VPC":                            {owner: prod(hers), vpc: victim(sharedWithProd, names.Shared), thing: victim()},
		"shared with another":                          {owner: prod(hers), vpc: victim(names.TagOwnedPrefix+"other", names.Shared), subnet: "cluster victim", group: "cluster victim"},
		"shared with two of the name": {owner: prod(hers, twin(late)), vpc: victim(sharedWithProd, names.Shared),
			subnet: "the value shared:a says so", group: "the value shared:a says so"},
		"shared with two of the name, of which we use it": {owner: prod(hers, twin(late)), vpc: victim(sharedWithProd, names.Shared), home: true, records: []string{"vpc-1"}},
		"shared with two of the name, which both use it": {owner: prod(hers, twin(late, "vpc-1")), vpc: victim(sharedWithProd, names.Shared), home: true, records: []string{"vpc-1"},
			subnet: "AWSCluster in another namespace as much", group: "AWSCluster in another namespace as much"},
		"shared with two of the name, and the namespace ours": {owner: prod(hers, twin(late, "vpc-1")), vpc: victim(sharedWithProd, "shared:a"), records: []string{"vpc-1"}},
		"shared with two of the name, and another namespace": {owner: prod(hers, twin(late, "vpc-1")), vpc: victim(sharedWithProd, "shared:b"), records: []string{"vpc-1"},
			subnet: "cluster victim", group: "cluster victim"},
		"shared with two of the name, and we were provisioned there": {owner: prod(hers, twin(late, "vpc-1")), vpc: victim(sharedWithProd, names.Shared), thing: victim(), home: true,
			records: []string{"vpc-1"}, groups: []string{"sg-1"}},
		"shared with us and a decoy without a Cluster": {owner: prod(hers, stray(twin(late, "vpc-1"))), vpc: victim(sharedWithProd, names.Shared)},
		"of a cluster of our name":                     {owner: prod(twin(late)), vpc: owned("twin"), thing: owned("twin"), subnet: "AWSCluster in another namespace", group: "AWSCluster in another namespace"},
		"of a cluster of our name on another server":   {owner: prod(), vpc: owned("gone"), thing: owned("gone"), subnet: "isn't in this server", group: "isn't in this server"},
		"our own of before the move":                   {owner: former(prod()), vpc: owned("gone"), thing: owned("gone"), home: true},
	} {
		t.Run(name, func(t *testing.T) {
			snap := mirror.NewSnapshot(cloud.Scope{Account: "1", Region: "r"})
			snap = mirror.With(snap, mirror.VPCs, time.Unix(0, 0), mirror.VPC{Vpc: ec2types.Vpc{VpcId: aws.String("vpc-1"), Tags: tagList(c.vpc)}})
			snap = mirror.With(snap, mirror.Subnets, time.Unix(0, 0), ec2types.Subnet{SubnetId: aws.String("subnet-1"), VpcId: aws.String("vpc-1"), Tags: tagList(c.thing)})
			snap = mirror.With(snap, mirror.SecurityGroups, time.Unix(0, 0), ec2types.SecurityGroup{GroupId: aws.String("sg-1"), VpcId: aws.String("vpc-1"), Tags: tagList(c.thing)})
			l := Lender{Owner: c.owner, Records: c.records, Groups: c.groups, Snap: snap}
			if c.home {
				l.VPC = "vpc-1"
			}
			for what, x := range map[string]struct {
				err  error
				want string
			}{"subnet": {l.Subnet("subnet-1"), c.subnet}, "group": {l.Group("sg-1"), c.group}} {
				switch {
				case (x.err == nil) != (x.want == ""):
					t.Errorf("%s: %v, want %q", what, x.err, x.want)
				case x.err != nil && (!strings.Contains(x.err.Error(), x.want) || !strings.Contains(x.err.Error(), "Key=sigs.k8s.io/cluster-api-provider-aws/cluster/prod,Value=shared")):
					t.Errorf("%s: %v, want %q and the way out", what, x.err, x.want)
				}
			}
		})
	}
}

func TestAClusterThatIsInAVPCAlreadyStaysThere(t *testing.T) {
	snap := mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.VPCs, time.Unix(0, 0), mirror.VPC{Vpc: ec2types.Vpc{VpcId: aws.String("vpc-1"), Tags: tagList(victim())}})
	snap = mirror.With(snap, mirror.SecurityGroups, time.Unix(0, 0), ec2types.SecurityGroup{GroupId: aws.String("sg-1"), VpcId: aws.String("vpc-1"), Tags: tagList(owned("me"))},
		ec2types.SecurityGroup{GroupId: aws.String("sg-2"), VpcId: aws.String("vpc-1"), Tags: tagList(victim())})
	l := Lender{Owner: prod(), VPC: "vpc-1", Snap: snap}
	if err := l.Network("vpc-1"); err != nil {
		t.Error(err)
	}
	if err := l.Group("sg-2"); err == nil {
		t.Error("and takes the groups of who has it")
	}
}

func TestUsersTagTellsClustersOfOneNameApart(t *testing.T) {
	tags := func(namespace string) map[string]string {
		return map[string]string{sharedWithProd: names.Shared + namespace}
	}
	both := twin(early, "load-balancer/shop")
	for name, c := range map[string]struct {
		owner  Owner
		tags   map[string]string
		shared bool
		doubt  string
	}{
		"one of the name":                         {prod(), tags(""), true, ""},
		"not shared":                              {prod(), nil, false, ""},
		"two of the name, one of which names it":  {prod(twin(early)), tags(""), true, ""},
		"two of the name that name it":            {prod(both), tags(""), false, "the value shared:a says so"},
		"two of the name, and the namespace ours": {prod(both), tags(":a"), true, ""},
		"two of the name, and another namespace":  {prod(both), tags(":b"), false, ""},
		"a decoy without a Cluster":               {prod(stray(both)), tags(""), true, ""},
	} {
		shared, doubt := c.owner.Shared(Resource{ID: "load-balancer/shop", Tags: c.tags, Recorded: true})
		if shared != c.shared || (doubt == "") != (c.doubt == "") || !strings.Contains(doubt, c.doubt) {
			t.Errorf("%s: %v, %q", name, shared, doubt)
		}
	}
}

func TestAHostOfAnotherClusterTakesNoMachines(t *testing.T) {
	for name, c := range map[string]struct {
		tags map[string]string
		of   string
	}{
		"nobody's":                            {nil, ""},
		"a machine's of ours":                 {in("a", owned("machine")), ""},
		"a machine's of a twin's":             {in("b", owned("machine")), "isn't in this server"},
		"a machine's of another cluster":      {victim(), "cluster victim"},
		"another cluster's, shared with ours": {victim(sharedWithProd, names.Shared), ""},
	} {
		snap := mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.Hosts, time.Unix(0, 0), ec2types.Host{HostId: aws.String("h-1"), Tags: tagList(c.tags)})
		err := Lender{Owner: prod(), Snap: snap}.Host("h-1")
		if (err == nil) != (c.of == "") || err != nil && !strings.Contains(err.Error(), c.of) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
