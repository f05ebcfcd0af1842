package eksaccess

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	alice = "arn:aws:iam::123456789012:role/alice"
	view  = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
	admin = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
)

func intent(entries ...Entry) Intent {
	return Intent{Parent: ekschild.Parent{Cluster: "default_c1", Owner: ownership.Owner{Kind: "AWSManagedControlPlane", Name: "c1",
		Owner: names.Owner{Cluster: "c1", UID: "uid-1", Namespace: "default"}}}, Ready: true, Mode: ekstypes.AuthenticationModeApi, Entries: entries}
}

func entry(change func(*mirror.EKSAccessEntry)) mirror.EKSAccessEntry {
	row := mirror.EKSAccessEntry{AccessEntry: ekstypes.AccessEntry{ClusterName: aws.String("default_c1"), PrincipalArn: aws.String(alice), Type: aws.String("STANDARD"),
		AccessEntryArn: aws.String("arn:aws:eks:us-east-1:123456789012:access-entry/default_c1/role/123456789012/alice/1"),
		Username:       aws.String("arn:aws:sts::123456789012:assumed-role/alice/{{SessionName}}"), Tags: map[string]string{"kubernetes.io/cluster/c1": "owned"}},
		Policies: []ekstypes.AssociatedAccessPolicy{}}
	if change != nil {
		change(&row)
	}
	return row
}

func policy(arn string, namespaces ...string) ekstypes.AssociatedAccessPolicy {
	return ekstypes.AssociatedAccessPolicy{PolicyArn: aws.String(arn), AccessScope: (&Policy{Namespaces: namespaces}).scope()}
}

func told(p plan.Plan) string {
	var parts []string
	for _, a := range p.Actions {
		part := strings.TrimPrefix(a.Operation, "eks.") + " " + a.Key[strings.LastIndex(a.Key, "/")+1:]
		if in, ok := a.Input.(*eks.UpdateAccessEntryInput); ok {
			part += " " + aws.ToString(in.Username) + " " + strings.Join(in.KubernetesGroups, ",")
		}
		if a.WaitsFor != "" {
			part += " waits for " + a.WaitsFor
		}
		parts = append(parts, part)
	}
	for _, w := range p.Waits {
		parts = append(parts, "wait: "+w.Summary)
	}
	for _, x := range p.Problems {
		parts = append(parts, x.Reason+": "+x.Summary)
	}
	return strings.Join(parts, "; ")
}

