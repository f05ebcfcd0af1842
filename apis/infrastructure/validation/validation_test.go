package validation

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func defaulted(t *testing.T, change func(*infrav1.AWSCluster)) *infrav1.AWSCluster {
	t.Helper()
	cluster := &infrav1.AWSCluster{ObjectMeta: metav1.ObjectMeta{Name: "test"}, Spec: infrav1.AWSClusterSpec{Region: "us-east-1"}}
	change(cluster)
	infrav1.SetObjectDefaults_AWSCluster(cluster)
	return cluster
}

func TestAnUpdateIsNotStoppedByWhatWasWrongBefore(t *testing.T) {
	wrong := func(c *infrav1.AWSCluster) {
		key := " bad key"
		c.Spec.SSHKeyName = &key
		c.Spec.AdditionalTags = infrav1.Tags{"aws:a": "b"}
		c.Spec.Network.VPC.CidrBlock = "10.0.0.0/8"
		c.Spec.Network.Subnets = infrav1.Subnets{{ID: "a", ZoneType: ptr(infrav1.ZoneTypeLocalZone)}, {ID: "a"}}
	}
	oldCluster := defaulted(t, wrong)
	if len(create(oldCluster)) < 4 {
		t.Fatalf("the old object isn't as wrong as meant: %v", create(oldCluster))
	}
	newCluster := defaulted(t, func(c *infrav1.AWSCluster) {
		wrong(c)
		c.Labels = map[string]string{"a": "b"}
		c.Spec.ImageLookupOrg = "111122223333"
	})
	if errs := update(newCluster, oldCluster); len(errs) > 0 {
		t.Errorf("unchanged fields stop the update: %v", errs.ToAggregate())
	}
	changed := defaulted(t, func(c *infrav1.AWSCluster) {
		wrong(c)
		c.Spec.Network.VPC.CidrBlock = "10.0.0.0/9"
	})
	errs := update(changed, oldCluster)
	if len(errs) != 1 || errs[0].Field != "spec.network.vpc.cidrBlock" {
		t.Errorf("got %v, want the changed field only", errs)
	}
}

func TestWhatFollowsFromAFieldThatCannotChangeIsNotReported(t *testing.T) {
	oldCluster := defaulted(t, func(c *infrav1.AWSCluster) {
		c.Spec.Network.VPC.ID = "vpc-0123456789abcdef0"
		c.Spec.Network.Subnets = infrav1.Subnets{{ID: "a", AvailabilityZone: "us-east-1a"}, {ID: "b", AvailabilityZone: "us-east-1b"}}
	})
	for name, change := range map[string]func(*infrav1.AWSCluster){
		"spec.region":         func(c *infrav1.AWSCluster) { c.Spec.Region = "us-west-2" },
		"spec.network.vpc.id": func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.ID = "" },
	} {
		newCluster := oldCluster.DeepCopy()
		change(newCluster)
		if errs := update(newCluster, oldCluster); len(errs) != 1 || errs[0].Field != name {
			t.Errorf("got %v, want %s alone", errs, name)
		}
	}
}

func TestStatusIsJudgedOnItsUpdate(t *testing.T) {
	oldCluster := defaulted(t, func(*infrav1.AWSCluster) {})
	newCluster := oldCluster.DeepCopy()
	newCluster.Status.FailureDomains = []infrav1.FailureDomain{{Name: ""}}
	newCluster.Spec.Region = "not judged here"
	errs := statusUpdate(newCluster, oldCluster)
	if len(errs) != 1 || errs[0].Field != "status.failureDomains[0].name" {
		t.Errorf("got %v", errs)
	}
}

func TestWhetherATemplateMayChangeIsNotJudgedHere(t *testing.T) {
	template := &infrav1.AWSClusterTemplate{}
	infrav1.SetObjectDefaults_AWSClusterTemplate(template)
	other := template.DeepCopy()
	other.Spec.Template.Spec.Region = "us-west-2"
	if errs := update(other, template); len(errs) > 0 {
		t.Errorf("rules refuse a change that only the server may judge: %v", errs)
	}
}

