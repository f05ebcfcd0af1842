package awsmanagedcontrolplane

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaccess"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/workload"
)

// Nodes are whose instances join a cluster as nodes.
type Nodes struct {
	// Profiles are the instance profiles of machines and pools: true for those that run Windows.
	Profiles map[string]bool
	// GroupRoles are the names of the roles of managed node groups, whose access is EKS's affair.
	GroupRoles []string
}

// nodesOf reads them from the objects of a cluster.
func nodesOf(ctx context.Context, ours client.Reader, namespace, cluster string) (Nodes, error) {
	n := Nodes{Profiles: map[string]bool{}}
	of := []client.ListOption{client.InNamespace(namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: cluster}, client.UnsafeDisableDeepCopy}
	machines, pools, groups := &infrav1.AWSMachineList{}, &infrav1.AWSMachinePoolList{}, &infrav1.AWSManagedMachinePoolList{}
	for _, list := range []client.ObjectList{machines, pools, groups} {
		if err := ours.List(ctx, list, of...); err != nil {
			return n, err
		}
	}
	add := func(profile string, ami infrav1.AMIReference) {
		if profile != "" {
			n.Profiles[profile] = n.Profiles[profile] || instance.IsWindows(ami.EKSOptimizedLookupType)
		}
	}
	for i := range machines.Items {
		add(machines.Items[i].Spec.IAMInstanceProfile, machines.Items[i].Spec.AMI)
	}
	for i := range pools.Items {
		add(pools.Items[i].Spec.AWSLaunchTemplate.IamInstanceProfile, pools.Items[i].Spec.AWSLaunchTemplate.AMI)
	}
	for i := range groups.Items {
		n.GroupRoles = append(n.GroupRoles, groups.Items[i].Spec.RoleName)
	}
	return n, nil
}

// nodeRole is a role whose instances join as nodes.
type nodeRole struct {
	arn     string
	windows bool
}

func (r nodeRole) entryType() string {
	if r.windows {
		return "EC2_WINDOWS"
	}
	return "EC2_LINUX"
}

func (r nodeRole) line() workload.Mapping {
	if r.windows {
		return workload.WindowsNodeRole(r.arn)
	}
	return workload.NodeRole(r.arn)
}

// profilesIn are those of the objects, and those that instances of the cluster still have.
func (in *Intent) profilesIn(snap *mirror.Snapshot) map[string]bool {
	all := map[string]bool{}
	for name, windows := range in.Nodes.Profiles {
		all[name] = windows
	}
	owned := names.TagCloudProviderPrefix + in.ControlPlane.ClusterName()
	for _, i := range mirror.InVPC(snap, mirror.Instances, in.ControlPlane.Spec.Network.VPC.ID) {
		if i.IamInstanceProfile == nil || mirror.Instances.Tags(i)[owned] != names.Owned || mirror.Instances.Tags(i)[names.TagRole] != instance.RoleNode ||
			i.State == nil || i.State.Name == ec2types.InstanceStateNameTerminated {
			continue
		}
		arn := aws.ToString(i.IamInstanceProfile.Arn)
		name := arn[strings.LastIndex(arn, "/")+1:]
		all[name] = all[name] || i.Platform == ec2types.PlatformValuesWindows
	}
	return all
}

// nodeRoles are the roles of the instance profiles, as IAM tells them. Where it may not be asked, a profile
// has the role of its name, as those have that clusterawsadm makes.
func (in *Intent) nodeRoles(snap *mirror.Snapshot) (roles []nodeRole, profiles []string) {
	all := in.profilesIn(snap)
	for name, windows := range all {
		row, there := mirror.Get(snap, mirror.InstanceProfiles, name)
		switch {
		case there && len(row.Roles) > 0:
			roles = append(roles, nodeRole{aws.ToString(row.Roles[0].Arn), windows})
		case cloud.IsUnauthorized(snap.ErrOf(profileRows(name)[0])):
			roles = append(roles, nodeRole{fmt.Sprintf("arn:%s:iam::%s:role/%s", cmp.Or(in.Partition, in.ControlPlane.Spec.Partition, "aws"), snap.Scope.Account, name), windows})
		}
	}
	slices.SortFunc(roles, func(a, b nodeRole) int { return strings.Compare(a.arn, b.arn) })
	return slices.CompactFunc(roles, func(a, b nodeRole) bool { return a.arn == b.arn }), slices.Sorted(maps.Keys(all))
}

