package admission

import (
	"cmp"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// nodegroupRules judge a managed node group by its cluster, and compare it with what EKS, EC2
// and IAM have. What belongs to no cluster yet, and what AWS can't be asked about, passes.
type nodegroupRules struct{ machineRules }

// nodegroupChecks are all comparisons of node groups with AWS; their answers are given in this
// order. Where a subject is nil, only a new node group is judged.
var nodegroupChecks = []check{
	{func(*wishes) any { return nil }, judgeNodeVersion},
	{func(w *wishes) any { return []any{w.group.AMIType, w.types} }, judgeAMIType},
	{func(w *wishes) any { return w.group.AMIVersion }, judgeRelease},
	{func(w *wishes) any { return w.group.RoleName }, judgeNodeRole},
	{func(w *wishes) any { return w.group.LaunchTemplateRef }, judgeTemplateRef},
	{func(w *wishes) any { return [][]wish{w.types, w.zones, w.subnets} }, judgeTypes},
	{func(w *wishes) any { return []any{w.image, w.types} }, judgeImage},
	{func(w *wishes) any { return []any{w.key, w.group.RemoteAccess} }, judgeNodeKey},
	{func(w *wishes) any { return w.subnets }, judgeSubnets},
	{func(w *wishes) any { return []any{w.groups, w.subnets} }, judgeGroups},
	{func(w *wishes) any { return []any{w.types, w.replicas} }, judgeQuota},
}

func (rules nodegroupRules) fits(ctx context.Context, r Request) ([]string, field.ErrorList) {
	return rules.judge(ctx, r, nodegroupChecks)
}

// nodegroupWishes is what a node group asks for of what other machines ask for too.
func nodegroupWishes(spec *infrav1.AWSManagedMachinePoolSpec, root *field.Path) *wishes {
	w := &wishes{at: root, group: spec, root: root, replicas: 1,
		spot: spec.CapacityType != nil && *spec.CapacityType == infrav1.ManagedMachinePoolCapacityTypeSpot}
	if sizes := spec.Scaling; sizes != nil {
		w.replicas = max(1, aws.ToInt32(sizes.MinSize))
	}
	if spec.CapacityType != nil && *spec.CapacityType == infrav1.ManagedMachinePoolCapacityTypeCapacityBlock {
		w.market = infrav1.MarketTypeCapacityBlock
	}
	for i, name := range spec.InstanceTypes {
		w.types = given(w.types, root.Child("instanceTypes").Index(i), name)
	}
	w.types = given(w.types, root.Child("instanceType"), aws.ToString(spec.InstanceType))
	for i, id := range spec.SubnetIDs {
		w.subnets = given(w.subnets, root.Child("subnetIDs").Index(i), id)
	}
	for i, zone := range spec.AvailabilityZones {
		w.zones = given(w.zones, root.Child("availabilityZones").Index(i), zone)
	}
	if access := spec.RemoteAccess; access != nil {
		w.at, w.key = root.Child("remoteAccess"), access.SSHKeyName
		for i, id := range access.SourceSecurityGroups {
			w.groups = given(w.groups, w.at.Child("sourceSecurityGroups").Index(i), id)
		}
	}
	if template := spec.AWSLaunchTemplate; template != nil {
		w.at, w.image, w.key = root.Child("awsLaunchTemplate"), aws.ToString(template.AMI.ID), template.SSHKeyName
		w.types = given(w.types, w.at.Child("instanceType"), template.InstanceType)
		w.addGroups(template.AdditionalSecurityGroups, w.at)
	}
	return w
}

// ofEKS: the cluster is one of EKS, and no other pool of it has the node group.
func (rules nodegroupRules) ofEKS(ctx context.Context, r Request) ([]string, field.ErrorList) {
	updated, _ := r.Object.(*infrav1.AWSManagedMachinePool)
	if updated == nil || r.Old != nil || rules.live == nil {
		return nil, nil // nothing that is judged here can be changed
	}
	name := updated.Labels[clusterv1.ClusterNameLabel]
	if pool := poolOf(ctx, rules.live.Host, updated); pool != nil {
		name = pool.Spec.ClusterName
	}
	cluster := &clusterv1.Cluster{}
	if name == "" || rules.live.Host.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: name}, cluster) != nil {
		return nil, nil // only an early word is lost
	}
	if ref := cluster.Spec.ControlPlaneRef; ref.IsDefined() && (ref.Kind != "AWSManagedControlPlane" || ref.APIGroup != controlplanev1.GroupName) {
		return nil, field.ErrorList{field.Forbidden(field.NewPath("spec"), fmt.Sprintf(
			"the control plane of Cluster %s is a %s, and managed node groups are of EKS clusters only: use an AWSMachinePool, or a Cluster whose controlPlaneRef is an AWSManagedControlPlane", name, ref.Kind))}
	}
	return rules.siblings(ctx, updated, name)
}

