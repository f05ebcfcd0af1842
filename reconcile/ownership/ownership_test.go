package ownership

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

var (
	early = time.Unix(1000, 0)
	late  = time.Unix(2000, 0)
)

type failing struct{ client.Reader }

func (failing) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("not yet")
}

// prod is the owner of all cases: an AWSCluster prod in the namespace a.
func prod(living ...Object) Owner {
	return Owner{Owner: names.Owner{Cluster: "prod", UID: "me", Namespace: "a"}, Kind: KindCluster, Name: "prod", Created: early,
		Account: "1", Region: "r", Living: Fixed(append(living, Object{Kind: KindCluster, Namespace: "a", Name: "prod", UID: "me", Cluster: "prod", Created: early}))}
}

// twin is another cluster of the same name, which records ids.
func twin(created time.Time, records ...string) Object {
	return Object{Kind: KindCluster, Namespace: "b", Name: "prod", UID: "twin", Cluster: "prod", Created: created, Region: "r", Records: records}
}

func owned(uid string) map[string]string {
	tags := map[string]string{names.TagOwnedPrefix + "prod": names.Owned}
	if uid != "" {
		tags[names.TagUID] = uid
	}
	return tags
}

// in is made for an object of a namespace.
func in(namespace string, tags map[string]string) map[string]string {
	tags[names.TagNamespace] = namespace
	return tags
}

// former had the UID gone before.
func former(o Owner) Owner {
	o.Former = []string{"gone"}
	return o
}

// stray belongs to no Cluster.
func stray(x Object) Object {
	x.Stray = true
	return x
}

func TestWhatIsRecordedTellsTheUIDsOfBefore(t *testing.T) {
	got := prod().Learn(Resource{ID: "vpc-1", Tags: owned("gone")}, Resource{ID: "igw-1", Tags: owned("gone")}, Resource{ID: "eni-1", Tags: owned("me")},
		Resource{ID: "rtb-1", Tags: in("b", owned("elsewhere"))}, Resource{ID: "nat-1", Tags: map[string]string{names.TagUID: "stranger"}})
	if strings.Join(got, " ") != "gone" {
		t.Errorf("%q", got)
	}
}

