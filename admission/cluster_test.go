package admission

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func TestClustersAskOnlyForWhatAWSHas(t *testing.T) {
	w := newLiveWorld(t)
	rules := clusterRules{live: w.rules.live}
	of := func(change func(*infrav1.AWSClusterSpec)) *infrav1.AWSCluster {
		c := &infrav1.AWSCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "c2"}, Spec: infrav1.AWSClusterSpec{Region: "us-east-1"}}
		change(&c.Spec)
		return c
	}
	for name, c := range map[string]struct {
		change        func(*infrav1.AWSClusterSpec)
		want, warning string // both empty: accepted without a word
	}{
		"nothing":            {func(*infrav1.AWSClusterSpec) {}, "", ""},
		"a key":              {func(s *infrav1.AWSClusterSpec) { s.SSHKeyName = aws.String("ops") }, "", ""},
		"no key":             {func(s *infrav1.AWSClusterSpec) { s.SSHKeyName = aws.String("") }, "", ""},
		"a slip in the key":  {func(s *infrav1.AWSClusterSpec) { s.SSHKeyName = aws.String("op") }, `spec.sshKeyName: Invalid value: "op": there is no such key pair in us-east-1: create it, write "" to have none, or one of: ops, default`, ""},
		"a slip in the type": {func(s *infrav1.AWSClusterSpec) { s.Bastion = infrav1.Bastion{Enabled: true, InstanceType: "m5.larg"} }, `spec.bastion.instanceType: Invalid value: "m5.larg": is not offered in us-east-1`, ""},
		"of no bastion":      {func(s *infrav1.AWSClusterSpec) { s.Bastion.InstanceType = "m5.larg" }, "", ""},
		"a network": {func(s *infrav1.AWSClusterSpec) {
			s.Network.VPC.ID, s.Network.Subnets = w.vpc, infrav1.Subnets{{ID: w.subnet}}
		}, "", ""},
		"no such VPC": {func(s *infrav1.AWSClusterSpec) { s.Network.VPC.ID = "vpc-0123456789abcdef0" }, "", "spec.network.vpc.id: there is no VPC vpc-0123456789abcdef0 in us-east-1"},
		"no such subnet": {func(s *infrav1.AWSClusterSpec) {
			s.Network.VPC.ID, s.Network.Subnets = w.vpc, infrav1.Subnets{{ID: "subnet-0123456789abcdef0"}}
		}, "", "spec.network.subnets[0].id: there is no subnet"},
		"AWS can't be asked": {func(s *infrav1.AWSClusterSpec) {
			s.SSHKeyName, s.IdentityRef = aws.String("op"), &infrav1.AWSIdentityReference{Kind: infrav1.ClusterRoleIdentityKind, Name: "unreachable"}
		}, "", "spec was not compared with AWS"},
	} {
		t.Run(name, func(t *testing.T) {
			warnings, errs := rules.exists(t.Context(), Request{Operation: admissionv1.Create, Namespace: "default", Object: of(c.change)})
			expect(t, errs, c.want)
			if got := strings.Join(warnings, "\n"); (c.warning == "") != (got == "") || !strings.Contains(got, c.warning) {
				t.Errorf("warnings %q, want %q", got, c.warning)
			}
		})
	}
	wrong := of(func(s *infrav1.AWSClusterSpec) { s.SSHKeyName = aws.String("op") })
	recorded := wrong.DeepCopy()
	recorded.Spec.Network.VPC.ID = "vpc-0123456789abcdef0"
	w.aws.ResetCounts()
	warnings, errs := rules.exists(t.Context(), Request{Operation: admissionv1.Update, Namespace: "default", Object: recorded, Old: wrong})
	if len(warnings)+len(errs)+len(w.aws.Counts()) > 0 {
		t.Errorf("an update that leaves it alone is judged: %v, %v, %v", warnings, errs, w.aws.Counts())
	}
}

func TestAStaticIdentityWithoutItsSecretIsWarnedOf(t *testing.T) {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "capa-system", Name: "keys"}}
	for name, c := range map[string]struct {
		host secretRules
		want string
	}{
		"there":   {secretRules{readerWith(t, secret), "capa-system"}, ""},
		"missing": {secretRules{readerWith(t), "capa-system"}, "spec.secretRef: there is no Secret capa-system/keys yet: create it with the keys AccessKeyID and SecretAccessKey"},
	} {
		t.Run(name, func(t *testing.T) {
			warnings, errs := c.host.exists(t.Context(), Request{Operation: admissionv1.Create, Object: static("one", everyone)})
			if got := strings.Join(warnings, ""); len(errs) > 0 || (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, %v, want %q", got, errs, c.want)
			}
		})
	}
}

func TestAListOfSubnetsThatIsCutShortSaysSo(t *testing.T) {
	s := &site{infra: &infrav1.AWSCluster{}}
	for _, id := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		s.infra.Spec.Network.Subnets = append(s.infra.Spec.Network.Subnets, infrav1.SubnetSpec{ResourceID: "subnet-" + id, AvailabilityZone: "z"})
	}
	if got, want := s.subnetsThere(), "subnet-5 (z), and 2 more"; !strings.HasSuffix(got, want) {
		t.Errorf("it says %q, want it to end in %q", got, want)
	}
}
