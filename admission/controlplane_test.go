package admission

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

func controlPlane(change func(*controlplanev1.AWSManagedControlPlaneSpec)) *controlplanev1.AWSManagedControlPlane {
	c := &controlplanev1.AWSManagedControlPlane{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "cp", Labels: map[string]string{clusterv1.ClusterNameLabel: "eks"}}}
	c.Spec.Region, c.Spec.Version = "us-east-1", aws.String("v1.34.2")
	change(&c.Spec)
	return c
}

func initialized(c *controlplanev1.AWSManagedControlPlane) *controlplanev1.AWSManagedControlPlane {
	yes := true
	c.Status.Initialization = &controlplanev1.Initialization{Provisioned: &yes, ControlPlaneInitialized: &yes}
	return c
}

func version(text string) func(*controlplanev1.AWSManagedControlPlaneSpec) {
	return func(s *controlplanev1.AWSManagedControlPlaneSpec) { s.Version = &text }
}

func (w *liveWorld) role(name, service string) {
	session, err := w.rules.live.Sessions.For(w.t.Context(), cloud.Site{Region: "us-east-1"})
	w.must(err)
	_, err = session.IAM.CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &name,
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["` + service + `"]},"Action":"sts:AssumeRole"}]}`)})
	w.must(err)
}

// answersOf is EKS as far as a test says, by path; what it doesn't say is denied.
type answersOf struct {
	Sessions
	url string
}

func (a answersOf) For(ctx context.Context, site cloud.Site) (*cloud.Session, error) {
	session, err := a.Sessions.For(ctx, site)
	if err != nil {
		return nil, err
	}
	other := *session
	other.EKS = eks.New(eks.Options{Region: "us-east-1", BaseEndpoint: &a.url, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")})
	return &other, nil
}

// answering has EKS answer what a test says.
func (w *liveWorld) answering(answers map[string]string) controlPlaneRules {
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if name := r.URL.Query().Get("addonName"); name != "" {
			path += "?" + name + "@" + r.URL.Query().Get("kubernetesVersion")
		}
		answer, found := answers[path]
		out.Header().Set("Content-Type", "application/json")
		if !found {
			out.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
			out.WriteHeader(http.StatusForbidden)
			answer = `{"message": "User: me is not authorized to perform: eks:Something"}`
		}
		fmt.Fprint(out, answer)
	}))
	w.t.Cleanup(server.Close)
	live := *w.rules.live
	live.Sessions = answersOf{w.rules.live.Sessions, server.URL}
	return controlPlaneRules{live: &live}
}

func said(rules controlPlaneRules, updated, old *controlplanev1.AWSManagedControlPlane) (warned, refused string) {
	r := Request{Operation: admissionv1.Create, Namespace: "default", Object: updated}
	if old != nil {
		r.Operation, r.Old = admissionv1.Update, old
	}
	warnings, errs := rules.fits(context.Background(), r)
	if len(errs) > 0 {
		refused = errs.ToAggregate().Error()
	}
	return strings.Join(warnings, "\n"), refused
}

func TestControlPlanesAskOnlyForWhatAWSHas(t *testing.T) {
	w := newLiveWorld(t)
	w.role("eks-good", "eks.amazonaws.com")
	w.role("eks-ec2", "ec2.amazonaws.com")
	rules := controlPlaneRules{live: w.rules.live}
	roleName := func(name string) func(*controlplanev1.AWSManagedControlPlaneSpec) {
		return func(s *controlplanev1.AWSManagedControlPlaneSpec) { s.RoleName = &name }
	}
	second, err := w.ec2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &w.vpc, CidrBlock: aws.String("10.0.1.0/24"), AvailabilityZone: aws.String("us-east-1a")})
	w.must(err)
	subnets := func(ids ...string) func(*controlplanev1.AWSManagedControlPlaneSpec) {
		return func(s *controlplanev1.AWSManagedControlPlaneSpec) {
			for _, id := range ids {
				s.Network.Subnets = append(s.Network.Subnets, infrav1.SubnetSpec{ID: id})
			}
		}
	}
	for name, c := range map[string]struct {
		change        func(*controlplanev1.AWSManagedControlPlaneSpec)
		warning, want string
	}{
		"all there":                 {roleName("eks-good"), "", ""},
		"a version that isn't":      {version("v1.99.0"), "", `spec.version: Invalid value: "v1.99.0": EKS doesn't offer it in us-east-1: write one of v1.36, v1.35`},
		"a version with a suffix":   {version("v1.35.1-eks-cb19647"), "", ""},
		"no such role":              {roleName("eks-gone"), "spec.roleName: there is no role eks-gone that account 123456789012 shows: the cluster waits until there is", ""},
		"a role of something else":  {roleName("eks-ec2"), "", "add the service eks.amazonaws.com to its principals"},
		"subnets in two zones":      {subnets(w.subnet, w.otherSubnet), "", ""},
		"subnets in one zone":       {subnets(w.subnet, *second.Subnet.SubnetId), "", `spec.network.subnets: Invalid value: "us-east-1a": EKS needs subnets in two availability zones at least`},
		"subnets that aren't there": {subnets("subnet-0123456789abcdef0"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			warned, refused := said(rules, controlPlane(c.change), nil)
			if (c.want == "") != (refused == "") || !strings.Contains(refused, c.want) || (c.warning == "") != (warned == "") || !strings.Contains(warned, c.warning) {
				t.Errorf("refused with %q, want %q; warned of %q, want %q", refused, c.want, warned, c.warning)
			}
		})
	}
	w.aws.ResetCounts()
	old := controlPlane(roleName("eks-ec2"))
	updated := controlPlane(roleName("eks-ec2"))
	updated.Spec.Force, updated.Labels["more"] = true, "words"
	if warned, refused := said(rules, updated, old); warned+refused != "" {
		t.Errorf("an update of something else: %q, %q", warned, refused)
	}
}

