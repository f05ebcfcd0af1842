package install

import (
	"testing"

	runtimeserializer "k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"

	"github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v1beta2"
	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/groups"
)

// fuzzFuncs keep random status within the forms that have one meaning: ready says what
// initialization says, and what is empty is absent.
func fuzzFuncs(runtimeserializer.CodecFactory) []any {
	return []any{
		func(s *bootstrapv1.ConfigStatus, c randfill.Continue) {
			c.FillNoCustom(s)
			bootstrapv1.SetDefaults_ConfigStatus(s)
			if d := s.Deprecated; d != nil && (d.V1Beta1 == nil || len(d.V1Beta1.Conditions) == 0 && d.V1Beta1.FailureReason == nil && d.V1Beta1.FailureMessage == nil) {
				s.Deprecated = nil
			}
		},
		func(s *v1beta2.ConfigStatus, c randfill.Continue) {
			c.FillNoCustom(s)
			s.Ready = s.Initialization != nil && s.Initialization.DataSecretCreated != nil && *s.Initialization.DataSecretCreated
			if x := s.V2Beta1; x != nil && len(x.Conditions) == 0 {
				s.V2Beta1 = nil
			}
		},
	}
}

func TestNothingIsLostOnTheWireOrBetweenVersions(t *testing.T) {
	groups.RoundTrip(t, Group, fuzzFuncs)
}