// mostNodegroups is how many node groups EKS lets a cluster have unless AWS raised it.
// https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html
const mostNodegroups = 30

// siblings: EKS has one node group of a name in a cluster, and a quota of them.
func (rules nodegroupRules) siblings(ctx context.Context, updated *infrav1.AWSManagedMachinePool, cluster string) ([]string, field.ErrorList) {
	list := &infrav1.AWSManagedMachinePoolList{}
	if rules.live.Ours.List(ctx, list, client.InNamespace(updated.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: cluster}, client.UnsafeDisableDeepCopy) != nil {
		return nil, nil
	}
	others := 0
	for i := range list.Items {
		other := &list.Items[i]
		if other.Name == updated.Name {
			continue
		}
		others++
		if other.NodegroupName() == updated.NodegroupName() {
			return nil, field.ErrorList{field.Forbidden(field.NewPath("spec", "eksNodegroupName"), fmt.Sprintf(
				"%s is that of AWSManagedMachinePool %s/%s, and no two objects may act on one node group: write another name", updated.NodegroupName(), other.Namespace, other.Name))}
		}
	}
	if others >= mostNodegroups {
		return []string{fmt.Sprintf("spec: Cluster %s has %d node groups already, and EKS lets it have %d: its creation fails until AWS raises the quota (aws service-quotas request-service-quota-increase --service-code eks --quota-code L-6D54EA21 --desired-value %d)",
			cluster, others, mostNodegroups, others+1)}, nil
	}
	return nil, nil
}

// nodeMinor is the version that the nodes will have, and who asks for it.
func (s *site) nodeMinor() (version controlplanev1.Minor, who string, known bool) {
	if s.pool != nil && s.pool.Spec.Template.Spec.Version != "" {
		version, known = controlplanev1.MinorOf(&s.pool.Spec.Template.Spec.Version)
		return version, "MachinePool " + s.pool.Name, known
	}
	if s.controlPlane == nil {
		return version, "", false
	}
	version, known = controlplanev1.MinorOf(s.controlPlane.Spec.Version)
	return version, "AWSManagedControlPlane " + s.controlPlane.Name, known
}

// judgeNodeVersion: nodes aren't newer than the control plane, nor older than EKS allows.
func judgeNodeVersion(_ context.Context, s *site, w *wishes) verdict {
	var v verdict
	if s.controlPlane == nil || w.group.HasOwnImage() {
		return v
	}
	of, ok := controlplanev1.MinorOf(s.controlPlane.Spec.Version)
	nodes, who, known := s.nodeMinor()
	if !ok || !known || nodes.Major != of.Major {
		return v
	}
	switch {
	case of.Less(nodes):
		v.errs = append(v.errs, field.Forbidden(w.root, fmt.Sprintf("%s asks for v%s, and nodes must not be newer than their control plane, which is v%s: write v%s into its spec.template.spec.version, or upgrade AWSManagedControlPlane %s first",
			who, nodes, of, of, s.controlPlane.Name)))
	case nodes.Minor+maxSkew < of.Minor:
		v.errs = append(v.errs, field.Forbidden(w.root, fmt.Sprintf("%s asks for v%s, and nodes must not be more than %d minor versions older than their control plane, which is v%s: write v%d.%d at least into its spec.template.spec.version",
			who, nodes, maxSkew, of, of.Major, of.Minor-maxSkew)))
	}
	return v
}

// lastOfAL2 is the last version for which there are images of Amazon Linux 2.
// https://docs.aws.amazon.com/eks/latest/userguide/eks-ami-deprecation-faqs.html
var lastOfAL2 = controlplanev1.Minor{Major: 1, Minor: 32}