func TestEntriesBecomeWhatTheSpecSays(t *testing.T) {
	plain := Entry{Principal: alice}
	for name, x := range map[string]struct {
		in       Intent
		recorded bool
		rows     []mirror.EKSAccessEntry
		want     string
	}{
		"made, then its policies": {intent(Entry{Principal: alice, Policies: []Policy{{ARN: view}}}), false, nil,
			"CreateAccessEntry alice; AssociateAccessPolicy AmazonEKSViewPolicy waits for the entry"},
		"as wanted, with EKS's username": {intent(plain), false, []mirror.EKSAccessEntry{entry(nil)}, ""},
		"another username":               {intent(Entry{Principal: alice, Username: "alice"}), false, []mirror.EKSAccessEntry{entry(nil)}, "UpdateAccessEntry alice alice "},
		"groups, in another order": {intent(Entry{Principal: alice, Groups: []string{"b", "a"}}), false,
			[]mirror.EKSAccessEntry{entry(func(e *mirror.EKSAccessEntry) { e.KubernetesGroups = []string{"a", "b"} })}, ""},
		"groups to be taken away": {intent(plain), false,
			[]mirror.EKSAccessEntry{entry(func(e *mirror.EKSAccessEntry) { e.KubernetesGroups = []string{"a"} })}, "UpdateAccessEntry alice  "},
		"another type is another entry": {intent(Entry{Principal: alice, Type: "EC2_LINUX"}), false, []mirror.EKSAccessEntry{entry(nil)}, "DeleteAccessEntry alice"},
		"policies of another scope, and one too many": {intent(Entry{Principal: alice, Policies: []Policy{{ARN: view, Namespaces: []string{"b", "a"}}}}), false,
			[]mirror.EKSAccessEntry{entry(func(e *mirror.EKSAccessEntry) {
				e.Policies = []ekstypes.AssociatedAccessPolicy{policy(view), policy(admin)}
			})},
			"AssociateAccessPolicy AmazonEKSViewPolicy; DisassociateAccessPolicy AmazonEKSClusterAdminPolicy"},
		"policies as wanted": {intent(Entry{Principal: alice, Policies: []Policy{{ARN: view, Namespaces: []string{"b", "a"}}}}), false,
			[]mirror.EKSAccessEntry{entry(func(e *mirror.EKSAccessEntry) { e.Policies = []ekstypes.AssociatedAccessPolicy{policy(view, "a", "b")} })}, ""},
		"nodes have no policies": {intent(Entry{Principal: alice, Type: "EC2_LINUX", Policies: []Policy{{ARN: view}}}), false,
			[]mirror.EKSAccessEntry{entry(func(e *mirror.EKSAccessEntry) { e.Type, e.Policies = aws.String("EC2_LINUX"), nil })}, ""},
		"somebody else's": {intent(Entry{Principal: alice, Groups: []string{"a"}}), false, []mirror.EKSAccessEntry{entry(func(e *mirror.EKSAccessEntry) { e.Tags = nil })},
			"EKSAccessEntryForeign: the access entry of " + alice + " is of somebody who made it without the tag kubernetes.io/cluster/c1 = owned; leave it out of spec.accessEntries, or, " +
				"to have it managed: aws eks tag-resource --resource-arn arn:aws:eks:us-east-1:123456789012:access-entry/default_c1/role/123456789012/alice/1 --tags kubernetes.io/cluster/c1=owned"},
		"named no more":                      {intent(), true, []mirror.EKSAccessEntry{entry(nil)}, "DeleteAccessEntry alice"},
		"named no more, and somebody else's": {intent(), true, []mirror.EKSAccessEntry{entry(func(e *mirror.EKSAccessEntry) { e.Tags = nil })}, ""},
		"nodes have EKS's groups": {intent(Entry{Principal: alice, Type: "EC2_LINUX", Shared: true}), false,
			[]mirror.EKSAccessEntry{entry(func(e *mirror.EKSAccessEntry) {
				e.Type, e.KubernetesGroups = aws.String("EC2_LINUX"), []string{"system:nodes"}
			})}, ""},
		"nodes share somebody else's entry": {intent(Entry{Principal: alice, Type: "EC2_LINUX", Shared: true}), false,
			[]mirror.EKSAccessEntry{entry(func(e *mirror.EKSAccessEntry) { e.Type, e.Tags = aws.String("EC2_LINUX"), nil })}, ""},
		"somebody else's entry of another type is none for nodes": {intent(Entry{Principal: alice, Type: "EC2_LINUX", Shared: true}), false,
			[]mirror.EKSAccessEntry{entry(func(e *mirror.EKSAccessEntry) { e.Tags = nil })},
			"EKSAccessEntryForeign: instances of " + alice + " can't join as nodes: its access entry, which is of somebody who made it without the tag kubernetes.io/cluster/c1 = owned, has type STANDARD and not EC2_LINUX; " +
				"delete it, or give the machines another instance profile"},
		"named no more, and kept for others": {func() Intent { in := intent(); in.Kept = []string{alice}; return in }(), true, []mirror.EKSAccessEntry{entry(nil)}, ""},
		"named no more, and gone":            {intent(), true, nil, ""},
		"never named":                        {intent(), false, []mirror.EKSAccessEntry{entry(nil)}, ""},
		"a cluster that has no entries": {func() Intent { in := intent(plain); in.Mode = ekstypes.AuthenticationModeConfigMap; return in }(), false, nil,
			"wait: the authentication mode to be one that has access entries (spec.accessConfig.authenticationMode: api or api_and_config_map)"},
	} {
		if x.recorded {
			x.in.Recorded = []string{alice}
		}
		snap := mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.EKSAccessEntries, time.Now(), x.rows...)
		s := Observe(x.in, snap)
		if got := told(s.Plan()); got != x.want || told(s.Plan()) != got {
			t.Errorf("%s: the plan is %q, want %q", name, got, x.want)
		}
	}
}

func TestWhatIsToGoStaysRecordedUntilItIsGone(t *testing.T) {
	in := intent(Entry{Principal: "arn:aws:iam::123456789012:role/bob"})
	in.Recorded = []string{alice}
	seen := func(rows ...mirror.EKSAccessEntry) *mirror.Snapshot {
		return mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.EKSAccessEntries, time.Now(), rows...)
	}
	for name, x := range map[string]struct {
		snap *mirror.Snapshot
		want int
	}{"not seen": {mirror.NewSnapshot(cloud.Scope{}), 2}, "there": {seen(entry(nil)), 2}, "gone": {seen(), 1},
		"somebody else's": {seen(entry(func(e *mirror.EKSAccessEntry) { e.Tags = nil })), 1}} {
		if left := Observe(in, x.snap).Left(); len(left) != x.want || !slices.IsSorted(left) {
			t.Errorf("%s: recorded are %v", name, left)
		}
	}
}
