package workload

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// PreventDeletion is the label of objects of the VPC CNI that stay when it is disabled.
const PreventDeletion = "aws.cluster.x-k8s.io/prevent-deletion"

// Plan says what to write into the cluster. A cluster that can't be reached is one problem, and
// nothing else is planned for it.
func (in *Intent) Plan(f *Facts) plan.Plan {
	var p plan.Plan
	refs := in.refs()
	switch {
	case len(refs) == 0 || !in.Target.Known():
	case f.Err != nil:
		in.unreachable(&p, f.Err)
		if in.hasLines() {
			p.Wait(AreaAuthenticator, UnreachableReason, "the cluster's API to be reached")
		}
	case !f.seen(refs):
		p.Wait(Area, "WaitingForFirstLook", "the first look at the cluster's API")
	default:
		in.planAuth(&p, f)
		in.planCNI(&p, f)
		if in.WithoutKubeProxy {
			in.remove(&p, f, "", proxyObjects)
		}
		in.planTrustPolicy(&p, f)
		in.planAccess(&p, f)
	}
	return p
}

func (in *Intent) unreachable(p *plan.Plan, err error) {
	const rest = "; what is to be written into the cluster waits for it, and what is done in AWS doesn't"
	switch {
	case isRefused(err):
		p.Problem(Area, UnauthorizedReason, "the API of EKS cluster %s doesn't let this identity in: %s; give its role or user an access entry with AmazonEKSClusterAdminPolicy, or a line in aws-auth with the group system:masters%s",
			in.Target.Name, err, rest)
	case in.Private:
		p.Problem(Area, PrivateUnreachableReason, "the API of EKS cluster %s is private and can't be reached from here: %s; run this server where the VPC can be reached, or set spec.endpointAccess.public%s",
			in.Target.Name, err, rest)
	default:
		p.Problem(Area, UnreachableReason, "the API of EKS cluster %s can't be reached: %s; see whether spec.endpointAccess.publicCIDRs and the network of this server let it through%s",
			in.Target.Name, err, rest)
	}
}

// put plans that an object is as given.
func (in *Intent) put(p *plan.Plan, f *Facts, area string, ref Ref, obj *unstructured.Unstructured, summary string) {
	verb := plan.Create
	if f.objects[ref] != nil {
		verb = plan.Update
	}
	p.Add(plan.Action{Key: key(ref), Area: area, Verb: verb, Operation: "kubernetes.Put" + kinds[ref.Resource],
		Input: &Put{Target: in.Target, Ref: ref, Object: obj}, Summary: summary})
}

func key(ref Ref) string {
	return strings.Trim("workload/"+ref.Resource+"/"+strings.Trim(ref.Namespace+"/"+ref.Name, "/"), "/")
}

// begin is an object to change: a copy of what is there, or a new one.
func (f *Facts) begin(ref Ref) *unstructured.Unstructured {
	if obj := f.objects[ref]; obj != nil {
		return obj.DeepCopy()
	}
	obj := &unstructured.Unstructured{}
	obj.SetAPIVersion(ref.resource().GroupVersion().String())
	obj.SetKind(kinds[ref.Resource])
	obj.SetNamespace(ref.Namespace)
	obj.SetName(ref.Name)
	return obj
}

func (in *Intent) planAuth(p *plan.Plan, f *Facts) {
	if !in.hasLines() {
		return
	}
	obj, changes := f.begin(awsAuth), 0
	for _, part := range in.authParts() {
		if len(part.lines)+len(part.dropped) == 0 {
			continue
		}
		have, _, _ := unstructured.NestedString(obj.Object, "data", part.name)
		merged, n, err := merge(have, part.key, part.lines, part.dropped)
		if err != nil {
			p.Problem(AreaAuthenticator, UnreadableReason, "data.%s of ConfigMap kube-system/aws-auth of the cluster can't be read, and nothing is added to it: %v; put it right there", part.name, err)
			return
		}
		if n > 0 {
			changes += n
			_ = unstructured.SetNestedField(obj.Object, merged, "data", part.name) // data is a map of strings
		}
	}
	if changes > 0 {
		in.put(p, f, AreaAuthenticator, awsAuth, obj, fmt.Sprintf("set %d mappings in ConfigMap kube-system/aws-auth of the cluster", changes))
	}
}

