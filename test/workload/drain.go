package workload

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// drain has the pods leave the nodes that EKS is to replace, as EKS does it: no new ones come, and those that are there are evicted as far as
// PodDisruptionBudgets let them go. What fails is tried again at the next look.
func (s *Instances) drain(ctx context.Context, c *eksCluster) {
	s.mu.Lock()
	nodes := map[string]*corev1.Node{}
	for id, m := range s.machines {
		if m.plane == c && m.group != "" && !m.final {
			nodes[id] = m.node
		}
	}
	s.mu.Unlock()
	for id, of := range nodes {
		node, leaves := &corev1.Node{}, slices.Contains(c.plane.Draining, id)
		if c.client.Get(ctx, client.ObjectKeyFromObject(of), node) != nil {
			continue
		}
		// An update that failed leaves its nodes in service.
		if drained := node.Annotations[drainedBy] != ""; drained != leaves {
			node.Spec.Unschedulable = leaves
			if delete(node.Annotations, drainedBy); leaves {
				metav1.SetMetaDataAnnotation(&node.ObjectMeta, drainedBy, c.plane.Name)
			}
			if c.client.Update(ctx, node) != nil {
				continue
			}
		}
		if leaves && (pods{c.client}).leave(ctx, node.Name) {
			_ = s.cloud.act(ctx, "node-drained", c.plane.Name+"/"+id)
		}
	}
	for _, id := range c.plane.Draining {
		if nodes[id] == nil { // it never became a node
			_ = s.cloud.act(ctx, "node-drained", c.plane.Name+"/"+id)
		}
	}
}

// drainedBy tells a node that EKS took out of service from one that somebody else did.
const drainedBy = "workload.capa-apiserver.cluster.x-k8s.io/drained-by"

// leave evicts the pods of a node, and tells whether none is left. Those of DaemonSets stay.
func (p pods) leave(ctx context.Context, node string) bool {
	all := &corev1.PodList{}
	if p.client.List(ctx, all) != nil {
		return false
	}
	empty := true
	for i := range all.Items {
		pod := &all.Items[i]
		if owner := metav1.GetControllerOf(pod); pod.Spec.NodeName != node || owner != nil && owner.Kind == "DaemonSet" {
			continue
		}
		if client.IgnoreNotFound(p.evict(ctx, pod.Namespace, pod.Name)) != nil {
			empty = false
		}
	}
	return empty
}
