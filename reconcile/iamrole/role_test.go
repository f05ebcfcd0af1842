package iamrole

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

func intent(make bool) Intent {
	return Intent{Owner: ownership.Owner{Owner: names.Owner{Cluster: "c1", UID: "uid", Namespace: "default"}, Kind: ownership.KindControlPlane, Name: "c1"},
		Area: "RoleReady", Failed: "RoleFailed", Name: "r1", Field: "spec.roleName", Generated: "r1", Make: make, Service: "eks.amazonaws.com", Policies: []string{"arn:aws:iam::aws:policy/P1"}}
}

func TestWhatIsDoneAboutARole(t *testing.T) {
	role := func(service string, tags map[string]string, policies ...string) *mirror.Role {
		trust := strings.ReplaceAll(TrustPolicy(service), `"`, "%22") // as IAM gives it
		return &mirror.Role{Role: iamtypes.Role{RoleName: aws.String("r1"), Arn: aws.String("arn:aws:iam::123456789012:role/r1"), AssumeRolePolicyDocument: &trust, Tags: tagList(tags)}, Policies: policies}
	}
	in := intent(true)
	mine := (&State{Intent: in}).wantedTags()
	const eks, p1 = "eks.amazonaws.com", "arn:aws:iam::aws:policy/P1"
	for name, c := range map[string]struct {
		make      bool
		row       *mirror.Role
		want, del string
		arn       bool
	}{
		"one that isn't there is made with its policies": {true, nil, "create role r1; attach policy P1 to role r1", "", false},
		"one that nobody may make is asked for":          {false, nil, "there is no role r1", "", false},
		"one that is as wanted is left":                  {true, role(eks, mine, p1), "", "detach policy P1 from role r1; delete role r1", true},
		"one that lacks a policy can't be used yet":      {true, role(eks, mine), "attach policy P1 to role r1", "delete role r1", false},
		"what else was attached is detached":             {true, role(eks, mine, p1, "arn:aws:iam::aws:policy/P2"), "detach policy P2 from role r1", "detach policy P1 from role r1; detach policy P2 from role r1; delete role r1", true},
		"CAPA's is the cluster's by its tag":             {true, role(eks, map[string]string{names.TagCloudProviderPrefix + "c1": names.Owned}), "attach policy P1 to role r1", "delete role r1", false},
		"what users made is used and left":               {true, role(eks, nil), "", "", true},
		"what was made for others isn't used":            {true, role(eks, map[string]string{names.TagOwnedPrefix + "c2": names.Owned, names.TagUID: "other"}), "was made for cluster c2", "", false},
		"where none are made, neither":                   {false, role(eks, map[string]string{names.TagOwnedPrefix + "c1": names.Owned, names.TagUID: "other", names.TagNamespace: "theirs"}), "and goes with it", "", false},
		"one that trusts others is told":                 {false, role("ec2.amazonaws.com", nil), "doesn't trust eks.amazonaws.com", "", true},
		"where roles aren't made, none is deleted":       {false, role(eks, mine, p1), "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			snap := mirror.NewSnapshot(cloud.Scope{Account: "123456789012"})
			if c.row == nil {
				snap = mirror.With[mirror.Role](snap, mirror.Roles, time.Unix(1, 0))
			} else {
				snap = mirror.With(snap, mirror.Roles, time.Unix(1, 0), *c.row)
			}
			s := Observe(intent(c.make), snap)
			if got := told(s.Plan()); !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("planned is %q, want %q", got, c.want)
			}
			if got := told(s.PlanDelete()); got != c.del {
				t.Errorf("deleted is %q, want %q", got, c.del)
			}
			if (s.ARN() != "") != c.arn {
				t.Errorf("its ARN is %q", s.ARN())
			}
		})
	}
}