func TestWarningsSayWhatIsLikelyNotMeant(t *testing.T) {
	tests := []struct {
		name   string
		change func(*infrav1.AWSCluster)
		want   []string
	}{
		{
			name:   "a network load balancer gives none",
			change: func(c *infrav1.AWSCluster) { c.Spec.ControlPlaneLoadBalancer = nlb() },
		},
		{
			name:   "the default load balancer is discouraged, and nothing is said of its default health check, which is TCP",
			change: func(*infrav1.AWSCluster) {},
			want:   []string{"loadBalancerType: classic load balancers are discouraged"},
		},
		{
			name: "an SSL health check fails with current versions of Kubernetes",
			change: func(c *infrav1.AWSCluster) {
				c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{HealthCheckProtocol: ptr(infrav1.ELBProtocolSSL)}
			},
			want: []string{"discouraged", "SSL fails with Kubernetes 1.30"},
		},
		{
			name: "settings that a classic load balancer doesn't know have no effect",
			change: func(c *infrav1.AWSCluster) {
				c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{
					HealthCheckProtocol: ptr(infrav1.ELBProtocolTCP),
					PreserveClientIP:    true,
					HealthCheck:         &infrav1.TargetGroupHealthCheckAPISpec{},
					AdditionalListeners: []infrav1.AdditionalListenerSpec{{Port: 80}},
				}
			},
			want: []string{"discouraged", "additionalListeners: has no effect", "healthCheck: has no effect", "preserveClientIP: has no effect"},
		},
		{
			name: "a controller identity of another name can't exist",
			change: func(c *infrav1.AWSCluster) {
				c.Spec.ControlPlaneLoadBalancer = nlb()
				c.Spec.IdentityRef = &infrav1.AWSIdentityReference{Kind: infrav1.ControllerIdentityKind, Name: "mine"}
			},
			want: []string{`spec.identityRef.name: "mine" can't exist`},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			compareWarnings(t, warnings(defaulted(t, test.change)), test.want)
		})
	}
}

func TestATemplateThatPatchesMustCompleteGivesWarnings(t *testing.T) {
	template := &infrav1.AWSClusterTemplate{}
	template.Spec.Template.Spec = infrav1.AWSClusterSpec{Region: "REPLACED", ControlPlaneLoadBalancer: nlb()}
	infrav1.SetObjectDefaults_AWSClusterTemplate(template)
	if errs := create(template); len(errs) > 0 {
		t.Errorf("the template is refused: %v", errs)
	}
	compareWarnings(t, warnings(template), []string{`spec.template.spec.region: Invalid value: "REPLACED": must be an AWS region such as us-east-1 (clusters built`})
}

func TestAKindWithoutRulesIsAnInternalError(t *testing.T) {
	for name, errs := range map[string]field.ErrorList{
		"create": create(&infrav1.AWSClusterList{}),
		"update": update(&infrav1.AWSClusterList{}, &infrav1.AWSClusterList{}),
		"status": statusUpdate(&infrav1.AWSClusterList{}, &infrav1.AWSClusterList{}),
	} {
		if len(errs) != 1 || errs[0].Type != field.ErrorTypeInternal {
			t.Errorf("%s: got %v", name, errs)
		}
	}
}

func TestEveryKindHasRules(t *testing.T) {
	for _, obj := range infrav1.Kinds() {
		if _, isList := obj.(metav1.ListInterface); isList {
			continue
		}
		for _, err := range create(obj) {
			if err.Type == field.ErrorTypeInternal {
				t.Errorf("%T: %v", obj, err)
			}
		}
	}
}

func compareWarnings(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d warnings, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("warning %d is %q, want one with %q", i, got[i], want[i])
		}
	}
}

func nlb() *infrav1.AWSLoadBalancerSpec {
	return &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeNLB}
}

func ptr[T any](value T) *T { return &value }

func TestSelectorsOfNamespacesHaveLimits(t *testing.T) {
	many := map[string]string{}
	values := []string{}
	for i := range maxSelectorItems + 1 {
		many["k"+strings.Repeat("x", i%50)+string(rune('a'+i/50))] = "v"
		values = append(values, "v")
	}
	identity := &infrav1.AWSClusterStaticIdentity{Spec: infrav1.AWSClusterStaticIdentitySpec{SecretRef: "s"}}
	identity.Spec.AllowedNamespaces = &infrav1.AllowedNamespaces{Selector: metav1.LabelSelector{
		MatchLabels:      many,
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "k", Operator: metav1.LabelSelectorOpIn, Values: values}},
	}}
	if errs := create(identity); len(errs) != 2 {
		t.Errorf("got %v, want labels and values refused", errs)
	}
}