const coredns = `{"addons": [{"addonName": "coredns", "addonVersions": [{"addonVersion": "v1.12.0-eksbuild.1"}, {"addonVersion": "v1.11.4-eksbuild.2"}]}]}`

func TestAnUpgradeIsRefusedForWhatItWouldBreakUnlessForced(t *testing.T) {
	w := newLiveWorld(t)
	versions := `{"clusterVersions": [
		{"clusterVersion": "1.36", "versionStatus": "STANDARD_SUPPORT"}, {"clusterVersion": "1.35", "versionStatus": "STANDARD_SUPPORT"},
		{"clusterVersion": "1.33", "versionStatus": "EXTENDED_SUPPORT", "endOfStandardSupportDate": 1785283200, "endOfExtendedSupportDate": 1816819200}]}`
	insight := func(id, about string) string {
		return `{"id": "` + id + `", "name": "Deprecated APIs", "category": "UPGRADE_READINESS", "kubernetesVersion": "` + about + `", "insightStatus": {"status": "ERROR", "reason": "in use"}`
	}
	details := `, "recommendation": "Update the manifests.", "categorySpecificSummary": {"deprecationDetails": [
		{"usage": "/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas", "replacedWith": "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas", "stopServingVersion": "1.35", "clientStats": [{"userAgent": "old-operator"}]}]}`
	answers := map[string]string{
		"/cluster-versions": versions, "/addons/supported-versions?coredns@1.35": coredns, "/addons/supported-versions?coredns@1.36": coredns,
		"/addons/supported-versions?nothing@1.35": `{"addons": []}`, "/addons/supported-versions?coredns@1.33": coredns,
		"/clusters/default_cp/insights":   `{"insights": [` + insight("a", "1.35") + `}]}`,
		"/clusters/default_cp/insights/a": `{"insight": ` + insight("a", "1.35") + details + `}}`,
		"/clusters/default_ok/insights":   `{"insights": []}`,
	}
	rules := w.answering(answers)
	machine := &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "old", Labels: map[string]string{clusterv1.ClusterNameLabel: "lagging"}},
		Spec: clusterv1.MachineSpec{ClusterName: "lagging", Version: "v1.34.0"}, Status: clusterv1.MachineStatus{NodeInfo: &corev1.NodeSystemInfo{KubeletVersion: "v1.31.9-eks-1"}}}
	w.must(w.kube.Create(t.Context(), machine))
	addon := func(name, version string) func(*controlplanev1.AWSManagedControlPlaneSpec) {
		return func(s *controlplanev1.AWSManagedControlPlaneSpec) {
			s.Addons = []controlplanev1.Addon{{Name: name, Version: version}}
		}
	}
	to := func(text string, more ...func(*controlplanev1.AWSManagedControlPlaneSpec)) *controlplanev1.AWSManagedControlPlane {
		c := controlPlane(version(text))
		for _, change := range more {
			change(&c.Spec)
		}
		return initialized(c)
	}
	named := func(name, cluster string, c *controlplanev1.AWSManagedControlPlane) *controlplanev1.AWSManagedControlPlane {
		c.Name, c.Labels = name, map[string]string{clusterv1.ClusterNameLabel: cluster}
		return c
	}
	force := func(s *controlplanev1.AWSManagedControlPlaneSpec) { s.Force = true }
	for name, c := range map[string]struct {
		updated, old  *controlplanev1.AWSManagedControlPlane
		warning, want string
	}{
		"an API that is still asked for": {to("v1.35"), to("v1.34"), "", "EKS says that the cluster isn't ready for it: Deprecated APIs (in use): /apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas is gone in 1.35, " +
			"use /apis/flowcontrol.apiserver.k8s.io/v1/flowschemas, which old-operator still asks for: Update the manifests.; write force: true to go on in spite of it"},
		"the same, forced":               {to("v1.35", force), to("v1.34"), "(goes on, because of force: true)", ""},
		"nothing in the way":             {named("ok", "eks", to("v1.35")), named("ok", "eks", to("v1.34")), "", ""},
		"several steps, through the one": {to("v1.36"), to("v1.34"), "", "isn't ready for it"},
		"an add-on that doesn't fit": {named("ok", "eks", to("v1.35", addon("coredns", "v1.9.3-eksbuild.1"))), named("ok", "eks", to("v1.34", addon("coredns", "v1.9.3-eksbuild.1"))), "",
			`spec.addons[0].version: Invalid value: "v1.9.3-eksbuild.1": EKS doesn't have it for v1.35: write default, latest or one of v1.12.0-eksbuild.1, v1.11.4-eksbuild.2; write force: true`},
		"an add-on of a channel":                       {named("ok", "eks", to("v1.35", addon("coredns", "latest"))), named("ok", "eks", to("v1.34", addon("coredns", "latest"))), "", ""},
		"a new add-on that there isn't, though forced": {named("ok", "eks", to("v1.35", addon("nothing", ""), force)), named("ok", "eks", to("v1.34")), "", `spec.addons[0].name: Invalid value: "nothing": EKS has no such add-on for v1.35`},
		"a new one whose version isn't":                {to("v1.33", addon("coredns", "v1.0.0-eksbuild.1")), nil, "ended on 2026-07-29", "write default, latest or one of"},
		"extended support":                             {to("v1.33"), nil, "standard support of v1.33 ended on 2026-07-29: AWS charges the price of extended support, $0.60 instead of $0.10 an hour, until 2027-07-29", ""},
		"nodes that fall behind": {named("ok", "lagging", to("v1.35")), named("ok", "lagging", to("v1.34")), "",
			"these would be: Machine old (1.31): upgrade them first, or write v1.34 at most; write force: true"},
		"what the rights don't let us ask": {named("secret", "eks", to("v1.35")), named("secret", "eks", to("v1.34")), "accepted as written, because AWS could not be asked", ""},
	} {
		t.Run(name, func(t *testing.T) {
			warned, refused := said(rules, c.updated, c.old)
			if (c.want == "") != (refused == "") || !strings.Contains(refused, c.want) || (c.warning == "") != (warned == "") || !strings.Contains(warned, c.warning) {
				t.Errorf("refused with %q, want %q; warned of %q, want %q", refused, c.want, warned, c.warning)
			}
		})
	}
}