func TestTagsProveWhoseAResourceIs(t *testing.T) {
	elsewhere := twin(late, "vpc-1")
	elsewhere.Account = "2"
	for name, c := range map[string]struct {
		owner    Owner
		resource Resource
		want     Verdict
		of       string
	}{
		"made by us":                           {prod(), Resource{Tags: owned("me")}, Ours, ""},
		"made by us, and wished for by others": {prod(twin(early, "vpc-1")), Resource{ID: "vpc-1", Tags: owned("me")}, Ours, ""},
		"without the owned tag, with our UID":  {prod(), Resource{Tags: map[string]string{names.TagUID: "me"}}, Ours, ""},
		"given away, with our UID":             {prod(), Resource{Tags: map[string]string{names.TagUID: "me", names.TagOwnedPrefix + "prod": names.Shared}}, Foreign, "somebody"},
		"made by CAPA":                         {prod(), Resource{Tags: owned("")}, Ours, ""},
		"of an object before it was moved":     {prod(), Resource{ID: "vpc-1", Tags: owned("gone"), Recorded: true}, Moved, ""},
		"with a UID from before a move":        {former(prod(twin(late))), Resource{ID: "eipalloc-1", Tags: owned("gone")}, Moved, ""},
		"moved within the namespace":           {prod(), Resource{ID: "vpc-1", Tags: in("a", owned("gone")), Recorded: true}, Moved, ""},
		"recorded by who can't have made it":   {prod(twin(early, "vpc-1")), Resource{ID: "vpc-1", Tags: in("a", owned("gone")), Recorded: true}, Moved, ""},
		"recorded by one without a Cluster":    {prod(stray(twin(early, "vpc-1"))), Resource{ID: "vpc-1", Tags: owned("gone"), Recorded: true}, Moved, ""},
		"by CAPA, one without a Cluster lives": {prod(stray(twin(early, "vpc-1"))), Resource{ID: "vpc-1", Tags: owned("")}, Ours, ""},
		"inside our own VPC after a move":      {prod(twin(early)), Resource{Tags: owned("gone"), Inside: true}, Moved, ""},

		"by its names, of somebody gone":         {prod(), Resource{ID: "eipalloc-1", Tags: owned("gone")}, Foreign, "an object with UID gone, which isn't in this server (another management cluster may have it)"},
		"made in another namespace":              {former(prod()), Resource{ID: "vpc-1", Tags: in("b", owned("gone")), Recorded: true, Inside: true}, Foreign, "an object with UID gone"},
		"made in another namespace, without UID": {prod(), Resource{ID: "vpc-1", Tags: in("b", owned("")), Recorded: true}, Foreign, "in another namespace"},

		"without tags, though recorded":   {prod(), Resource{ID: "vpc-1", Recorded: true}, Foreign, "somebody"},
		"shared with the cluster":         {prod(), Resource{Tags: map[string]string{names.TagOwnedPrefix + "prod": names.Shared}, Inside: true}, Foreign, "somebody"},
		"of a cluster of another name":    {prod(), Resource{Tags: map[string]string{names.TagOwnedPrefix + "other": names.Owned}, Recorded: true}, Foreign, "cluster other"},
		"of a twin who lives":             {prod(twin(late)), Resource{ID: "vpc-1", Tags: owned("twin"), Recorded: true, Inside: true}, Foreign, "another namespace"},
		"of one of the same namespace":    {prod(Object{Kind: KindPool, Namespace: "a", Name: "p", UID: "pool"}), Resource{Tags: owned("pool")}, Foreign, "AWSMachinePool a/p"},
		"by name, when twins live":        {prod(twin(late)), Resource{ID: "eipalloc-1", Tags: owned("gone")}, Foreign, "isn't in this server"},
		"made by CAPA, when twins live":   {prod(twin(late)), Resource{Tags: owned("")}, Foreign, "as much as"},
		"moved, and recorded by two":      {prod(twin(late, "vpc-1")), Resource{ID: "vpc-1", Tags: owned("gone"), Recorded: true}, Foreign, "as much as"},
		"by CAPA, recorded here first":    {prod(twin(late, "vpc-1")), Resource{ID: "vpc-1", Tags: owned(""), Recorded: true}, Ours, ""},
		"by CAPA, recorded by an elder":   {prod(twin(early.Add(-1), "vpc-1")), Resource{ID: "vpc-1", Tags: owned(""), Recorded: true}, Foreign, "as much as"},
		"by CAPA, recorded by a twin":     {prod(twin(late, "vpc-1")), Resource{ID: "vpc-1", Tags: owned("")}, Foreign, "as much as"},
		"the twin is in another account":  {prod(elsewhere), Resource{ID: "vpc-1", Tags: owned("gone"), Recorded: true}, Moved, ""},
		"recorded by one of another name": {prod(Object{Kind: KindCluster, UID: "x", Cluster: "other", Records: []string{"vpc-1"}}), Resource{ID: "vpc-1", Tags: owned("gone"), Recorded: true}, Moved, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.owner.Claim(c.resource)
			if got.Verdict != c.want || !strings.Contains(got.Of, c.of) || got.Ours() == (c.want == Foreign) {
				t.Errorf("%+v, want verdict %d of %q", got, c.want, c.of)
			}
		})
	}
}

func TestAMachineClaimsByItsOwnNameOnly(t *testing.T) {
	machine := func(name string, living ...Object) Owner {
		return Owner{Owner: names.Owner{Cluster: "prod", UID: "me", Namespace: "a"}, Kind: KindMachine, Name: name, Living: Fixed(living)}
	}
	other := Object{Kind: KindMachine, Namespace: "b", Name: "m1", UID: "x", Cluster: "prod"}
	if c := machine("m0", other).Claim(Resource{Tags: owned("")}); c.Verdict != Ours {
		t.Errorf("a machine of another name is in the way: %+v", c)
	}
	if c := machine("m1", other).Claim(Resource{Tags: owned("")}); c.Verdict != Foreign {
		t.Errorf("two machines of one name claim the same: %+v", c)
	}
}

func TestNothingIsClaimedWhileNobodyKnowsWhoLives(t *testing.T) {
	o := prod()
	o.Living = NewIndex(failing{}, failing{})
	if c := o.Claim(Resource{Tags: owned("gone"), Inside: true}); c.Ours() || !strings.Contains(c.Of, "known yet") {
		t.Errorf("%+v", c)
	}
	if c := o.Claim(Resource{Tags: owned("me")}); !c.Ours() {
		t.Errorf("what carries the object's own UID: %+v", c)
	}
}

func TestNamesInOtherNamespacesStayUnsaid(t *testing.T) {
	if c := prod(twin(late)).Claim(Resource{Tags: owned("twin")}); strings.Contains(c.Of, "b/prod") {
		t.Errorf("%q", c.Of)
	}
}
