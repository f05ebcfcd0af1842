package v2beta1

import "k8s.io/apimachinery/pkg/api/resource"

// VpcCni says how the VPC CNI plugin runs.
type VpcCni struct {
	// disable takes the plugin out of the cluster, for another one to run there.
	// +optional
	// +default=false
	Disable bool `json:"disable"`

	// env are environment variables of the plugin's DaemonSet aws-node.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +k8s:validation:maxItems=100
	Env []EnvVar `json:"env,omitzero"`
}

// KubeProxy says whether kube-proxy runs.
type KubeProxy struct {
	// disable takes kube-proxy out of the cluster, for something else to do its work.
	// +optional
	// +default=false
	Disable bool `json:"disable"`
}

// EnvVar is an environment variable. It and what is below have the JSON of Kubernetes' own.
type EnvVar struct {
	// name of the variable.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=253
	Name string `json:"name,omitempty"`

	// value of the variable.
	// +optional
	// +k8s:validation:maxLength=8192
	Value string `json:"value,omitempty"`

	// valueFrom is where the value comes from. Excludes value.
	// +optional
	ValueFrom *EnvVarSource `json:"valueFrom,omitempty"`
}

// EnvVarSource is where the value of a variable comes from: one of its fields.
type EnvVarSource struct {
	// fieldRef is a field of the pod.
	// +optional
	FieldRef *ObjectFieldSelector `json:"fieldRef,omitempty"`

	// resourceFieldRef is a resource of the container.
	// +optional
	ResourceFieldRef *ResourceFieldSelector `json:"resourceFieldRef,omitempty"`

	// configMapKeyRef is a key of a ConfigMap.
	// +optional
	ConfigMapKeyRef *KeySelector `json:"configMapKeyRef,omitempty"`

	// secretKeyRef is a key of a Secret.
	// +optional
	SecretKeyRef *KeySelector `json:"secretKeyRef,omitempty"`

	// fileKeyRef is a key of a file in a volume.
	// +optional
	FileKeyRef *FileKeySelector `json:"fileKeyRef,omitempty"`
}

// ObjectFieldSelector is a field of a pod.
// +structType=atomic
type ObjectFieldSelector struct {
	// apiVersion of the pod. Left out, v1.
	// +optional
	// +k8s:validation:maxLength=63
	APIVersion string `json:"apiVersion,omitempty"`

	// fieldPath is the field, for example spec.nodeName.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=512
	FieldPath string `json:"fieldPath,omitempty"`
}

// ResourceFieldSelector is a resource of a container.
// +structType=atomic
type ResourceFieldSelector struct {
	// containerName is the container. Left out, the one that has the variable.
	// +optional
	// +k8s:validation:maxLength=63
	ContainerName string `json:"containerName,omitempty"`

	// resource, for example limits.cpu.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=253
	Resource string `json:"resource,omitempty"`

	// divisor is the unit of the value. Left out, 1.
	// +optional
	Divisor resource.Quantity `json:"divisor,omitzero"`
}

// KeySelector is a key of a ConfigMap or a Secret.
// +structType=atomic
type KeySelector struct {
	// name of the object.
	// +optional
	// +default=""
	// +k8s:validation:maxLength=253
	Name string `json:"name,omitempty"`

	// key in it.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=253
	Key string `json:"key,omitempty"`

	// optional lets the key be missing.
	// +optional
	Optional *bool `json:"optional,omitempty"`
}

// FileKeySelector is a key of a file in a volume.
// +structType=atomic
type FileKeySelector struct {
	// volumeName is the volume.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=63
	VolumeName string `json:"volumeName,omitempty"`

	// path of the file in the volume.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=4096
	Path string `json:"path,omitempty"`

	// key in the file.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=253
	Key string `json:"key,omitempty"`

	// optional lets the file or the key be missing.
	// +optional
	// +default=false
	Optional *bool `json:"optional,omitempty"`
}