// TestPoliciesThatRolesMayNotHaveAreLeftAsTheyAre: those that an earlier self attached stay, and nothing waits for others.
func TestPoliciesThatRolesMayNotHaveAreLeftAsTheyAre(t *testing.T) {
	const p1, admin, own, vpc = "arn:aws:iam::aws:policy/P1", "arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::123456789012:policy/own", "arn:aws:iam::aws:policy/AmazonEKSVPCResourceController"
	in := intent(true)
	in.Further, in.Allowed = []string{p1, admin, own, vpc}, cloud.RolePolicies{"arn:aws:iam::123456789012:policy/o*"}
	trust, none := TrustPolicy("eks.amazonaws.com"), mirror.With[mirror.Role](mirror.NewSnapshot(cloud.Scope{Account: "123456789012"}), mirror.Roles, time.Unix(1, 0))
	const cure = "policy arn:aws:iam::aws:policy/AdministratorAccess isn't attached to role r1: it is none that roles may have; take it out of spec.roleAdditionalPolicies, or have the server run with --iam-role-policies=arn:aws:iam::aws:policy/AdministratorAccess"
	if got, want := told(Observe(in, none).Plan()), "create role r1; attach policy P1 to role r1; attach policy own to role r1; attach policy AmazonEKSVPCResourceController to role r1; "+cure; got != want {
		t.Errorf("planned is %q", got)
	}
	for _, c := range []struct {
		have []string
		want string
	}{{[]string{p1, own, vpc}, cure}, {[]string{p1, admin, own, vpc}, ""}} {
		s := Observe(in, mirror.With(none, mirror.Roles, time.Unix(1, 0), mirror.Role{Policies: c.have, Role: iamtypes.Role{RoleName: aws.String("r1"),
			Arn: aws.String("arn:aws:iam::123456789012:role/r1"), AssumeRolePolicyDocument: &trust, Tags: tagList((&State{Intent: in}).wantedTags())}}))
		if got := told(s.Plan()); got != c.want || s.ARN() == "" {
			t.Errorf("with %v, planned is %q, the ARN %q", c.have, got, s.ARN())
		}
	}
	in.Make = false
	if got := told(Observe(in, mirror.With(none, mirror.Roles, time.Unix(1, 0), mirror.Role{Role: iamtypes.Role{RoleName: aws.String("r1"), AssumeRolePolicyDocument: &trust}})).Plan()); got != "" {
		t.Errorf("of a role that is merely named, planned is %q", got)
	}
}

// TestARoleThatAnyToolMayHaveMadeIsUsedAndLeft: CAPA, kops, OpenShift and others put the same tag on theirs.
func TestARoleThatAnyToolMayHaveMadeIsUsedAndLeft(t *testing.T) {
	trust := TrustPolicy("eks.amazonaws.com")
	snap := mirror.With(mirror.NewSnapshot(cloud.Scope{Account: "123456789012"}), mirror.Roles, time.Unix(1, 0), mirror.Role{Policies: []string{"arn:aws:iam::aws:policy/P2"},
		Role: iamtypes.Role{RoleName: aws.String("r1"), Arn: aws.String("arn:aws:iam::123456789012:role/r1"), AssumeRolePolicyDocument: &trust,
			Tags: tagList(map[string]string{names.TagCloudProviderPrefix + "c1": names.Owned})}})
	theirs := ownership.Object{Namespace: "theirs", Name: "x", UID: "another", Cluster: "c1"}
	for name, change := range map[string]func(*Intent){
		"another name than CAPA gives":                    func(in *Intent) { in.Generated = "c1-iam-service-role" },
		"a control plane of the cluster's name elsewhere": func(in *Intent) { theirs.Kind = ownership.KindControlPlane; in.Owner.Living = ownership.Fixed{theirs} },
		"a pool of a cluster of the name elsewhere":       func(in *Intent) { theirs.Kind = ownership.KindManagedPool; in.Owner.Living = ownership.Fixed{theirs} },
		"a Fargate profile of a cluster of the name elsewhere": func(in *Intent) {
			theirs.Kind = ownership.KindFargateProfile
			in.Owner.Living = ownership.Fixed{theirs}
		},
	} {
		in := intent(true)
		change(&in)
		s := Observe(in, snap)
		if p, d := s.Plan(), s.PlanDelete(); len(p.Actions)+len(d.Actions) > 0 || s.ARN() == "" {
			t.Errorf("%s: planned is %q and %q", name, told(p), told(d))
		}
	}
}

func TestARoleThatWasNotSeenIsNotMade(t *testing.T) {
	s := Observe(intent(true), mirror.NewSnapshot(cloud.Scope{Account: "123456789012"}))
	if p, d := s.Plan(), s.PlanDelete(); len(p.Actions)+len(d.Actions) > 0 || p.Done() || d.Done() {
		t.Errorf("planned is %+v and %+v", p, d)
	}
}

func told(p plan.Plan) string {
	var parts []string
	for _, a := range p.Actions {
		parts = append(parts, a.Summary)
	}
	for _, x := range p.Problems {
		parts = append(parts, x.Summary)
	}
	return strings.Join(parts, "; ")
}
