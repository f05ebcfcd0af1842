package v2beta1

// MaxSecretCount is how many secrets a machine's bootstrap data may be cut into: as many
// as 64 KiB need in parameters, each of which holds 4,000 characters of base64.
const MaxSecretCount = 22

// CloudInit says how bootstrap data of cloud-init reaches an instance.
type CloudInit struct {
	// insecureSkipSecretsManager puts the bootstrap data into the user data, where
	// whoever may describe the instance can read it.
	// +optional
	InsecureSkipSecretsManager bool `json:"insecureSkipSecretsManager"`

	// secretCount is the number of secrets the bootstrap data is cut into: 22 parameters
	// hold 64 KiB. Written by the provider.
	// +optional
	// +k8s:validation:minimum=0
	// +k8s:validation:maximum=22
	SecretCount int32 `json:"secretCount,omitempty"`

	// secretPrefix begins the names of these secrets. Written by the provider.
	// +optional
	// +k8s:validation:maxLength=512
	SecretPrefix string `json:"secretPrefix,omitempty"`

	// secureSecretsBackend keeps the secrets. Machines without Ignition have secrets-manager
	// unless they say otherwise.
	// +optional
	SecureSecretsBackend SecretBackend `json:"secureSecretsBackend,omitempty"`
}

// SecretBackend is a service of AWS that keeps bootstrap data.
// +enum
type SecretBackend string

// The services of AWS that keep bootstrap data.
const (
	SecretBackendSecretsManager    SecretBackend = "secrets-manager"
	SecretBackendSSMParameterStore SecretBackend = "ssm-parameter-store"
)

// Ignition says how bootstrap data of Ignition reaches an instance.
type Ignition struct {
	// version of the Ignition configuration. Left out, 2.3, unless the data is
	// stored as unencrypted user data, which has a version of its own.
	// +optional
	Version IgnitionVersion `json:"version,omitempty"`

	// storageType says where the bootstrap data is: in the cluster's S3 bucket, or
	// in the user data, where whoever may describe the instance can read it.
	// +optional
	// +default="ClusterObjectStore"
	StorageType IgnitionStorageType `json:"storageType,omitempty"`

	// proxy that Ignition fetches through. Needs version 3.1 or later.
	// +optional
	Proxy *IgnitionProxy `json:"proxy,omitempty"`

	// tls tunes how Ignition fetches over TLS. Needs version 3.1 or later.
	// +optional
	TLS *IgnitionTLS `json:"tls,omitempty"`
}

// IgnitionVersion is a version of the Ignition configuration.
// +enum
type IgnitionVersion string

// The versions of the Ignition configuration.
const (
	IgnitionVersion23 IgnitionVersion = "2.3"
	IgnitionVersion30 IgnitionVersion = "3.0"
	IgnitionVersion31 IgnitionVersion = "3.1"
	IgnitionVersion32 IgnitionVersion = "3.2"
	IgnitionVersion33 IgnitionVersion = "3.3"
	IgnitionVersion34 IgnitionVersion = "3.4"
)

// IgnitionStorageType says where bootstrap data of Ignition is.
// +enum
type IgnitionStorageType string

// Where bootstrap data of Ignition is.
const (
	IgnitionStorageClusterObjectStore  IgnitionStorageType = "ClusterObjectStore"
	IgnitionStorageUnencryptedUserData IgnitionStorageType = "UnencryptedUserData"
)

// IgnitionProxy is the proxy that Ignition fetches through.
type IgnitionProxy struct {
	// httpProxy for HTTP, for example http://proxy.example.com:3128.
	// +optional
	// +k8s:validation:maxLength=2048
	HTTPProxy *string `json:"httpProxy,omitempty"`

	// httpsProxy for HTTPS, for example http://proxy.example.com:3128.
	// +optional
	// +k8s:validation:maxLength=2048
	HTTPSProxy *string `json:"httpsProxy,omitempty"`

	// noProxy are the targets that are reached without the proxy: *, IP addresses,
	// ranges, and DNS names with or without a port.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=64
	// +k8s:validation:items:maxLength=2048
	NoProxy []string `json:"noProxy,omitzero"`
}

// IgnitionTLS tunes how Ignition fetches over TLS.
type IgnitionTLS struct {
	// certificateAuthorities are URLs of certificates to trust besides the
	// system's: http, https, tftp, s3, arn, gs, or the certificate itself as data.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=64
	// +k8s:validation:items:maxLength=65536
	CASources []string `json:"certificateAuthorities,omitzero"`
}
