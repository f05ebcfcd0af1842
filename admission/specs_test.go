package admission

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// withoutIdentities leads nowhere if an identity is named.
type withoutIdentities struct{ Sessions }

func (s withoutIdentities) For(ctx context.Context, site cloud.Site) (*cloud.Session, error) {
	if site.Identity != nil {
		return nil, &cloud.IdentityError{Reason: cloud.CredentialProviderBuildFailedReason, Identity: site.Identity.Name, Err: context.Canceled}
	}
	return s.Sessions.For(ctx, site)
}

// TestWhereAClusterIsGetsOneWord: what isn't there can't be asked about anything else, either.
func TestWhereAClusterIsGetsOneWord(t *testing.T) {
	w := newLiveWorld(t)
	live := *w.rules.live
	live.Sessions = withoutIdentities{live.Sessions}
	o := Options{Reader: readerWith(t), Host: w.kube, Live: &live, Regions: fakeRegions{"us-east-1": "opt-in-not-required"}}
	for kind, of := range map[string]struct {
		rules func(Options) Rules
		make  func(region string, identity *infrav1.AWSIdentityReference) client.Object
	}{
		"AWSCluster": {Clusters, func(region string, identity *infrav1.AWSIdentityReference) client.Object {
			c := &infrav1.AWSCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "c2"}}
			c.Spec.Region, c.Spec.IdentityRef, c.Spec.SSHKeyName = region, identity, aws.String("nobodys")
			c.Spec.Bastion = infrav1.Bastion{Enabled: true, InstanceType: "m5.larg"}
			c.Spec.Network.VPC.ID = "vpc-0123456789abcdef0"
			return c
		}},
		"AWSManagedControlPlane": {ControlPlanes, func(region string, identity *infrav1.AWSIdentityReference) client.Object {
			return controlPlane(func(s *controlplanev1.AWSManagedControlPlaneSpec) {
				s.Region, s.IdentityRef, s.SSHKeyName, s.Version, s.RoleName = region, identity, aws.String("nobodys"), aws.String("v1.99.0"), aws.String("nobodys")
			})
		}},
	} {
		for name, c := range map[string]struct {
			object client.Object
			want   string
		}{
			"an unknown region":                {of.make("us-esat-1", nil), "did you mean us-east-1?"},
			"a missing identity":               {of.make("us-east-1", staticRef("nobody")), `spec.identityRef.name: there is no AWSClusterStaticIdentity "nobody" yet`},
			"a missing identity, and a region": {of.make("us-esat-1", staticRef("nobody")), "did you mean us-east-1?"},
			"a controller identity of another name, of which static warnings speak": {of.make("us-east-1", ref(infrav1.ControllerIdentityKind, "other")), ""},
		} {
			var warnings []string
			var errs field.ErrorList
			for _, rule := range of.rules(o).Validate {
				warned, refused := rule(t.Context(), Request{Operation: admissionv1.Create, Namespace: "default", Object: c.object})
				warnings, errs = append(warnings, warned...), append(errs, refused...)
			}
			most := min(1, len(c.want))
			if strings.Contains(name, ", and ") {
				most = 2
			}
			for _, err := range errs {
				warnings = append(warnings, err.Error())
			}
			if said := strings.Join(warnings, "\n"); len(warnings) != most || !strings.Contains(said, c.want) {
				t.Errorf("%s, %s: %s", kind, name, said)
			}
		}
	}
}