// Variables of the VPC CNI with which pods have addresses in subnets of their own.
// https://docs.aws.amazon.com/eks/latest/userguide/cni-custom-network.html
var customNetworking = []corev1.EnvVar{
	{Name: "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", Value: "true"}, {Name: "ENI_CONFIG_LABEL_DEF", Value: corev1.LabelTopologyZone},
}

func (in *Intent) planCNI(p *plan.Plan, f *Facts) {
	if in.CNI.Disable {
		in.remove(p, f, PreventDeletion, cniObjects)
		return
	}
	env := in.CNI.Env
	waits := ""
	if len(in.CNI.Subnets) > 0 {
		for _, v := range customNetworking {
			if !slices.ContainsFunc(env, func(own corev1.EnvVar) bool { return own.Name == v.Name }) {
				env = append(slices.Clone(env), v)
			}
		}
		for _, s := range in.CNI.Subnets {
			if in.planENIConfig(p, f, s) {
				waits = "the ENIConfigs"
			}
		}
	}
	if len(env) == 0 {
		return
	}
	if f.objects[awsNode] == nil {
		p.Wait(Area, WaitingForAddonReason, "DaemonSet kube-system/aws-node of the VPC CNI, which the add-on vpc-cni or bootstrapSelfManagedAddons brings")
		return
	}
	obj := f.begin(awsNode)
	names, err := setEnv(obj, "aws-node", env)
	if err != nil {
		p.Problem(Area, UnreadableReason, "DaemonSet kube-system/aws-node of the cluster isn't as it is known: %v", err)
		return
	}
	if len(names) > 0 {
		in.put(p, f, Area, awsNode, obj, fmt.Sprintf("set %s in DaemonSet kube-system/aws-node of the cluster", strings.Join(names, ", ")))
		p.Actions[len(p.Actions)-1].WaitsFor = waits
	}
}

// planENIConfig tells whether the ENIConfig of a zone is to be written.
func (in *Intent) planENIConfig(p *plan.Plan, f *Facts, s PodSubnet) bool {
	ref := eniConfig(s.Zone)
	obj := f.begin(ref)
	groups := slices.Clone(in.CNI.SecurityGroups)
	have, _, _ := unstructured.NestedStringSlice(obj.Object, "spec", "securityGroups")
	subnet, _, _ := unstructured.NestedString(obj.Object, "spec", "subnet")
	if f.objects[ref] != nil && subnet == s.ID && slices.Equal(have, groups) {
		return false
	}
	_ = unstructured.SetNestedField(obj.Object, s.ID, "spec", "subnet") // what isn't a map there is no ENIConfig
	_ = unstructured.SetNestedStringSlice(obj.Object, groups, "spec", "securityGroups")
	in.put(p, f, Area, ref, obj, fmt.Sprintf("set subnet %s in ENIConfig %s of the cluster", s.ID, s.Zone))
	return true
}