func profileRows(names ...string) []mirror.Interest {
	if len(names) == 0 {
		return nil
	}
	return []mirror.Interest{{Kind: mirror.InstanceProfiles.Kind, IDs: names}}
}

// takesEntries tells whether the cluster has access entries, and takesLines whether it reads aws-auth.
func takesEntries(c *ekstypes.Cluster) bool {
	return c != nil && c.AccessConfig != nil && c.AccessConfig.AuthenticationMode != ekstypes.AuthenticationModeConfigMap && c.AccessConfig.AuthenticationMode != ""
}

func (in *Intent) takesLines(c *ekstypes.Cluster) bool {
	if c != nil && c.AccessConfig != nil && c.AccessConfig.AuthenticationMode != "" {
		return c.AccessConfig.AuthenticationMode != ekstypes.AuthenticationModeApi
	}
	a := in.ControlPlane.Spec.AccessConfig
	return a == nil || a.AuthenticationMode != controlplanev1.EKSAuthenticationModeAPI
}

// nodeEntries adds the access entries of nodes to those that the spec names.
func (in *Intent) nodeEntries(access *eksaccess.Intent, cluster *eks.State, account string) {
	for _, role := range in.Nodes.GroupRoles {
		access.Kept = append(access.Kept, fmt.Sprintf("arn:%s:iam::%s:role/%s", cmp.Or(in.Partition, in.ControlPlane.Spec.Partition, "aws"), account, role))
	}
	if !takesEntries(cluster.Own()) {
		return
	}
	for _, role := range in.roles {
		if !slices.ContainsFunc(access.Entries, func(e eksaccess.Entry) bool { return e.Principal == role.arn }) {
			access.Entries = append(access.Entries, eksaccess.Entry{Principal: role.arn, Type: role.entryType(), Shared: true})
		}
	}
}

// nodeLines are the lines of aws-auth for nodes: none where they have access entries. A line goes once
// its entry is there.
func (v *view) nodeLines(own *ekstypes.Cluster) []workload.Mapping {
	var lines []workload.Mapping
	written := remembered(v.ControlPlane, awsAuthAnnotation)
	for _, role := range v.roles {
		line := role.line()
		if !takesEntries(own) || slices.Contains(written, line.ARN) && !v.parts.Access.Has(role.arn, role.entryType()) {
			lines = append(lines, line)
		}
	}
	return lines
}

// nodeSources tell of machines and pools that come and go, and of those whose profile is another one:
// their nodes have to be let in before they boot.
func nodeSources(ours cache.Cache, reader client.Reader) []source.Source {
	of := func(ctx context.Context, obj client.Object) []reconcile.Request {
		return engine.Of(ctx, reader, newList(), obj.GetNamespace(), obj.GetLabels()[clusterv1.ClusterNameLabel])
	}
	differs := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return profileOf(e.ObjectOld) != profileOf(e.ObjectNew) ||
			e.ObjectOld.GetLabels()[clusterv1.ClusterNameLabel] != e.ObjectNew.GetLabels()[clusterv1.ClusterNameLabel]
	}}
	var all []source.Source
	for _, kind := range []client.Object{&infrav1.AWSMachine{}, &infrav1.AWSMachinePool{}, &infrav1.AWSManagedMachinePool{}} {
		all = append(all, source.Kind(ours, kind, handler.EnqueueRequestsFromMapFunc(of), differs))
	}
	return all
}

func profileOf(obj client.Object) string {
	switch o := obj.(type) {
	case *infrav1.AWSMachine:
		return o.Spec.IAMInstanceProfile
	case *infrav1.AWSMachinePool:
		return o.Spec.AWSLaunchTemplate.IamInstanceProfile
	case *infrav1.AWSManagedMachinePool:
		return o.Spec.RoleName
	}
	return ""
}
