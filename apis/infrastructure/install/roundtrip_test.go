package install

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	runtimeserializer "k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"

	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v1beta2"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/groups"
)

func newScheme() *runtime.Scheme { return groups.Scheme(Group) }

// fuzzFuncs keep random status within the forms that have one meaning: failure
// domains have different names in order of name, deprecated is absent rather
// than empty, and ready doesn't contradict the rest.
func fuzzFuncs(runtimeserializer.CodecFactory) []interface{} {
	return []interface{}{
		func(s *infrav1.AWSClusterStatus, c randfill.Continue) {
			c.FillNoCustom(s)
			normalizeHubStatus(s)
		},
		func(s *v1beta2.AWSClusterStatus, c randfill.Continue) {
			c.FillNoCustom(s)
			normalizeStatus(s)
		},
		normalized(func(s *infrav1.AWSMachineStatus) {
			s.Deprecated = withoutEmpty(s.Deprecated)
			infrav1.SetDefaults_AWSMachineStatus(s)
		}),
		normalized(func(s *infrav1.AWSMachinePoolStatus) { s.Deprecated = withoutEmpty(s.Deprecated) }),
		normalized(func(s *infrav1.AWSMachineTemplateStatus) {
			if d := s.Deprecated; d != nil && (d.V1Beta1 == nil || len(d.V1Beta1.Conditions) == 0) {
				s.Deprecated = nil
			}
		}),
		normalized(normalizeMachineStatus),
		normalized(func(s *infrav1.AWSManagedClusterStatus) {
			cluster := infrav1.AWSClusterStatus{Initialization: s.Initialization, FailureDomains: s.FailureDomains, Deprecated: s.Deprecated}
			normalizeHubStatus(&cluster)
			s.Initialization, s.FailureDomains, s.Deprecated = cluster.Initialization, cluster.FailureDomains, cluster.Deprecated
			infrav1.SetDefaults_AWSManagedClusterStatus(s)
		}),
		normalized(func(s *v1beta2.AWSManagedClusterStatus) {
			if x := s.V2Beta1; x != nil {
				if s.Ready || x.Initialization != nil && x.Initialization.Provisioned != nil && *x.Initialization.Provisioned {
					x.Initialization = nil
				}
				if len(x.Conditions) == 0 && x.Initialization == nil {
					s.V2Beta1 = nil
				}
			}
		}),
		normalized(func(s *infrav1.AWSFargateProfileStatus) { s.Deprecated = withoutEmpty(s.Deprecated) }),
		normalized(func(s *v1beta2.AWSFargateProfileStatus) {
			if x := s.V2Beta1; x != nil && len(x.Conditions) == 0 && x.Observation == nil && len(x.Failures) == 0 && len(x.PendingCreations) == 0 && len(x.FormerUIDs) == 0 {
				s.V2Beta1 = nil
			}
		}),
		normalized(func(s *infrav1.AWSManagedMachinePoolStatus) { s.Deprecated = withoutEmpty(s.Deprecated) }),
		normalized(func(s *v1beta2.AWSManagedMachinePoolStatus) {
			if x := s.V2Beta1; x != nil && len(x.Conditions) == 0 && x.Initialization == nil && x.Nodegroup == nil && x.Update == nil && x.Observation == nil &&
				len(x.Failures) == 0 && len(x.PendingCreations) == 0 && len(x.FormerUIDs) == 0 {
				s.V2Beta1 = nil
			}
		}),
		normalized(func(s *v1beta2.AWSMachinePoolStatus) {
			if x := s.V2Beta1; x != nil && len(x.Conditions) == 0 && x.Initialization == nil && x.Observation == nil {
				s.V2Beta1 = nil
			}
		}),
		normalized(func(s *v1beta2.AWSMachineTemplateStatus) {
			if x := s.V2Beta1; x != nil && len(x.Conditions) == 0 {
				s.V2Beta1 = nil
			}
		}),
	}
}

// normalized fills a status at random and brings it into its one form.
func normalized[T any](normalize func(*T)) func(*T, randfill.Continue) {
	return func(s *T, c randfill.Continue) {
		c.FillNoCustom(s)
		normalize(s)
	}
}

func withoutEmpty(d *infrav1.MachineDeprecatedStatus) *infrav1.MachineDeprecatedStatus {
	if d == nil || d.V1Beta1 == nil {
		return nil
	}
	if v := d.V1Beta1; len(v.Conditions) == 0 && v.FailureReason == nil && v.FailureMessage == nil {
		return nil
	}
	return d
}

func normalizeMachineStatus(s *v1beta2.AWSMachineStatus) {
	runs := (s.InstanceState == nil || *s.InstanceState == infrav1.InstanceStateRunning) && s.FailureReason == nil
	s.Ready = s.Ready && runs
	x := s.V2Beta1
	if x == nil {
		return
	}
	if i := x.Initialization; runs && i != nil && i.Provisioned != nil && *i.Provisioned {
		s.Ready = true
	}
	if s.Ready {
		x.Initialization = nil
	}
	if len(x.Conditions) == 0 && x.Initialization == nil && x.FailureDomain == "" && x.Observation == nil && len(x.PendingCreations) == 0 {
		s.V2Beta1 = nil
	}
}

func normalizeHubStatus(s *infrav1.AWSClusterStatus) {
	infrav1.SetDefaults_AWSClusterStatus(s)
	for i := range s.FailureDomains {
		s.FailureDomains[i].Name = fmt.Sprintf("%03d-%s", i, s.FailureDomains[i].Name)
	}
	slices.SortFunc(s.FailureDomains, func(a, b infrav1.FailureDomain) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	if d := s.Deprecated; d != nil && (d.V1Beta1 == nil || len(d.V1Beta1.Conditions) == 0) {
		s.Deprecated = nil
	}
}

func normalizeStatus(s *v1beta2.AWSClusterStatus) {
	x := s.V2Beta1
	if x == nil {
		return
	}
	if i := x.Initialization; s.Ready || i != nil && i.Provisioned != nil && *i.Provisioned {
		x.Initialization = nil
	}
	if len(x.Conditions) == 0 && x.Initialization == nil && x.AccountID == "" && x.Observation == nil && len(x.PendingCreations) == 0 {
		s.V2Beta1 = nil
	}
}

func TestNothingIsLostOnTheWireOrBetweenVersions(t *testing.T) {
	groups.RoundTrip(t, Group, fuzzFuncs)
}
