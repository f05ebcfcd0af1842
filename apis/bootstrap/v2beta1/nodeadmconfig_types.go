package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// NodeadmConfigSpec says how nodeadm, of images with Amazon Linux 2023, has a node join an
// EKS cluster. Which cluster that is isn't said here: it is the one of the Machine or
// MachinePool that uses the configuration.
type NodeadmConfigSpec struct {
	// kubelet has options of the kubelet.
	// +optional
	Kubelet *KubeletOptions `json:"kubelet,omitempty"`

	// containerd has options of containerd.
	// +optional
	Containerd *ContainerdOptions `json:"containerd,omitempty"`

	// instance says how disks and the environment of services are set up.
	// +optional
	Instance *InstanceOptions `json:"instance,omitempty"`

	// featureGates switch features of nodeadm on or off: InstanceIdNodeName names the node
	// after its instance, FastImagePull has images pulled in parts at once.
	// +optional
	// +k8s:validation:maxProperties=32
	FeatureGates map[string]bool `json:"featureGates,omitzero"`

	// preNodeadmCommands are run in a shell, in this order, before the node joins. The first
	// that fails ends them.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	// +k8s:validation:items:maxLength=10240
	PreNodeadmCommands []string `json:"preNodeadmCommands,omitzero"`

	CloudInit `json:",inline"`
}

// KubeletOptions are options of the kubelet.
type KubeletOptions struct {
	// config is a KubeletConfiguration of kubelet.config.k8s.io/v1beta1, or a part of one. It
	// is merged over what nodeadm sets.
	// +optional
	Config *runtime.RawExtension `json:"config,omitempty"`

	// flags are arguments of the kubelet, for example --node-labels=role=web. They follow
	// those that nodeadm gives.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	// +k8s:validation:items:maxLength=4096
	Flags []string `json:"flags,omitzero"`

	// maxPodsExpression computes how many pods the node takes, in CEL, of default_enis,
	// ips_per_eni and max_pods. config.maxPods goes before it.
	// +optional
	// +k8s:validation:maxLength=1024
	MaxPodsExpression string `json:"maxPodsExpression,omitempty"`
}

// ContainerdOptions are options of containerd.
type ContainerdOptions struct {
	// config is a configuration of containerd in TOML, or a part of one. It is merged over
	// what nodeadm sets.
	// +optional
	// +k8s:validation:maxLength=65536
	Config string `json:"config,omitempty"`

	// baseRuntimeSpec is a specification of the OCI runtime, or a part of one, which all
	// containers begin with.
	// +optional
	BaseRuntimeSpec *runtime.RawExtension `json:"baseRuntimeSpec,omitempty"`
}

// InstanceOptions say how disks and the environment of services are set up.
type InstanceOptions struct {
	// localStorage says what the instance's own disks, of types that have some, are used for.
	// +optional
	LocalStorage *LocalStorageOptions `json:"localStorage,omitempty"`

	// environment has variables of services: those of default are set for all, and those
	// of a service's name for it alone. A proxy is set so: HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
	// +optional
	// +k8s:validation:maxProperties=32
	// +k8s:validation:additionalProperties:maxProperties=100
	// +k8s:validation:additionalProperties:additionalProperties:maxLength=4096
	Environment map[string]map[string]string `json:"environment,omitzero"`
}

// LocalStorageOptions say what the instance's own disks are used for.
type LocalStorageOptions struct {
	// strategy makes one volume of all disks (RAID0, or RAID10 of at least four), or mounts
	// each (Mount).
	// +required
	Strategy LocalStorageStrategy `json:"strategy,omitempty"`

	// mountPath is where they are mounted. Left out, /mnt/k8s-disks/.
	// +optional
	// +k8s:validation:maxLength=512
	MountPath string `json:"mountPath,omitempty"`

	// disabledMounts are directories that stay on the root volume.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=8
	DisabledMounts []DisabledMount `json:"disabledMounts,omitzero"`
}

// LocalStorageStrategy is how disks are put together.
// +enum
type LocalStorageStrategy string

// The strategies.
const (
	LocalStorageRAID0  LocalStorageStrategy = "RAID0"
	LocalStorageRAID10 LocalStorageStrategy = "RAID10"
	LocalStorageMount  LocalStorageStrategy = "Mount"
)

// DisabledMount is a directory that stays on the root volume: that of containerd, or that of
// the logs of pods.
// +enum
type DisabledMount string

// The directories.
const (
	DisabledMountContainerd DisabledMount = "Containerd"
	DisabledMountPodLogs    DisabledMount = "PodLogs"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// NodeadmConfig makes the bootstrap data of nodes with Amazon Linux 2023.
type NodeadmConfig struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +optional
	Spec NodeadmConfigSpec `json:"spec"`

	// status is what is.
	// +optional
	Status ConfigStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// NodeadmConfigList is a list of NodeadmConfigs.
type NodeadmConfigList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []NodeadmConfig `json:"items"`
}
