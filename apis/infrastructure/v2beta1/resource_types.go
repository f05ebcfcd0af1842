package v2beta1

// AWSResourceReference names a resource of AWS by id, or finds it by filters. Only
// one of the two may be set.
type AWSResourceReference struct {
	// id of the resource, for example sg-0123456789abcdef0.
	// +optional
	// +k8s:validation:maxLength=128
	ID *string `json:"id,omitempty"`

	// filters that the resource passes, as EC2's describe calls know them. Excludes id.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=50
	Filters []Filter `json:"filters,omitzero"`
}

// Filter is one filter of an EC2 describe call: one of the values must match.
type Filter struct {
	// name of the filter, for example tag:Name.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=255
	Name string `json:"name,omitempty"`

	// values of which one must match. They may hold the wildcards * and ?.
	// +required
	// +listType=atomic
	// +k8s:validation:maxItems=200
	// +k8s:validation:items:maxLength=256
	Values []string `json:"values,omitzero"`
}

// AMIReference says which machine image is used. Left empty, it is looked up by name.
type AMIReference struct {
	// id of the image, for example ami-0123456789abcdef0.
	// +optional
	// +k8s:validation:maxLength=2048
	ID *string `json:"id,omitempty"`

	// eksLookupType is the kind of image that EKS publishes for the cluster's version.
	// +optional
	EKSOptimizedLookupType *EKSAMILookupType `json:"eksLookupType,omitempty"`
}

// EKSAMILookupType is a kind of image that EKS publishes.
// +enum
type EKSAMILookupType string

// The kinds of images that EKS publishes.
const (
	EKSAMILookupAmazonLinux        EKSAMILookupType = "AmazonLinux"
	EKSAMILookupAmazonLinuxGPU     EKSAMILookupType = "AmazonLinuxGPU"
	EKSAMILookupAmazonLinux2023    EKSAMILookupType = "AmazonLinux2023"
	EKSAMILookupAmazonLinux2023GPU EKSAMILookupType = "AmazonLinux2023GPU"
	// AmazonLinux2023Neuron is for AWS's own accelerators.
	EKSAMILookupAmazonLinux2023Neuron EKSAMILookupType = "AmazonLinux2023Neuron"
	// Bottlerocket's nodes read settings in TOML, for which Machines name a Secret of their own.
	EKSAMILookupBottlerocket     EKSAMILookupType = "Bottlerocket"
	EKSAMILookupBottlerocketGPU  EKSAMILookupType = "BottlerocketGPU"
	EKSAMILookupBottlerocketFIPS EKSAMILookupType = "BottlerocketFIPS"
	EKSAMILookupWindows2019Core  EKSAMILookupType = "Windows2019Core"
	EKSAMILookupWindows2019Full  EKSAMILookupType = "Windows2019Full"
	EKSAMILookupWindows2022Core  EKSAMILookupType = "Windows2022Core"
	EKSAMILookupWindows2022Full  EKSAMILookupType = "Windows2022Full"
	EKSAMILookupWindows2025Core  EKSAMILookupType = "Windows2025Core"
	EKSAMILookupWindows2025Full  EKSAMILookupType = "Windows2025Full"
)
