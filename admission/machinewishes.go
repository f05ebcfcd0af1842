package admission

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// wishes is what the kinds of machines have in common that AWS has to have.
type wishes struct {
	// at is where the fields below stand, except for those with a path of their own.
	at      *field.Path
	types   []wish
	image   string
	key     *string
	profile string
	// subnets and groups are those given by id. zones are those that are asked for.
	subnets, groups, zones []wish
	// filtersVPC tells that subnets are found by a filter on VPCs, which may lead out of the
	// cluster's.
	filtersVPC bool
	// vpcs are those that a cluster names: one, or none.
	vpcs []wish
	// replicas is how many instances are asked for at once.
	replicas int32
	market   infrav1.MarketType
	spot     bool
	tenancy  infrav1.InstanceTenancy
	// group is the spec of a managed node group, nil for others, and root where it stands.
	group *infrav1.AWSManagedMachinePoolSpec
	root  *field.Path
}

// wish is a value and where it stands.
type wish struct{ path, value string }

// wishesOf returns what an object asks for, nil for other kinds.
func wishesOf(object client.Object) *wishes {
	switch o := object.(type) {
	case *infrav1.AWSMachine:
		if o.PoolName() != "" {
			return nil // its instance is there, and the pool's
		}
		return machineWishes(&o.Spec, field.NewPath("spec"))
	case *infrav1.AWSMachineTemplate:
		return machineWishes(&o.Spec.Template.Spec, field.NewPath("spec", "template", "spec"))
	case *infrav1.AWSMachinePool:
		return poolWishes(&o.Spec, field.NewPath("spec"))
	case *infrav1.AWSManagedMachinePool:
		if !o.DeletionTimestamp.IsZero() {
			return nil
		}
		return nodegroupWishes(&o.Spec, field.NewPath("spec"))
	}
	return nil
}

func machineWishes(spec *infrav1.AWSMachineSpec, at *field.Path) *wishes {
	w := &wishes{at: at, image: aws.ToString(spec.AMI.ID), key: spec.SSHKeyName, profile: spec.IAMInstanceProfile, replicas: 1,
		market: spec.MarketType, spot: spec.SpotMarketOptions != nil, tenancy: spec.Tenancy}
	w.types = given(w.types, at.Child("instanceType"), spec.InstanceType)
	if spec.Subnet != nil {
		w.addSubnet(at.Child("subnet"), *spec.Subnet)
	}
	w.addGroups(spec.AdditionalSecurityGroups, at)
	for _, role := range slices.Sorted(maps.Keys(spec.SecurityGroupOverrides)) {
		w.groups = given(w.groups, at.Child("securityGroupOverrides").Key(string(role)), spec.SecurityGroupOverrides[role])
	}
	return w
}

func poolWishes(spec *infrav1.AWSMachinePoolSpec, root *field.Path) *wishes {
	template, at := &spec.AWSLaunchTemplate, root.Child("awsLaunchTemplate")
	w := &wishes{at: at, image: aws.ToString(template.AMI.ID), key: template.SSHKeyName, profile: template.IamInstanceProfile,
		replicas: max(1, aws.ToInt32(spec.MinSize)), market: template.MarketType, spot: template.SpotMarketOptions != nil}
	if spec.MixedInstancesPolicy != nil {
		for i, o := range spec.MixedInstancesPolicy.Overrides {
			w.types = given(w.types, root.Child("mixedInstancesPolicy", "overrides").Index(i).Child("instanceType"), o.InstanceType)
		}
	}
	if len(w.types) == 0 {
		w.types = given(w.types, at.Child("instanceType"), template.InstanceType)
	}
	for i, s := range spec.Subnets {
		w.addSubnet(root.Child("subnets").Index(i), s)
	}
	for i, zone := range spec.AvailabilityZones {
		w.zones = given(w.zones, root.Child("availabilityZones").Index(i), zone)
	}
	w.addGroups(template.AdditionalSecurityGroups, at)
	return w
}

func (w *wishes) addSubnet(at *field.Path, ref infrav1.AWSResourceReference) {
	w.subnets = given(w.subnets, at.Child("id"), aws.ToString(ref.ID))
	w.filtersVPC = w.filtersVPC || slices.ContainsFunc(ref.Filters, func(f infrav1.Filter) bool { return f.Name == "vpc-id" })
}

func (w *wishes) addGroups(refs []infrav1.AWSResourceReference, at *field.Path) {
	for i, ref := range refs {
		w.groups = given(w.groups, at.Child("additionalSecurityGroups").Index(i).Child("id"), aws.ToString(ref.ID))
	}
}

func given(list []wish, path *field.Path, value string) []wish {
	if value == "" {
		return list
	}
	return append(list, wish{path.String(), value})
}

// invalid is an error at the wish.
func (w wish) invalid(format string, args ...any) *field.Error {
	return &field.Error{Type: field.ErrorTypeInvalid, Field: w.path, BadValue: w.value, Detail: fmt.Sprintf(format, args...)}
}
