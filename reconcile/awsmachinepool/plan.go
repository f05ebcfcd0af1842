package awsmachinepool

import (
	"cmp"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/launchtemplate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// The areas that hold a pool's parts.
const (
	areaGroup    = infrav1.ASGReadyCondition
	areaTemplate = launchtemplate.Area
	areaCapacity = infrav1.ASGCapacityReachedCondition
)

// view is a pool as a snapshot shows it. It is made once, for what one snapshot shows.
type view struct {
	Intent
	snap *mirror.Snapshot
	// underGroup and underTemplate are what AWS has under the pool's names, group and
	// template what of it is the pool's; nil while none is to be seen.
	underGroup    ownership.Claimed[mirror.AutoScalingGroup]
	underTemplate ownership.Claimed[mirror.LaunchTemplate]
	group         *mirror.AutoScalingGroup
	template      *mirror.LaunchTemplate
	plan          plan.Plan
	// storing tells that the plan stores bootstrap data.
	storing bool
}

func observe(in Intent, snap *mirror.Snapshot) *view {
	v := &view{Intent: in, snap: snap}
	v.Pool = v.Pool.DeepCopy()
	v.Pool.Status.FormerUIDs = autoscaling.Learn(snap, v.Pool, v.owner())
	v.underGroup = autoscaling.FindGroup(snap, in.recordedARN(), v.owner())
	v.underTemplate = launchtemplate.Find(snap, v.templateName(), in.Pool.Status.LaunchTemplateID, v.owner())
	v.group, v.template = v.underGroup.Own(), v.underTemplate.Own()
	return v
}

func (in *Intent) templateName() string {
	return cmp.Or(in.Pool.Spec.AWSLaunchTemplate.Name, in.Pool.Name)
}

// Plan returns what is left to do so that AWS matches the intent. For an object
// that is being deleted, that is what is left to be deleted.
func Plan(in Intent, snap *mirror.Snapshot) plan.Plan {
	v := observe(in, snap)
	v.make()
	return v.plan
}

// Wants are what the pool is judged by.
func (v *view) Wants() []mirror.Interest { return mirror.Whole(v.Kinds()...) }

// Unseen are those of them that were never listed.
func (v *view) Unseen() (needed, wished []mirror.Interest) { return v.snap.Unseen(v.Wants()), nil }

// Former are the UIDs that the object had before.
func (v *view) Former() []string { return v.Pool.Status.FormerUIDs }

// Plan is what is left to do.
func (v *view) Plan() plan.Plan { return v.plan }

// make plans.
func (v *view) make() {
	v.plan, v.storing = plan.Plan{}, false
	if v.groundless() {
		for _, area := range []string{areaTemplate, areaGroup} {
			v.plan.Wait(area, infrav1.WaitingForClusterInfrastructureReason, "the cluster's infrastructure")
		}
		return
	}
	if kind := v.unseen(v.Kinds()); kind != "" {
		for _, area := range []string{areaTemplate, areaGroup} {
			v.plan.Wait(area, conditions.WaitingForObservation, "the first complete listing of "+string(kind))
		}
		return
	}
	if v.deleting() {
		v.planDelete()
	} else {
		v.planPool()
	}
	v.plan.ClaimsFirst()
}

// groundless tells that the pool has nothing to stand on yet, for which AWS need
// not be seen.
func (v *view) groundless() bool {
	return !v.deleting() && (v.Infra == nil || !v.Infra.Provisioned) && v.recordedARN() == ""
}

// vanished tells that a recorded group is proven to be gone.
func (v *view) vanished() bool {
	return v.group == nil && v.snap.AbsentSince(mirror.AutoScalingGroups.Kind, v.Started.Add(v.snap.Grace))
}

// elsewhere says in which account and region the recorded group is, if the session
// leads to others: that nothing is to be seen here proves nothing then.
func (v *view) elsewhere() string {
	at, err := arn.Parse(v.recordedARN())
	if err != nil || v.group != nil || v.snap.Scope.Account == "" || at.AccountID == v.snap.Scope.Account && at.Region == v.snap.Scope.Region {
		return ""
	}
	return at.AccountID + "/" + at.Region
}

func (v *view) unseen(kinds []mirror.Kind) mirror.Kind {
	for _, kind := range kinds {
		if !v.snap.Seen(kind) {
			return kind
		}
	}
	return ""
}

// planPool makes the template first, then the group, and has the group's instances
// follow the template.
func (v *view) planPool() {
	v.tellForeign()
	if v.foreign() {
		return
	}
	w, t := v.wanted()
	if !v.plan.Troubled(areaTemplate) || v.template != nil {
		v.plan.Add(v.afterStoring(launchtemplate.Plan(t, v.template))...)
	}
	switch {
	case v.group != nil && autoscaling.Deleting(v.group):
		v.plan.Wait(areaGroup, infrav1.ASGDeletionInProgressReason, fmt.Sprintf("Auto Scaling group %s, which somebody deleted, to end, to make it anew", v.Pool.Name))
	case v.group == nil && v.plan.Troubled(areaGroup):
	case v.elsewhere() != "":
		v.plan.Problem(areaGroup, infrav1.ASGNotFoundReason, "spec.providerID names a group in %s, and the identity leads to %s: nothing is made or deleted until it leads there again",
			v.elsewhere(), v.snap.Scope)
	case v.group == nil && v.recordedARN() != "" && !v.vanished():
		v.plan.Wait(areaGroup, infrav1.ASGNotFoundReason, fmt.Sprintf("Auto Scaling group %s, which AWS doesn't show, to appear or to be proven gone", v.Pool.Name))
	case v.group == nil && v.template == nil:
		v.plan.Wait(areaGroup, infrav1.ASGNotFoundReason, "the launch template")
	case v.template == nil:
		v.plan.Add(autoscaling.PlanGroup(w, v.group, "")...)
	default:
		v.plan.Add(autoscaling.PlanGroup(w, v.group, aws.ToString(v.template.LaunchTemplateId))...)
	}
	if v.group != nil && v.group.LaunchFailure != "" && v.group.Short() {
		v.plan.Problem(areaCapacity, infrav1.InstanceProvisionFailedReason, "Auto Scaling group %s has %d of %d instances, because AWS couldn't launch more: %s",
			v.Pool.Name, len(v.group.Instances), aws.ToInt32(v.group.DesiredCapacity), v.group.LaunchFailure)
	}
	if v.group == nil || v.template == nil {
		return
	}
	for _, t := range launchtemplate.Others(v.snap, v.templateName(), autoscaling.TemplateID(v.group), v.owner()) {
		v.plan.Add(launchtemplate.Delete(t))
	}
	if !v.changing() {
		p := autoscaling.PlanRefresh(w, v.group, v.template)
		v.plan.Add(p.Actions...)
		v.plan.Waits, v.plan.Problems = append(v.plan.Waits, p.Waits...), append(v.plan.Problems, p.Problems...)
	}
}

// tellForeign says which of the pool's names is whose. Names of groups and templates
// are unique in an account and region, so that nothing can be made beside them.
func (v *view) tellForeign() {
	if of, foreign := v.underTemplate.Foreign(); foreign {
		v.plan.Problem(areaTemplate, infrav1.LaunchTemplateReconcileFailedReason, "launch template %s belongs to %s, and is left alone; give "+
			"spec.awsLaunchTemplate.name a name that nobody has, or rename the pool", v.templateName(), of)
	}
	if of, foreign := v.underGroup.Foreign(); foreign {
		v.plan.Problem(areaGroup, infrav1.ASGProvisionFailedReason, "Auto Scaling group %s belongs to %s, and is left alone; names of groups are unique in "+
			"an account and region: make the pool anew with another name, or, where nobody else has the group, with its ARN in spec.providerID to take it over", v.Pool.Name, of)
	}
}

// changing tells that the template or what the group launches is about to change:
// a refresh waits for that.
func (v *view) changing() bool {
	for _, a := range v.plan.Actions {
		if a.Area == areaTemplate || a.Area == areaGroup {
			return true
		}
	}
	return false
}

// wanted returns the group and template as they have to be, as far as it is known.
func (v *view) wanted() (*autoscaling.Wanted, *launchtemplate.Wanted) {
	w := &autoscaling.Wanted{Name: v.Pool.Name, Owner: v.owner(), Spec: &v.Pool.Spec, Removed: v.removedTags()}
	t := &launchtemplate.Wanted{Name: v.templateName(), Owner: w.Owner, Removed: w.Removed, InUse: w.VersionsInUse(v.group)}
	if v.Infra == nil {
		return w, t
	}
	w.Tags = v.tags()
	subnets, err := instance.PoolSubnets(&v.Pool.Spec, v.Infra, v.failureDomains(), v.Living, v.snap)
	if err != nil {
		v.plan.Problem(areaGroup, infrav1.ASGProvisionFailedReason, "%s", err)
	}
	w.Subnets, w.Desired = subnets, v.desired()
	t.Tags, t.Data = w.Tags, v.templateData(subnets)
	return w, t
}

func (v *view) failureDomains() []string {
	if v.Owner == nil {
		return nil
	}
	return v.Owner.Spec.FailureDomains
}

// desired returns how many instances are wanted; nil where somebody else decides,
// or what is wanted can't be.
func (v *view) desired() *int32 {
	if v.Owner == nil || v.Owner.Spec.Replicas == nil || v.scaledElsewhere() {
		return nil
	}
	smallest, largest := v.Pool.Spec.Sizes()
	replicas := *v.Owner.Spec.Replicas
	if replicas < smallest || replicas > largest {
		v.plan.Problem(areaGroup, infrav1.ASGProvisionFailedReason, "the MachinePool wants %d replicas, and the AWSMachinePool allows %d to %d; change "+
			"spec.replicas of the one, or spec.minSize and spec.maxSize of the other", replicas, smallest, largest)
		return nil
	}
	return aws.Int32(replicas)
}

// templateData returns what the template has to hold; nil while it can't be said,
// which the plan then tells.
func (v *view) templateData(subnets []string) *ec2types.RequestLaunchTemplateData {
	const failed = infrav1.LaunchTemplateReconcileFailedReason
	switch {
	case !v.Acting:
		return nil
	case v.secretName() == "":
		v.plan.Wait(areaTemplate, infrav1.WaitingForBootstrapDataReason, "the MachinePool's bootstrap data")
		return nil
	case v.Bootstrap == nil:
		if len(v.Failures[areaTemplate]) == 0 {
			v.plan.Wait(areaTemplate, infrav1.WaitingForBootstrapDataReason, "the bootstrap data in Secret "+v.secretName())
		}
		return nil
	}
	if waits := v.Infra.NodesWait(v.version(), v.group != nil); waits != "" {
		v.plan.Wait(areaTemplate, infrav1.WaitingForControlPlaneVersionReason, waits)
		return nil
	}
	spec := v.spec()
	l := instance.Launch{UID: string(v.Pool.UID), Name: v.Pool.Name, Spec: spec, Tags: v.instanceTags(), Infra: v.Infra, ImageID: v.ImageID, Image: v.Image}
	groups, waits, err := instance.Groups(spec, v.Infra, false, v.Living, v.snap)
	switch {
	case err != nil:
		v.plan.Problem(areaTemplate, failed, "%s", err)
		return nil
	case waits != "":
		v.plan.Wait(areaTemplate, infrav1.InProgressReason, waits)
		return nil
	}
	l.Groups = groups
	if l.UserData, err = v.userData(); err != nil {
		v.plan.Problem(areaTemplate, failed, "%s", err)
		return nil
	}
	if v.enclaves() && instance.AtTheEdge(subnets, v.Infra) {
		v.plan.Problem(areaTemplate, infrav1.NitroEnclaveEdgeZoneUnsupportedReason, "Nitro Enclaves don't run in local and wavelength zones; leave "+
			"spec.awsLaunchTemplate.enclaveOptions or the subnets there out")
		return nil
	}
	data, err := l.TemplateData()
	if err != nil {
		v.plan.Problem(areaTemplate, failed, "%s", err)
		return nil
	}
	if v.enclaves() {
		data.EnclaveOptions = &ec2types.LaunchTemplateEnclaveOptionsRequest{Enabled: aws.Bool(true)}
	}
	return data
}

func (v *view) enclaves() bool {
	o := v.Pool.Spec.AWSLaunchTemplate.EnclaveOptions
	return o != nil && aws.ToBool(o.Enabled)
}

// userData returns the instances' user data. Unless it is Ignition in the cluster's
// bucket, it holds the bootstrap data itself, other than a machine's: instances that
// come later need it too, so that it can't be removed once it was read.
func (v *view) userData() ([]byte, error) {
	ignition := v.Pool.Spec.Ignition
	switch {
	case v.Bootstrap.Format == bootstrap.Ignition && v.ignition().StorageType != infrav1.IgnitionStorageUnencryptedUserData:
		return v.pointer()
	case v.Bootstrap.Format != bootstrap.Ignition && ignition != nil:
		return nil, fmt.Errorf("spec.ignition is set, and the bootstrap data is %s: use a bootstrap configuration of format ignition, or leave spec.ignition out",
			cmp.Or(v.Bootstrap.Format, bootstrap.CloudInit))
	}
	if data, err := bootstrap.Plain(*v.Bootstrap, false); err == nil {
		return data, nil
	}
	data, err := bootstrap.Plain(*v.Bootstrap, true)
	if err != nil {
		return nil, fmt.Errorf("the bootstrap data of a pool has to fit into user data, and %w", err)
	}
	return data, nil
}

// planDelete deletes the group with its instances, and then the template.
func (v *view) planDelete() {
	if v.underGroup.Moved() {
		v.plan.Add(autoscaling.ClaimGroup(v.group, v.owner().Owner))
	}
	if v.underTemplate.Moved() {
		v.plan.Add(launchtemplate.Claim(v.template, v.owner().Owner))
	}
	switch {
	case v.elsewhere() != "" && v.Pool.Provisioned():
		v.plan.Problem(areaGroup, infrav1.DeletingFailedReason, "the group of spec.providerID is in %s, and the identity leads to %s: let it lead there again, or delete the group "+
			"and its launch template, and remove the finalizer %s", v.elsewhere(), v.snap.Scope, infrav1.MachinePoolFinalizer)
		return
	case v.group == nil && v.MachinesLeft > 0:
		v.plan.Wait(areaGroup, infrav1.DeletingReason, fmt.Sprintf("%d AWSMachines of its instances to end", v.MachinesLeft))
	case v.group == nil:
	case autoscaling.Deleting(v.group):
		v.plan.Wait(areaGroup, infrav1.ASGDeletionInProgressReason, fmt.Sprintf("Auto Scaling group %s and its %d instances to end", v.Pool.Name, len(v.group.Instances)))
	default:
		v.plan.Add(autoscaling.DeleteGroup(v.group))
	}
	v.removeObject()
	templates := launchtemplate.Others(v.snap, v.templateName(), "", v.owner())
	if v.template != nil {
		templates = append(templates, v.template)
	}
	for _, t := range templates {
		a := launchtemplate.Delete(t)
		if v.group != nil {
			a.WaitsFor = "the Auto Scaling group to end"
		}
		v.plan.Add(a)
	}
}
