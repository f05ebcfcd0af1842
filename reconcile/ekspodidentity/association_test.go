package ekspodidentity

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

func association(change func(*ekstypes.PodIdentityAssociation)) ekstypes.PodIdentityAssociation {
	row := ekstypes.PodIdentityAssociation{ClusterName: aws.String("default_c1"), Namespace: aws.String("ns"), ServiceAccount: aws.String("sa"), AssociationId: aws.String("a-1"),
		AssociationArn: aws.String("arn:a-1"), RoleArn: aws.String("arn:r1"), Tags: map[string]string{"kubernetes.io/cluster/c1": "owned"}}
	if change != nil {
		change(&row)
	}
	return row
}

func TestAssociationsBecomeWhatTheSpecSays(t *testing.T) {
	type row = ekstypes.PodIdentityAssociation
	one := Association{Namespace: "ns", ServiceAccount: "sa", RoleARN: "arn:r1"}
	with := func(change func(*Association)) []Association {
		a := one
		change(&a)
		return []Association{a}
	}
	for name, x := range map[string]struct {
		wanted []Association
		rows   []row
		want   string
	}{
		"made":           {[]Association{one}, nil, "CreatePodIdentityAssociation"},
		"as wanted":      {[]Association{one}, []row{association(nil)}, ""},
		"another role":   {with(func(a *Association) { a.RoleARN = "arn:r2" }), []row{association(nil)}, "UpdatePodIdentityAssociation"},
		"another target": {with(func(a *Association) { a.TargetRoleARN = "arn:r2" }), []row{association(nil)}, "UpdatePodIdentityAssociation"},
		"the same policy, written otherwise": {with(func(a *Association) { a.Policy = `{"a": 1}` }),
			[]row{association(func(a *row) { a.Policy = aws.String(`{"a":1}`) })}, ""},
		"an add-on's": {[]Association{one}, []row{association(func(a *row) { a.OwnerArn = aws.String("arn:addon") })},
			"the pod identity association of ns/sa is of arn:addon; leave it out of spec.podIdentityAssociations"},
		"somebody else's": {[]Association{one}, []row{association(func(a *row) { a.Tags = nil })},
			"the pod identity association of ns/sa is of somebody who made it without the tag kubernetes.io/cluster/c1 = owned; leave it out of spec.podIdentityAssociations"},
		"named no more":                      {nil, []row{association(nil)}, "DeletePodIdentityAssociation"},
		"named no more, and somebody else's": {nil, []row{association(func(a *row) { a.Tags = nil })}, ""},
		"named no more, and an add-on's":     {nil, []row{association(func(a *row) { a.OwnerArn = aws.String("arn:addon") })}, ""},
	} {
		in := Intent{Parent: ekschild.Parent{Cluster: "default_c1", Owner: ownership.Owner{Kind: "AWSManagedControlPlane", Name: "c1",
			Owner: names.Owner{Cluster: "c1", UID: "uid-1", Namespace: "default"}}}, Ready: true, Associations: x.wanted, Recorded: []string{"ns/sa"}}
		p := Observe(in, mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.EKSPodIdentities, time.Now(), x.rows...)).Plan()
		var parts []string
		for _, a := range p.Actions {
			parts = append(parts, strings.TrimPrefix(a.Operation, "eks."))
		}
		for _, problem := range p.Problems {
			summary, _, _ := strings.Cut(problem.Summary, ", or, ")
			parts = append(parts, summary)
		}
		if got := strings.Join(parts, "; "); got != x.want || len(p.Waits) > 0 {
			t.Errorf("%s: the plan is %q, want %q", name, got, x.want)
		}
	}
}
