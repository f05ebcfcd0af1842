package workload

import (
	"cmp"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// staticComponents run on every control plane beside etcd.
var staticComponents = []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"}

const controlPlaneRole = "node-role.kubernetes.io/control-plane"

// host is an instance as a node of a cluster.
type host struct {
	instance     string
	name         string
	zone         string
	version      string
	labels       map[string]string
	addresses    []corev1.NodeAddress
	controlPlane bool
}

// hostOf takes the node's name from AWS, as the templates' cloud-init and Flatcar do.
func hostOf(instance ec2types.Instance, version string, labels map[string]string) host {
	id := aws.ToString(instance.InstanceId)
	return host{
		instance: id, name: cmp.Or(aws.ToString(instance.PrivateDnsName), id), zone: aws.ToString(instance.Placement.AvailabilityZone),
		version: version, labels: labels,
		addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: aws.ToString(instance.PrivateIpAddress)}},
	}
}

// node is what kubelet and AWS's cloud controller make of it.
func (h host) node() *corev1.Node {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: h.name, Labels: map[string]string{
			corev1.LabelHostname: h.name, corev1.LabelTopologyZone: h.zone,
		}},
		Spec: corev1.NodeSpec{ProviderID: fmt.Sprintf("aws:///%s/%s", h.zone, h.instance)},
		Status: corev1.NodeStatus{
			NodeInfo: corev1.NodeSystemInfo{KubeletVersion: h.version}, Addresses: h.addresses,
			Conditions: []corev1.NodeCondition{
				nodeCondition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady"),
				nodeCondition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory"),
				nodeCondition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure"),
				nodeCondition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID"),
			},
		},
	}
	for name, value := range h.labels {
		node.Labels[name] = value
	}
	if h.controlPlane {
		node.Labels[controlPlaneRole] = ""
		node.Spec.Taints = []corev1.Taint{{Key: controlPlaneRole, Effect: corev1.TaintEffectNoSchedule}}
	}
	return node
}

func nodeCondition(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason string) corev1.NodeCondition {
	return corev1.NodeCondition{Type: kind, Status: status, Reason: reason, LastTransitionTime: metav1.Now()}
}

// staticPod is the mirror of a pod that the kubelet runs from a file.
func (h host) staticPod(component string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceSystem, Name: component + "-" + h.name,
			Labels:      map[string]string{"component": component, "tier": "control-plane"},
			Annotations: map[string]string{corev1.MirrorPodAnnotationKey: component},
		},
		Spec:   corev1.PodSpec{NodeName: h.name},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
}
