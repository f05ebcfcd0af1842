package eksaddon

import (
	"encoding/json"
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
	owned    = "kubernetes.io/cluster/c1"
	otherUID = "uid-of-other"
)

// living is another object of the server, which has the other UID.
var living = ownership.Fixed{{Kind: "AWSManagedControlPlane", Namespace: "default", Name: "other", UID: otherUID, Cluster: "other"}}

func intent(addons ...Addon) Intent {
	return Intent{Parent: ekschild.Parent{Cluster: "default_c1", Owner: ownership.Owner{Living: living, Kind: "AWSManagedControlPlane", Name: "c1",
		Owner: names.Owner{Cluster: "c1", UID: "uid-1", Namespace: "default", Additional: map[string]string{"team": "a"}}}},
		Kubernetes: "1.34", Ready: true, Addons: addons}
}

func addon(name string, change func(*mirror.EKSAddon)) mirror.EKSAddon {
	row := mirror.EKSAddon{Addon: ekstypes.Addon{AddonName: aws.String(name), ClusterName: aws.String("default_c1"), AddonVersion: aws.String("v1.1.0-eksbuild.2"),
		AddonArn: aws.String("arn:aws:eks:us-east-1:123456789012:addon/default_c1/" + name), Status: ekstypes.AddonStatusActive,
		Tags: map[string]string{owned: "owned", "team": "a"}}}
	if change != nil {
		change(&row)
	}
	return row
}

func offers3(name string) mirror.EKSAddonVersions {
	of := func(version string, isDefault bool) ekstypes.AddonVersionInfo {
		return ekstypes.AddonVersionInfo{AddonVersion: aws.String(version), Compatibilities: []ekstypes.Compatibility{{ClusterVersion: aws.String("1.34"), DefaultVersion: isDefault}}}
	}
	return mirror.EKSAddonVersions{Kubernetes: "1.34", Name: name, Versions: []ekstypes.AddonVersionInfo{
		of("v1.1.0-eksbuild.9", false), of("v1.1.0-eksbuild.10", false), of("v1.1.0-eksbuild.3", true)}}
}

func snapshot(rows ...mirror.EKSAddon) *mirror.Snapshot {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	snap := mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.EKSAddons, now, rows...)
	return mirror.With(snap, mirror.EKSAddonVersionsOf, now, offers3("vpc-cni"))
}

