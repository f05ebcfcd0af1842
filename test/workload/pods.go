package workload

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	inmemory "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/runtime"
)

// pods runs what is to run on the nodes of an EKS cluster: it is the controllers of DaemonSets and Deployments, and the scheduler.
type pods struct{ client inmemory.Client }

// settle has every pod be where it belongs. What fails is tried again at the next look.
func (p pods) settle(ctx context.Context) error {
	nodes, all := &corev1.NodeList{}, &corev1.PodList{}
	daemons, deployments := &appsv1.DaemonSetList{}, &appsv1.DeploymentList{}
	for _, list := range []client.ObjectList{nodes, all, daemons, deployments} {
		if err := p.client.List(ctx, list); err != nil {
			return err
		}
	}
	at := map[string]*corev1.Pod{}
	for i := range all.Items {
		pod := &all.Items[i]
		lost := pod.Spec.NodeName != "" && !slices.ContainsFunc(nodes.Items, func(n corev1.Node) bool { return n.Name == pod.Spec.NodeName })
		if lost {
			_ = p.client.Delete(ctx, pod) // somebody may have been faster
			continue
		}
		at[pod.Namespace+"/"+pod.Name] = pod
	}
	for i := range daemons.Items {
		if err := p.spread(ctx, &daemons.Items[i], nodes.Items, at); err != nil {
			return err
		}
	}
	for i := range deployments.Items {
		if err := p.replicate(ctx, &deployments.Items[i], at); err != nil {
			return err
		}
	}
	return p.bind(ctx, nodes.Items, at)
}

// spread has every node run a pod of a DaemonSet. Fargate's take none.
func (p pods) spread(ctx context.Context, d *appsv1.DaemonSet, nodes []corev1.Node, at map[string]*corev1.Pod) error {
	for i := range nodes {
		name := d.Name + "-" + short(nodes[i].Name)
		if at[d.Namespace+"/"+name] != nil || isFargate(&nodes[i]) {
			continue
		}
		pod := podOf(d, "DaemonSet", name, d.Spec.Template)
		run(pod, nodes[i].Name)
		if err := p.client.Create(ctx, pod); client.IgnoreAlreadyExists(err) != nil {
			return err
		}
		at[d.Namespace+"/"+name] = pod
	}
	return nil
}

// replicate has so many pods of a Deployment be there as it says.
func (p pods) replicate(ctx context.Context, d *appsv1.Deployment, at map[string]*corev1.Pod) error {
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: d.Name, OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))}},
		Spec: appsv1.ReplicaSetSpec{Replicas: d.Spec.Replicas, Selector: d.Spec.Selector, Template: d.Spec.Template}}
	if err := p.client.Create(ctx, set); client.IgnoreAlreadyExists(err) != nil {
		return err
	}
	for i := range int(deref(d.Spec.Replicas, 1)) {
		name := fmt.Sprintf("%s-%d", d.Name, i)
		if at[d.Namespace+"/"+name] != nil {
			continue
		}
		pod := podOf(set, "ReplicaSet", name, d.Spec.Template)
		pod.Status.Phase = corev1.PodPending
		if err := p.client.Create(ctx, pod); client.IgnoreAlreadyExists(err) != nil {
			return err
		}
		at[d.Namespace+"/"+name] = pod
	}
	return nil
}

// bind has pods that wait run on the node with the fewest pods that takes them.
func (p pods) bind(ctx context.Context, nodes []corev1.Node, at map[string]*corev1.Pod) error {
	load := map[string]int{}
	for _, pod := range at {
		load[pod.Spec.NodeName]++
	}
	nodes = slices.Clone(nodes)
	for _, pod := range at {
		if pod.Spec.NodeName != "" {
			continue
		}
		slices.SortFunc(nodes, func(a, b corev1.Node) int {
			return cmp.Or(cmp.Compare(load[a.Name], load[b.Name]), strings.Compare(a.Name, b.Name))
		})
		i := slices.IndexFunc(nodes, func(n corev1.Node) bool { return takes(&n, pod) })
		if i < 0 {
			continue
		}
		run(pod, nodes[i].Name)
		if err := p.client.Update(ctx, pod); err != nil {
			return client.IgnoreNotFound(err)
		}
		load[nodes[i].Name]++
	}
	return nil
}

// evict is the answer to a request to make room: a PodDisruptionBudget that would be broken holds it up.
func (p pods) evict(ctx context.Context, namespace, name string) error {
	pod, budgets, all := &corev1.Pod{}, &policyv1.PodDisruptionBudgetList{}, &corev1.PodList{}
	if err := p.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, pod); err != nil {
		return err
	}
	for _, list := range []client.ObjectList{budgets, all} {
		if err := p.client.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return err
		}
	}
	for _, budget := range budgets.Items {
		if selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector); err == nil && selector.Matches(labels.Set(pod.Labels)) && !allows(&budget, selector, all.Items) {
			return apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 10)
		}
	}
	return p.client.Delete(ctx, pod)
}

// allows tells whether one pod less is within a budget.
func allows(budget *policyv1.PodDisruptionBudget, selector labels.Selector, all []corev1.Pod) bool {
	matched, healthy := 0, 0
	for _, pod := range all {
		if !selector.Matches(labels.Set(pod.Labels)) {
			continue
		}
		matched++
		if pod.Status.Phase == corev1.PodRunning {
			healthy++
		}
	}
	if most := budget.Spec.MaxUnavailable; most != nil {
		n, _ := intstr.GetScaledValueFromIntOrPercent(most, matched, true) // the API server takes no others
		return matched-healthy < n
	}
	least := intstr.FromInt32(1)
	if budget.Spec.MinAvailable != nil {
		least = *budget.Spec.MinAvailable
	}
	n, _ := intstr.GetScaledValueFromIntOrPercent(&least, matched, true)
	return healthy > n
}

// takes tells whether the scheduler would put a pod onto a node.
func takes(n *corev1.Node, pod *corev1.Pod) bool {
	if n.Spec.Unschedulable || isFargate(n) || !labels.SelectorFromSet(pod.Spec.NodeSelector).Matches(labels.Set(n.Labels)) {
		return false
	}
	return !slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
		return t.Effect != corev1.TaintEffectPreferNoSchedule && !slices.ContainsFunc(pod.Spec.Tolerations, func(one corev1.Toleration) bool {
			return (one.Key == "" || one.Key == t.Key) && (one.Effect == "" || one.Effect == t.Effect)
		})
	})
}

// computeType is the label that EKS's nodes on Fargate have.
const computeType = "eks.amazonaws.com/compute-type"

func isFargate(n *corev1.Node) bool { return n.Labels[computeType] == "fargate" }

func podOf(owner client.Object, kind, name string, template corev1.PodTemplateSpec) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: owner.GetNamespace(), Name: name, Labels: template.Labels, Annotations: template.Annotations,
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(owner, appsv1.SchemeGroupVersion.WithKind(kind))}}, Spec: *template.Spec.DeepCopy()}
}

// run has a pod run on a node.
func run(pod *corev1.Pod, node string) {
	pod.Spec.NodeName = node
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}
}

// short is the first part of a node's name.
func short(node string) string {
	before, _, _ := strings.Cut(node, ".")
	return before
}

func deref[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