func TestAllThatTheRightsDontLetUsAskIsOneWarning(t *testing.T) {
	w := newLiveWorld(t)
	with := func(text string) *controlplanev1.AWSManagedControlPlane {
		return initialized(controlPlane(func(s *controlplanev1.AWSManagedControlPlaneSpec) {
			s.Version, s.Addons = &text, []controlplanev1.Addon{{Name: "coredns"}}
		}))
	}
	warned, refused := said(w.answering(nil), with("v1.35"), with("v1.34"))
	want := "spec.version, spec.addons[0], spec.version (insights of EKS): accepted as written, because AWS could not be asked: "
	if refused != "" || strings.Contains(warned, "\n") || !strings.HasPrefix(warned, want) {
		t.Errorf("refused with %q, warned of %q, want one warning that begins with %q", refused, warned, want)
	}
}

func TestATrustPolicyIsReadAsIAMShowsIt(t *testing.T) {
	policy := func(principal string) string {
		return url.QueryEscape(`{"Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}]}`)
	}
	for principal, want := range map[string]bool{
		`{"Service":"eks.amazonaws.com"}`: true, `{"Service":["ec2.amazonaws.com","eks.amazonaws.com"]}`: true, `"*"`: true,
		`{"Service":"eks-fargate.amazonaws.com"}`: false, `{"AWS":"arn:aws:iam::123456789012:root"}`: false,
	} {
		if trusts(policy(principal), "eks.amazonaws.com") != want {
			t.Errorf("%s: want %v", principal, want)
		}
	}
	if !trusts("{", "eks.amazonaws.com") {
		t.Error("what can't be read is refused")
	}
}

