package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// EKSConfigSpec says how bootstrap.sh, of images with Amazon Linux 2, has a node join an EKS
// cluster. These images end with Kubernetes 1.32; NodeadmConfig is for those that follow.
type EKSConfigSpec struct {
	// kubeletExtraArgs are further arguments of the kubelet, by name without dashes.
	// +optional
	// +k8s:validation:maxProperties=100
	// +k8s:validation:additionalProperties:maxLength=4096
	KubeletExtraArgs map[string]string `json:"kubeletExtraArgs,omitzero"`

	// containerRuntime is what runs containers: containerd, or dockerd up to Kubernetes 1.23.
	// +optional
	// +k8s:validation:maxLength=64
	ContainerRuntime *string `json:"containerRuntime,omitempty"`

	// dnsClusterIP is the address of the cluster's DNS. Left out, it follows from the
	// cluster's range for services.
	// +optional
	// +k8s:validation:maxLength=64
	DNSClusterIP *string `json:"dnsClusterIP,omitempty"`

	// dockerConfigJson is the content of /etc/docker/daemon.json, with the docker runtime.
	// +optional
	// +k8s:validation:maxLength=16384
	DockerConfigJSON *string `json:"dockerConfigJson,omitempty"`

	// apiRetryAttempts is how often a call of AWS is tried.
	// +optional
	// +k8s:validation:minimum=0
	// +k8s:validation:maximum=100
	APIRetryAttempts *int `json:"apiRetryAttempts,omitempty"`

	// pauseContainer is the container that holds a pod's network.
	// +optional
	PauseContainer *PauseContainer `json:"pauseContainer,omitempty"`

	// useMaxPods has the kubelet take as many pods as the instance type has addresses for.
	// +optional
	UseMaxPods *bool `json:"useMaxPods,omitempty"`

	// serviceIPV6Cidr is the cluster's range for services, of a cluster with IPv6.
	// +optional
	// +k8s:validation:maxLength=64
	ServiceIPV6Cidr *string `json:"serviceIPV6Cidr,omitempty"`

	// preBootstrapCommands are run in a shell, in this order, before the node joins.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	// +k8s:validation:items:maxLength=10240
	PreBootstrapCommands []string `json:"preBootstrapCommands,omitzero"`

	// postBootstrapCommands are run after it.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	// +k8s:validation:items:maxLength=10240
	PostBootstrapCommands []string `json:"postBootstrapCommands,omitzero"`

	// boostrapCommandOverride is run instead of /etc/eks/bootstrap.sh, with its arguments. It
	// really is spelt so.
	// +optional
	// +k8s:validation:maxLength=10240
	BootstrapCommandOverride *string `json:"boostrapCommandOverride,omitempty"`

	CloudInit `json:",inline"`
}

// PauseContainer is the container that holds a pod's network.
type PauseContainer struct {
	// accountNumber is the AWS account that has its image.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=12
	// +k8s:validation:pattern="^[0-9]{12}$"
	AccountNumber string `json:"accountNumber,omitempty"`

	// version of its image.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=128
	Version string `json:"version,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// EKSConfig makes the bootstrap data of nodes with Amazon Linux 2.
type EKSConfig struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +optional
	Spec EKSConfigSpec `json:"spec"`

	// status is what is.
	// +optional
	Status ConfigStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// EKSConfigList is a list of EKSConfigs.
type EKSConfigList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []EKSConfig `json:"items"`
}