// judgeAMIType: EKS has images of the kind for the version, and they run on the instance types.
func judgeAMIType(ctx context.Context, s *site, w *wishes) verdict {
	kind := infrav1.ManagedMachineAMIType("")
	if w.group.AMIType != nil {
		kind = *w.group.AMIType
	}
	at := wish{w.root.Child("amiType").String(), string(kind)}
	v := verdict{paths: []string{at.path}}
	if w.group.HasOwnImage() || w.group.LaunchTemplateRef != nil {
		return v
	}
	if nodes, who, known := s.nodeMinor(); known && kind.IsAL2() && lastOfAL2.Less(nodes) {
		v.errs = append(v.errs, at.invalid("EKS has no images of Amazon Linux 2 for v%s, which %s asks for: write %s, with a NodeadmConfig where there is an EKSConfig, or v%s or older", nodes, who, kind.Successor(), lastOfAL2))
		return v
	}
	types := w.types
	if len(types) == 0 {
		types = []wish{{w.root.Child("instanceType").String(), "t3.medium"}}
	}
	known, err := s.InstanceTypes(ctx, s.session)
	if err != nil {
		v.err = err
		return v
	}
	if kind == "" {
		return oneArchitecture(v, types, known)
	}
	wanted := architectureOf(kind)
	for _, t := range types {
		if row := find(known, t.value); row != nil && !runs(row, wanted) {
			v.errs = append(v.errs, t.invalid("is %s, and amiType %s is for %s: write another amiType%s", architectures(row), kind, wanted, otherTypes(t.value, wanted, known)))
		}
	}
	return v
}

// judgeRelease: the release is one of the version, and AWS has it.
func judgeRelease(ctx context.Context, s *site, w *wishes) verdict {
	at := wish{w.root.Child("amiVersion").String(), aws.ToString(w.group.AMIVersion)}
	v := verdict{paths: []string{at.path}}
	nodes, who, known := s.nodeMinor()
	release, ok := controlplanev1.MinorOf(&at.value)
	if at.value == "" || !known || !ok {
		return verdict{}
	}
	if release != nodes {
		v.errs = append(v.errs, at.invalid("is a release for v%s, and %s asks for v%s: write one for v%s, or leave it out for the newest", release, who, nodes, nodes))
		return v
	}
	name, architecture := imageName(w.group, release, at.value)
	if name == "" {
		return verdict{} // whose names don't follow from the release
	}
	found, err := s.EKSImage(ctx, s.session, name, architecture)
	switch {
	case err != nil:
		v.err = err
	case !found:
		v.errs = append(v.errs, at.invalid("EKS has no such release, which would be the image %s: leave it out for the newest, or write one that aws ec2 describe-images --owners amazon --filters Name=name,Values='%s' shows",
			name, anyRelease(name)))
	}
	return v
}

// judgeNodeRole: a role that is named trusts EC2. One that isn't there may come later.
func judgeNodeRole(ctx context.Context, s *site, w *wishes) verdict {
	at := wish{w.root.Child("roleName").String(), w.group.RoleName}
	if at.value == "" {
		return verdict{}
	}
	v := verdict{paths: []string{at.path}}
	trust, found, err := s.RoleTrust(ctx, s.session, at.value)
	switch {
	case err != nil:
		v.err = err
	case !found:
		v.warnings = append(v.warnings, fmt.Sprintf("%s: there is no role %s that account %s shows: the node group waits until there is, unless roles may be made", at.path, at.value, s.session.Scope.Account))
	case !trusts(trust, "ec2.amazonaws.com"):
		v.errs = append(v.errs, at.invalid("the role's trust policy doesn't let EC2 assume it: add the service ec2.amazonaws.com to its principals with sts:AssumeRole, or name another role"))
	}
	return v
}

// judgeNodeKey: the key pair is there by which SSH comes in. Nodes that nobody lets SSH into
// have none.
func judgeNodeKey(ctx context.Context, s *site, w *wishes) verdict {
	if w.key == nil && w.group.RemoteAccess == nil {
		return verdict{}
	}
	return judgeKey(ctx, s, w)
}

// judgeTemplateRef: the launch template is there, and has nothing that EKS forbids.
func judgeTemplateRef(ctx context.Context, s *site, w *wishes) verdict {
	ref := w.group.LaunchTemplateRef
	if ref == nil {
		return verdict{}
	}
	at := wish{w.root.Child("launchTemplateRef").String(), fmt.Sprintf("version %d of %s", ref.Version, cmp.Or(ref.ID, ref.Name))}
	v := verdict{paths: []string{at.path}}
	data, err := s.LaunchTemplate(ctx, s.session, ref.ID, ref.Name, fmt.Sprint(ref.Version))
	switch {
	case err != nil:
		v.err = err
	case data == nil:
		v.errs = append(v.errs, at.invalid("there is no such launch template, or no such version of it, in %s: write one that aws ec2 describe-launch-template-versions shows", s.region()))
	default:
		for _, why := range forbiddenInTemplate(data, w.group) {
			v.errs = append(v.errs, at.invalid("%s: make a version of it without, and write that", why))
		}
	}
	return v
}