// told is a plan in few words.
func told(p plan.Plan) string {
	var parts []string
	for _, a := range p.Actions {
		part := strings.TrimPrefix(a.Operation, "eks.") + " " + a.Key
		switch in := a.Input.(type) {
		case *eks.CreateAddonInput:
			part += " " + aws.ToString(in.AddonVersion) + " " + string(in.ResolveConflicts)
		case *eks.UpdateAddonInput:
			part += " " + aws.ToString(in.AddonVersion)
		case *eks.DeleteAddonInput:
			if in.Preserve {
				part += " preserving"
			}
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
		parts = append(parts, "problem: "+x.Summary)
	}
	return strings.Join(parts, "; ")
}

func TestWhatTheSpecSaysOfAnAddonIsMadeSoAndNothingElse(t *testing.T) {
	cni := Addon{Name: "vpc-cni", Version: "v1.1.0-eksbuild.2"}
	with := func(change func(*Addon)) Addon {
		a := cni
		change(&a)
		return a
	}
	for name, x := range map[string]struct {
		in   Intent
		rows []mirror.EKSAddon
		want string
	}{
		"nothing wanted, foreign there": {intent(), []mirror.EKSAddon{addon("coredns", nil)}, ""},
		"made where there is none":      {intent(cni), nil, "CreateAddon addon/vpc-cni v1.1.0-eksbuild.2 OVERWRITE"},
		"made once the cluster is there": {func() Intent { in := intent(cni); in.Ready = false; return in }(), nil,
			"CreateAddon addon/vpc-cni v1.1.0-eksbuild.2 OVERWRITE waits for the cluster"},
		"none is EKS's word for preserving at first": {intent(with(func(a *Addon) { a.Conflicts = ekstypes.ResolveConflictsPreserve })), nil,
			"CreateAddon addon/vpc-cni v1.1.0-eksbuild.2 NONE"},
		"as wanted": {intent(cni), []mirror.EKSAddon{addon("vpc-cni", nil)}, ""},
		"adopted where it is nobody's": {intent(cni), []mirror.EKSAddon{addon("vpc-cni", func(a *mirror.EKSAddon) { a.Tags = nil })},
			"TagResource addon/vpc-cni/tags"},
		"another object's": {intent(cni), []mirror.EKSAddon{addon("vpc-cni", func(a *mirror.EKSAddon) {
			a.AddonVersion, a.Tags = aws.String("v0"), map[string]string{owned: "owned", names.TagUID: otherUID}
		})}, "problem: add-on vpc-cni is of AWSManagedControlPlane default/other; take it out of spec.addons, or the tags that say so off the add-on"},
		"another version": {intent(with(func(a *Addon) { a.Version = "v2" })), []mirror.EKSAddon{addon("vpc-cni", nil)}, "UpdateAddon addon/vpc-cni v2"},
		"the same configuration, written otherwise": {intent(with(func(a *Addon) { a.Configuration = `{"a": {"b": 1}, "c": true}` })),
			[]mirror.EKSAddon{addon("vpc-cni", func(a *mirror.EKSAddon) { a.ConfigurationValues = aws.String("c: true\na:\n  b: 1\n") })}, ""},
		"another configuration": {intent(with(func(a *Addon) { a.Configuration = `{"a": 2}` })),
			[]mirror.EKSAddon{addon("vpc-cni", func(a *mirror.EKSAddon) { a.ConfigurationValues = aws.String(`{"a": 1}`) })}, "UpdateAddon addon/vpc-cni v1.1.0-eksbuild.2"},
		"a configuration of which the spec says nothing": {intent(cni),
			[]mirror.EKSAddon{addon("vpc-cni", func(a *mirror.EKSAddon) { a.ConfigurationValues = aws.String(`{"a": 1}`) })}, ""},
		"another role": {intent(with(func(a *Addon) { a.RoleARN = "arn:r2" })), []mirror.EKSAddon{addon("vpc-cni", nil)}, "UpdateAddon addon/vpc-cni v1.1.0-eksbuild.2"},
		"being updated": {intent(with(func(a *Addon) { a.Version = "v2" })), []mirror.EKSAddon{addon("vpc-cni", func(a *mirror.EKSAddon) { a.Status = ekstypes.AddonStatusUpdating })},
			"wait: add-on vpc-cni, which is UPDATING"},
		"degraded": {intent(cni), []mirror.EKSAddon{addon("vpc-cni", func(a *mirror.EKSAddon) {
			a.Status = ekstypes.AddonStatusDegraded
			a.Health = &ekstypes.AddonHealth{Issues: []ekstypes.AddonIssue{{Code: ekstypes.AddonIssueCodeInsufficientNumberOfReplicas, Message: aws.String("no nodes")}}}
		})}, "problem: add-on vpc-cni is DEGRADED: InsufficientNumberOfReplicas: no nodes"},
		"failed to be made": {intent(cni), []mirror.EKSAddon{addon("vpc-cni", func(a *mirror.EKSAddon) { a.Status = ekstypes.AddonStatusCreateFailed })},
			"DeleteAddon addon/vpc-cni preserving; problem: add-on vpc-cni is CREATE_FAILED: EKS gives no reason"},
		"failed to be updated, and corrected": {intent(with(func(a *Addon) { a.Version = "v3" })), []mirror.EKSAddon{addon("vpc-cni", func(a *mirror.EKSAddon) { a.Status = ekstypes.AddonStatusUpdateFailed })},
			"UpdateAddon addon/vpc-cni v3; problem: add-on vpc-cni is UPDATE_FAILED: EKS gives no reason"},
		"its workload is to stay": {intent(with(func(a *Addon) { a.Preserve = true })), []mirror.EKSAddon{addon("vpc-cni", nil)}, "TagResource addon/vpc-cni/tags"},
		"its workload may go after all": {intent(cni), []mirror.EKSAddon{addon("vpc-cni", func(a *mirror.EKSAddon) { a.Tags[tagPreserve] = "true" })},
			"UntagResource addon/vpc-cni/removed-tags"},
	} {
		s := Observe(x.in, snapshot(x.rows...))
		if got := told(s.Plan()); got != x.want {
			t.Errorf("%s: the plan is %q, want %q", name, got, x.want)
		}
		if again := told(s.Plan()); again != told(Observe(x.in, snapshot(x.rows...)).Plan()) {
			t.Errorf("%s: another time the plan is %q", name, again)
		}
	}
}

func TestWhatTheSpecNamedBeforeGoesIfItIsTheClusters(t *testing.T) {
	for name, x := range map[string]struct {
		change func(*mirror.EKSAddon)
		want   string
	}{
		"ours":             {nil, "DeleteAddon addon/vpc-cni"},
		"ours, preserved":  {func(a *mirror.EKSAddon) { a.Tags[tagPreserve] = "true" }, "DeleteAddon addon/vpc-cni preserving"},
		"nobody's":         {func(a *mirror.EKSAddon) { a.Tags = nil }, ""},
		"another object's": {func(a *mirror.EKSAddon) { a.Tags[names.TagUID] = otherUID }, ""},
		"on its way out":   {func(a *mirror.EKSAddon) { a.Status = ekstypes.AddonStatusDeleting }, "wait: add-on vpc-cni, which is DELETING"},
		"stuck":            {func(a *mirror.EKSAddon) { a.Status = ekstypes.AddonStatusDeleteFailed }, "DeleteAddon addon/vpc-cni"},
	} {
		in := intent()
		in.Recorded = []string{"vpc-cni"}
		if got := told(Observe(in, snapshot(addon("vpc-cni", x.change))).Plan()); got != x.want {
			t.Errorf("%s: the plan is %q, want %q", name, got, x.want)
		}
	}
}

func TestAChannelLeadsForwardAndNeverBack(t *testing.T) {
	at := func(version string) []mirror.EKSAddon {
		return []mirror.EKSAddon{addon("vpc-cni", func(a *mirror.EKSAddon) { a.AddonVersion = aws.String(version) })}
	}
	for name, x := range map[string]struct {
		channel string
		rows    []mirror.EKSAddon
		want    string
	}{
		"the default at first":              {ChannelDefault, nil, "CreateAddon addon/vpc-cni v1.1.0-eksbuild.3 OVERWRITE"},
		"the default, unsaid":               {"", nil, "CreateAddon addon/vpc-cni v1.1.0-eksbuild.3 OVERWRITE"},
		"the newest at first":               {ChannelLatest, nil, "CreateAddon addon/vpc-cni v1.1.0-eksbuild.10 OVERWRITE"},
		"to the default":                    {ChannelDefault, at("v1.0.0-eksbuild.1"), "UpdateAddon addon/vpc-cni v1.1.0-eksbuild.3"},
		"to the newest":                     {ChannelLatest, at("v1.1.0-eksbuild.9"), "UpdateAddon addon/vpc-cni v1.1.0-eksbuild.10"},
		"newer than the default":            {ChannelDefault, at("v1.1.0-eksbuild.9"), ""},
		"newer than what the cluster takes": {ChannelDefault, at("v1.9.0-eksbuild.1"), "UpdateAddon addon/vpc-cni v1.1.0-eksbuild.3"},
	} {
		if got := told(Observe(intent(Addon{Name: "vpc-cni", Version: x.channel}), snapshot(x.rows...)).Plan()); got != x.want {
			t.Errorf("%s: the plan is %q, want %q", name, got, x.want)
		}
	}
	unknown := told(Observe(intent(Addon{Name: "mistyped", Version: ChannelLatest}), snapshot()).Plan())
	if unknown != "problem: EKS has no add-on mistyped for Kubernetes 1.34; take it out of spec.addons, or correct its name" {
		t.Errorf("an unknown add-on gives %q", unknown)
	}
}

func TestAnUpdateSendsAllThatAnAddonIsSetTo(t *testing.T) {
	row := addon("vpc-cni", func(a *mirror.EKSAddon) {
		a.ConfigurationValues, a.ServiceAccountRoleArn = aws.String(`{"a": 1}`), aws.String("arn:role")
	})
	p := Observe(intent(Addon{Name: "vpc-cni", Version: "v2"}), snapshot(row)).Plan()
	in := p.Actions[0].Input.(*eks.UpdateAddonInput)
	if aws.ToString(in.ConfigurationValues) != `{"a": 1}` || aws.ToString(in.ServiceAccountRoleArn) != "arn:role" || in.PodIdentityAssociations != nil {
		text, _ := json.Marshal(in)
		t.Errorf("the update leaves out what was set: %s", text)
	}
}

func TestPodIdentitiesAreComparedAsFarAsTheyCanBeSeen(t *testing.T) {
	want := []ekstypes.AddonPodIdentityAssociations{{RoleArn: aws.String("arn:r"), ServiceAccount: aws.String("sa")}}
	has := func(role string, seen bool) mirror.EKSAddon {
		return addon("vpc-cni", func(a *mirror.EKSAddon) {
			a.PodIdentityAssociations = []string{"arn:aws:eks:us-east-1:123456789012:podidentityassociation/default_c1/a-1"}
			if seen {
				a.Identities = []ekstypes.PodIdentityAssociation{{RoleArn: aws.String(role), ServiceAccount: aws.String("sa")}}
			}
		})
	}
	for name, x := range map[string]struct {
		row  mirror.EKSAddon
		want bool
	}{"the same": {has("arn:r", true), true}, "another role": {has("arn:x", true), false}, "none": {addon("vpc-cni", nil), false}, "not to be seen": {has("", false), true}} {
		differs := differences(&Addon{Name: "vpc-cni", Identities: want}, "", &x.row)
		if got := !slices.Contains(differs, podIdentities); got != x.want {
			t.Errorf("%s: that they are the same is %v", name, got)
		}
	}
}

func TestWhatWasNotReadIsWaitedFor(t *testing.T) {
	got := told(Observe(intent(Addon{Name: "vpc-cni", Version: "v1"}), mirror.NewSnapshot(cloud.Scope{})).Plan())
	if got != "wait: add-on vpc-cni to be read" {
		t.Errorf("the plan is %q", got)
	}
	wants := (&Intent{Parent: ekschild.Parent{Cluster: "c"}, Kubernetes: "1.34", Addons: []Addon{{Name: "b", Version: "latest"}, {Name: "a", Version: "v1"}}, Recorded: []string{"b", "z"}}).Wants()
	if len(wants) != 2 || !slices.Equal(wants[0].IDs, []string{"a", "b", "z"}) || wants[1].Parent != "1.34" {
		t.Errorf("wanted are %v", wants)
	}
}
