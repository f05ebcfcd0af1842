package validation

import (
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func managedPoolWith(change func(*infrav1.AWSManagedMachinePoolSpec)) *infrav1.AWSManagedMachinePool {
	pool := aManagedPool().(*infrav1.AWSManagedMachinePool)
	change(&pool.Spec)
	infrav1.SetObjectDefaults_AWSManagedMachinePool(pool)
	return pool
}

func TestANodeGroupOfWhichLittleIsSaidReplacesOneNodeAtATimeAndPaysOnDemand(t *testing.T) {
	spec := managedPoolWith(func(*infrav1.AWSManagedMachinePoolSpec) {}).Spec
	if u := spec.UpdateConfig; u == nil || u.MaxUnavailable == nil || *u.MaxUnavailable != 1 || u.MaxUnavailablePercentage != nil {
		t.Errorf("updateConfig is %v", u)
	}
	if c := spec.CapacityType; c == nil || *c != infrav1.ManagedMachinePoolCapacityTypeOnDemand {
		t.Errorf("capacityType is %v", c)
	}
	if spec.AMIType != nil {
		t.Errorf("amiType is %q, and what there is depends on the version and the instance types", *spec.AMIType)
	}
}

func TestNodeGroupsAreWarnedOfWhatIsLikelyNotMeant(t *testing.T) {
	kind := func(k infrav1.ManagedMachineAMIType) *infrav1.ManagedMachineAMIType { return &k }
	for name, test := range map[string]struct {
		change func(*infrav1.AWSManagedMachinePoolSpec)
		want   []string
	}{
		"nothing": {func(*infrav1.AWSManagedMachinePoolSpec) {}, nil},
		"the end of Amazon Linux 2": {func(s *infrav1.AWSManagedMachinePoolSpec) { s.AMIType = kind(infrav1.AMITypeAL2ARM64) },
			[]string{"spec.amiType: EKS makes no more images of Amazon Linux 2, and has none for Kubernetes 1.33 and newer: make a pool with amiType AL2023_ARM_64_STANDARD"}},
		"its end for graphics processors": {func(s *infrav1.AWSManagedMachinePoolSpec) { s.AMIType = kind(infrav1.AMITypeAL2x86_64GPU) },
			[]string{"amiType AL2023_x86_64_NVIDIA"}},
		"an image of one's own ends with nothing": {func(s *infrav1.AWSManagedMachinePoolSpec) {
			s.AMIType, s.AWSLaunchTemplate = kind(infrav1.AMITypeAL2x86_64), &infrav1.AWSLaunchTemplate{AMI: infrav1.AMIReference{ID: ptr("ami-0123456789abcdef0")}}
		}, nil},
		"hooks": {func(s *infrav1.AWSManagedMachinePoolSpec) {
			s.AWSLifecycleHooks = []infrav1.AWSLifecycleHook{{Name: "drain"}}
		},
			[]string{"spec.lifecycleHooks: are kept and not made, because EKS drains and replaces the nodes itself"}},
		"looking up images": {func(s *infrav1.AWSManagedMachinePoolSpec) {
			s.AWSLaunchTemplate = &infrav1.AWSLaunchTemplate{ImageLookupFormat: "a", ImageLookupOrg: "b", ImageLookupBaseOS: "c"}
		}, []string{"spec.awsLaunchTemplate.imageLookupFormat: isn't used", "imageLookupOrg", "imageLookupBaseOS"}},
	} {
		t.Run(name, func(t *testing.T) { compareWarnings(t, warnings(managedPoolWith(test.change)), test.want) })
	}
}

func TestATemplateOfNodeGroupsThatPatchesMustCompleteGivesWarnings(t *testing.T) {
	template := &infrav1.AWSManagedMachinePoolTemplate{}
	template.Spec.Template.Spec.InstanceType = ptr("REPLACED")
	infrav1.SetObjectDefaults_AWSManagedMachinePoolTemplate(template)
	if errs := create(template); len(errs) > 0 {
		t.Errorf("the template is refused: %v", errs)
	}
	compareWarnings(t, warnings(template), []string{`spec.template.spec.instanceType: Invalid value: "REPLACED": must be an EC2 instance type such as m5.large (pools built`})
}

func TestWhatWasWrongInANodeGroupBeforeKeepsNothingElseFromBeingChanged(t *testing.T) {
	old := managedPoolWith(func(s *infrav1.AWSManagedMachinePoolSpec) { s.InstanceType = ptr("large") })
	updated := old.DeepCopy()
	updated.Spec.Labels = map[string]string{"a": "b"}
	if errs := update(updated, old); len(errs) > 0 {
		t.Errorf("got %v", errs)
	}
}