func TestNoTwoControlPlanesTakeOneEKSCluster(t *testing.T) {
	w := newLiveWorld(t)
	theirs := &controlplanev1.AWSManagedControlPlane{ObjectMeta: metav1.ObjectMeta{Namespace: "alice", Name: "prod"}}
	theirs.Spec.Region, theirs.Spec.EKSClusterName, theirs.Status.AccountID = "us-east-1", "production", "123456789012"
	wishful := &controlplanev1.AWSManagedControlPlane{ObjectMeta: metav1.ObjectMeta{Namespace: "alice", Name: "wish"}}
	wishful.Spec.Region, wishful.Spec.EKSClusterName = "us-east-1", "wished"
	w.must(w.kube.Create(t.Context(), theirs))
	w.must(w.kube.Create(t.Context(), wishful))
	rules := takenRules{living: recorders{}, live: w.rules.live}
	for name, c := range map[string]struct {
		namespace, name, region, cluster, want string
	}{
		"its name":                  {"default", "cp", "us-east-1", "production", "spec.eksClusterName: Forbidden: production is that of an AWSManagedControlPlane of another namespace, and no two objects may act on one resource: names are unique"},
		"its name in its namespace": {"alice", "cp", "us-east-1", "production", "AWSManagedControlPlane alice/prod"},
		"itself":                    {"alice", "prod", "us-east-1", "production", ""},
		"another region":            {"default", "cp", "us-west-2", "production", ""},
		"another name":              {"default", "cp", "us-east-1", "", ""},
		"one that nobody has yet":   {"default", "cp", "us-east-1", "wished", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := &controlplanev1.AWSManagedControlPlane{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: c.name}}
			o.Spec.Region, o.Spec.EKSClusterName = c.region, c.cluster
			_, errs := rules.taken(t.Context(), Request{Operation: admissionv1.Create, Namespace: c.namespace, Object: o})
			expect(t, errs, c.want)
		})
	}
}

func TestAFargateProfileIsOfAnEKSCluster(t *testing.T) {
	w := newLiveWorld(t)
	owner := func(name, kind string) *clusterv1.Cluster {
		c := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
		c.Spec.ControlPlaneRef = clusterv1.ContractVersionedObjectReference{APIGroup: controlplanev1.GroupName, Kind: kind, Name: name}
		return c
	}
	there := &infrav1.AWSFargateProfile{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "there"}, Spec: infrav1.AWSFargateProfileSpec{ClusterName: "managed", ProfileName: "pods"}}
	for _, object := range []client.Object{owner("managed", "AWSManagedControlPlane"), owner("self", "KubeadmControlPlane"), there} {
		w.must(w.kube.Create(t.Context(), object))
	}
	for name, c := range map[string]struct{ cluster, profile, want string }{
		"of EKS":           {"managed", "", ""},
		"of kubeadm":       {"self", "", `spec.clusterName: Invalid value: "self": the control plane of this Cluster is a KubeadmControlPlane`},
		"of none yet":      {"later", "", ""},
		"a name in use":    {"managed", "pods", "spec.profileName: Forbidden: pods is that of AWSFargateProfile default/there"},
		"in use elsewhere": {"later", "pods", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := &infrav1.AWSFargateProfile{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "new"}, Spec: infrav1.AWSFargateProfileSpec{ClusterName: c.cluster, ProfileName: c.profile}}
			_, errs := profileRules{live: w.rules.live}.fits(t.Context(), Request{Operation: admissionv1.Create, Namespace: "default", Object: p})
			expect(t, errs, c.want)
		})
	}
}
