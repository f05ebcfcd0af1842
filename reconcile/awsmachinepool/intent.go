package awsmachinepool

import (
	"context"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/launchtemplate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/machinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// related are the objects that an AWSMachinePool belongs to. Each is nil while it
// isn't there.
type related struct {
	pool    *clusterv1.MachinePool
	cluster *clusterv1.Cluster
	infra   *infrastructure.Cluster
}

// relativesOf reads what the object belongs to, from caches. What doesn't exist is
// left out; the error says what couldn't be read.
func relativesOf(ctx context.Context, ours, host client.Reader, obj *infrav1.AWSMachinePool) (out related, err error) {
	var name string
	if out.pool, name, err = machinepool.Owner(ctx, host, obj); err != nil {
		return out, err
	}
	out.cluster, out.infra, err = infrastructure.Find(ctx, ours, host, obj.Namespace, name)
	return out, err
}

// Intent is what is wanted: the object, and what belongs to it elsewhere.
type Intent struct {
	// Pool is the AWSMachinePool, Owner its MachinePool. They are never changed.
	Pool  *infrav1.AWSMachinePool
	Owner *clusterv1.MachinePool
	// Infra is the cluster's infrastructure, nil while there is none.
	Infra *infrastructure.Cluster
	// Living knows which other objects there are; nil means none.
	Living ownership.Living
	// Started is since when what isn't to be seen proves anything.
	Started time.Time
	// Failures are the errors of the latest attempts, by area.
	Failures map[string][]string
	// Acting tells whether the intent is of who acts, and not of who only looks.
	Acting bool

	// What follows is only known to who acts.

	// Bootstrap is the bootstrap data.
	Bootstrap *bootstrap.Data
	// Stored is the digest of the data in the cluster's bucket, "" where it isn't
	// known; ObjectRemoved tells that none is left there.
	Stored        string
	ObjectRemoved bool
	// ImageID and, where it is looked at, Image are what the instances run.
	ImageID string
	Image   *ec2types.Image
	// Machines tells that each instance is to have an AWSMachine.
	Machines bool
	// MachinesLeft is how many AWSMachines a pool that is deleted still has.
	MachinesLeft int
}

func newIntent(obj *infrav1.AWSMachinePool, r related, living ownership.Living) Intent {
	in := Intent{Pool: obj.DeepCopy(), Owner: r.pool, Infra: r.infra, Living: living}
	infrav1.SetObjectDefaults_AWSMachinePool(in.Pool)
	return in
}

func (in *Intent) deleting() bool { return !in.Pool.DeletionTimestamp.IsZero() }

// spec is the launch template as a machine's spec; of a mix of types without one
// of its own, the first tells what image fits.
func (in *Intent) spec() *infrav1.AWSMachineSpec {
	spec := instance.SpecOf(&in.Pool.Spec.AWSLaunchTemplate)
	spec.AdditionalTags = in.Pool.Spec.AdditionalTags
	return spec
}

// typeOfImage is the instance type that an image has to fit.
func (in *Intent) typeOfImage() string {
	if t := in.Pool.Spec.AWSLaunchTemplate.InstanceType; t != "" {
		return t
	}
	if mix := in.Pool.Spec.MixedInstancesPolicy; mix != nil && len(mix.Overrides) > 0 {
		return mix.Overrides[0].InstanceType
	}
	return ""
}

// owner is by what the group and the template are told to be the object's.
func (in *Intent) owner() ownership.Owner { return autoscaling.OwnerOf(in.Pool, in.Infra, in.Living) }

// tags returns the tags of the group and the template.
func (in *Intent) tags() map[string]string {
	extra := map[string]string{}
	for k, v := range in.Pool.Spec.AdditionalTags {
		extra[k] = v
	}
	extra[names.TagCloudProviderPrefix+in.Infra.KubernetesName()] = names.Owned
	return in.owner().Tags(in.Pool.Name, instance.RoleNode, extra)
}

// instanceTags returns the tags that the template puts on instances and volumes.
func (in *Intent) instanceTags() map[string]string {
	tags := in.tags()
	tags[launchtemplate.TagBootstrapSecret] = in.Pool.Namespace + "/" + in.secretName()
	tags[launchtemplate.TagBootstrapHash] = bootstrap.Digest(in.Bootstrap.Value)
	return tags
}

// secretName returns the name of the Secret with the bootstrap data, or "".
func (in *Intent) secretName() string {
	if in.Owner == nil || in.Owner.Spec.Template.Spec.Bootstrap.DataSecretName == nil {
		return ""
	}
	return *in.Owner.Spec.Template.Spec.Bootstrap.DataSecretName
}

// scaledElsewhere tells that somebody else decides on the number of instances.
func (in *Intent) scaledElsewhere() bool {
	return machinepool.ScaledElsewhere(in.Owner)
}

// Kinds returns the tables that the pool is judged by.
func (in *Intent) Kinds() []mirror.Kind {
	kinds := []mirror.Kind{mirror.AutoScalingGroups.Kind, mirror.LaunchTemplates.Kind}
	if in.deleting() {
		return kinds
	}
	if len(in.Pool.Spec.Subnets) > 0 {
		kinds = append(kinds, mirror.VPCs.Kind, mirror.Subnets.Kind)
	}
	return kinds
}

// templateKinds returns the tables that the template is made by, besides Kinds.
func (in *Intent) templateKinds() []mirror.Kind {
	var kinds []mirror.Kind
	if len(in.Pool.Spec.AWSLaunchTemplate.AdditionalSecurityGroups) > 0 {
		kinds = []mirror.Kind{mirror.VPCs.Kind, mirror.SecurityGroups.Kind}
	}
	if instance.NeedsArchitecture(in.spec()) {
		kinds = append(kinds, mirror.InstanceTypes.Kind)
	}
	return kinds
}

// recordedARN returns the ARN of the group that the object records, or "".
func (in *Intent) recordedARN() string { return in.Pool.Spec.ProviderID }