// setEnv gives a container of a workload environment variables, and returns the names of those that it
// didn't have like that.
func setEnv(obj *unstructured.Unstructured, container string, env []corev1.EnvVar) ([]string, error) {
	containers, _, err := unstructured.NestedSlice(obj.Object, "spec", "template", "spec", "containers")
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(containers, func(c any) bool { m, ok := c.(map[string]any); return ok && m["name"] == container })
	if i < 0 {
		return nil, fmt.Errorf("it has no container %s", container)
	}
	c := containers[i].(map[string]any)
	list, _, err := unstructured.NestedSlice(c, "env")
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, want := range env {
		wanted, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&want)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(list, func(v any) bool { m, ok := v.(map[string]any); return ok && m["name"] == want.Name })
		if at >= 0 && sameEnv(list[at].(map[string]any), want) {
			continue
		}
		changed = append(changed, want.Name)
		if at >= 0 {
			list[at] = wanted
		} else {
			list = append(list, wanted)
		}
	}
	c["env"] = list
	return changed, unstructured.SetNestedSlice(obj.Object, containers, "spec", "template", "spec", "containers")
}

func sameEnv(have map[string]any, want corev1.EnvVar) bool {
	typed := corev1.EnvVar{}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(have, &typed) != nil {
		return false
	}
	return equality.Semantic.DeepEqual(defaulted(typed), defaulted(want))
}

// defaulted is a variable as an API server shows it.
func defaulted(v corev1.EnvVar) corev1.EnvVar {
	if v.ValueFrom != nil && v.ValueFrom.FieldRef != nil && v.ValueFrom.FieldRef.APIVersion == "" {
		v.ValueFrom = v.ValueFrom.DeepCopy()
		v.ValueFrom.FieldRef.APIVersion = "v1"
	}
	return v
}

// remove plans that objects go, but for those with a label.
func (in *Intent) remove(p *plan.Plan, f *Facts, keeping string, refs []Ref) {
	for _, ref := range refs {
		obj := f.objects[ref]
		if obj == nil || obj.GetDeletionTimestamp() != nil {
			continue
		}
		if value, kept := obj.GetLabels()[keeping]; keeping != "" && kept && value != "false" {
			continue
		}
		p.Add(plan.Action{Key: key(ref), Area: Area, Verb: plan.Delete, Operation: "kubernetes.Delete" + kinds[ref.Resource],
			Input: &Remove{Target: in.Target, Ref: ref, UID: obj.GetUID()}, Summary: fmt.Sprintf("delete %s of the cluster", ref)})
	}
}

// trustPolicyKey is the field of the boilerplate.
const trustPolicyKey = "trust-policy.json"

func (in *Intent) planTrustPolicy(p *plan.Plan, f *Facts) {
	if in.TrustPolicy == "" {
		return
	}
	obj := f.begin(trustPolicy)
	have, _, _ := unstructured.NestedString(obj.Object, "data", trustPolicyKey)
	if sameJSON(have, in.TrustPolicy) {
		return
	}
	_ = unstructured.SetNestedField(obj.Object, in.TrustPolicy, "data", trustPolicyKey)
	in.put(p, f, Area, trustPolicy, obj, "set the boilerplate of trust policies in "+trustPolicy.String()+" of the cluster")
}

func sameJSON(a, b string) bool {
	var x, y any
	return a == b || json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func (in *Intent) planAccess(p *plan.Plan, f *Facts) {
	if !in.LastingAccess {
		return
	}
	if f.objects[administrator] == nil {
		in.put(p, f, Area, administrator, f.begin(administrator), "create "+administrator.String()+" of the cluster, whose tokens Cluster API gets")
	}
	if f.objects[administratorBinding] == nil {
		obj := f.begin(administratorBinding)
		obj.Object["roleRef"] = map[string]any{"apiGroup": administratorBinding.Group, "kind": "ClusterRole", "name": "cluster-admin"}
		obj.Object["subjects"] = []any{map[string]any{"kind": "ServiceAccount", "namespace": administrator.Namespace, "name": administrator.Name}}
		in.put(p, f, Area, administratorBinding, obj, "create "+administratorBinding.String()+" of the cluster, which makes that service account an administrator")
	}
}

// AccessReady tells that tokens of the service account of a lasting access can be asked for.
func (f *Facts) AccessReady() bool {
	return f.Err == nil && f.objects[administrator] != nil && f.objects[administratorBinding] != nil
}
