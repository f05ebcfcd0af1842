package workload

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	inmemoryv1 "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/cloud/api/v1alpha1"
)

const etcdComponent = "etcd"

// etcdPod is the pod of a host's etcd member. The in-memory etcd reads its members, their ids and its leader from
// annotations of the pods.
func (c *cluster) etcdPod(ctx context.Context, h host) (*corev1.Pod, error) {
	pod := h.staticPod(etcdComponent)
	pod.Annotations[inmemoryv1.EtcdClusterIDAnnotationName] = number(c.endpoint)
	pod.Annotations[inmemoryv1.EtcdMemberIDAnnotationName] = number(h.instance)
	members, err := c.etcdMembers(ctx)
	if err != nil {
		return nil, err
	}
	if len(members) == 0 {
		pod.Annotations[inmemoryv1.EtcdLeaderFromAnnotationName] = time.Now().Format(time.RFC3339)
	}
	return pod, nil
}

// elect makes one of the members the leader if there is none, as they do when they lose it.
func (c *cluster) elect(ctx context.Context) {
	members, err := c.etcdMembers(ctx)
	if err != nil || len(members) == 0 {
		return
	}
	for _, pod := range members {
		if pod.Annotations[inmemoryv1.EtcdLeaderFromAnnotationName] != "" {
			return
		}
	}
	next := members[0].DeepCopy()
	next.Annotations[inmemoryv1.EtcdLeaderFromAnnotationName] = time.Now().Format(time.RFC3339)
	_ = c.client.Patch(ctx, next, client.MergeFrom(&members[0])) // a pod that went meanwhile leads to the next election
}

// etcdMembers are the pods of the members that weren't removed.
func (c *cluster) etcdMembers(ctx context.Context) ([]corev1.Pod, error) {
	pods := &corev1.PodList{}
	if err := c.client.List(ctx, pods, client.InNamespace(metav1.NamespaceSystem), client.MatchingLabels{"component": etcdComponent}); err != nil {
		return nil, fmt.Errorf("list the etcd members: %w", err)
	}
	var members []corev1.Pod
	for _, pod := range pods.Items {
		if _, removed := pod.Annotations[inmemoryv1.EtcdMemberRemoved]; !removed {
			members = append(members, pod)
		}
	}
	return members, nil
}

// number is an id that follows from a name.
func number(name string) string {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name))
	return fmt.Sprint(hash.Sum32())
}
