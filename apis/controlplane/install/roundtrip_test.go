package install

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	runtimeserializer "k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"

	"github.com/capa-apiserver/capa-apiserver/apis/controlplane/v1beta2"
	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/groups"
)

// fuzzFuncs keep random status within the forms that have one meaning: failure domains have
// different names in order of name, deprecated is absent rather than empty, and initialized
// doesn't contradict the rest.
func fuzzFuncs(runtimeserializer.CodecFactory) []any {
	return []any{
		func(s *controlplanev1.AWSManagedControlPlaneStatus, c randfill.Continue) {
			c.FillNoCustom(s)
			normalizeHub(s)
		},
		func(s *v1beta2.AWSManagedControlPlaneStatus, c randfill.Continue) {
			c.FillNoCustom(s)
			normalize(s)
		},
	}
}

func normalizeHub(s *controlplanev1.AWSManagedControlPlaneStatus) {
	for i := range s.FailureDomains {
		s.FailureDomains[i].Name = fmt.Sprintf("%03d%s", i, s.FailureDomains[i].Name)
	}
	if d := s.Deprecated; d != nil && (d.V1Beta1 == nil || len(d.V1Beta1.Conditions) == 0 && d.V1Beta1.FailureMessage == nil) {
		s.Deprecated = nil
	}
}

func normalize(s *v1beta2.AWSManagedControlPlaneStatus) {
	x := s.V2Beta1
	if x == nil {
		return
	}
	if i := x.Initialization; i != nil && (s.Initialized || i.ControlPlaneInitialized != nil && *i.ControlPlaneInitialized) {
		i.ControlPlaneInitialized = nil
		if s.Initialized && i.Provisioned == nil {
			x.Initialization = nil
		}
	}
	empty := []bool{
		len(x.Conditions) == 0, x.Initialization == nil, len(x.Versions) == 0, x.PlatformVersion == "", x.ServiceCIDR == "", x.AccountID == "", x.Update == nil,
		x.Observation == nil, len(x.Failures) == 0, len(x.PendingCreations) == 0, len(x.FormerUIDs) == 0,
	}
	if !slices.Contains(empty, false) {
		s.V2Beta1 = nil
	}
}

func TestNothingIsLostOnTheWireOrBetweenVersions(t *testing.T) { groups.RoundTrip(t, Group, fuzzFuncs) }

func TestANewVersionIsPreferred(t *testing.T) {
	versions := groups.Scheme(Group).PrioritizedVersionsForGroup(controlplanev1.GroupName)
	if len(versions) != 2 || versions[0] != controlplanev1.SchemeGroupVersion || versions[1] != v1beta2.SchemeGroupVersion {
		t.Errorf("versions are %v", versions)
	}
}

func TestEveryKindIsServedAtBothVersions(t *testing.T) {
	for _, object := range controlplanev1.Kinds() {
		kind := strings.TrimPrefix(fmt.Sprintf("%T", object), "*v2beta1.")
		if versions := Group.Versions(kind); len(versions) != 2 {
			t.Errorf("%s is served at %v", kind, versions)
		}
	}
}
