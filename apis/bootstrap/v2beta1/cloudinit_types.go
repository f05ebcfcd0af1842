package v2beta1

// CloudInit is what cloud-init does on a node before it joins its cluster. Both kinds of
// configurations have it.
type CloudInit struct {
	// files are written before the node joins.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=200
	Files []File `json:"files,omitzero"`

	// diskSetup makes partitions and file systems on disks.
	// +optional
	DiskSetup *DiskSetup `json:"diskSetup,omitempty"`

	// mounts are lines of /etc/fstab, each of 1 to 6 fields: device, mount point, type,
	// options, dump and pass.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	// +k8s:validation:items:minItems=1
	// +k8s:validation:items:maxItems=6
	// +k8s:validation:items:items:maxLength=512
	Mounts []MountPoints `json:"mounts,omitzero"`

	// users are made besides those of the image.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	Users []User `json:"users,omitzero"`

	// ntp says from where the node has the time.
	// +optional
	NTP *NTP `json:"ntp,omitempty"`
}

// File is a file on a node.
type File struct {
	// path of the file, from the root.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=512
	Path string `json:"path,omitempty"`

	// owner of the file, for example root:root.
	// +optional
	// +k8s:validation:maxLength=256
	Owner string `json:"owner,omitempty"`

	// permissions of the file, for example 0640.
	// +optional
	// +k8s:validation:maxLength=16
	Permissions string `json:"permissions,omitempty"`

	// encoding of the content: base64, gzip or gzip+base64. Left out, the content is plain text.
	// +optional
	Encoding Encoding `json:"encoding,omitempty"`

	// append to the file, if there is one, instead of replacing it.
	// +optional
	Append bool `json:"append"`

	// content of the file.
	// +optional
	// +k8s:validation:maxLength=65536
	Content string `json:"content,omitempty"`

	// contentFrom is where the content is taken from instead.
	// +optional
	ContentFrom *SecretSource `json:"contentFrom,omitempty"`
}

// Encoding is how the content of a file is written.
// +enum
type Encoding string

// The encodings.
const (
	EncodingBase64     Encoding = "base64"
	EncodingGzip       Encoding = "gzip"
	EncodingGzipBase64 Encoding = "gzip+base64"
)

// SecretSource is where a value is kept.
type SecretSource struct {
	// secret that holds the value.
	// +required
	Secret SecretKey `json:"secret,omitzero"`
}

// SecretKey names a value in a Secret of the configuration's namespace.
type SecretKey struct {
	// name of the Secret.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=253
	Name string `json:"name,omitempty"`

	// key of the value in the Secret's data.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=253
	Key string `json:"key,omitempty"`
}

// User is a user of a node's operating system.
type User struct {
	// name of the user.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=256
	Name string `json:"name,omitempty"`

	// gecos is a comment about the user, by custom the whole name.
	// +optional
	// +k8s:validation:maxLength=256
	Gecos *string `json:"gecos,omitempty"`

	// groups that the user is in besides the primary one, separated by commas.
	// +optional
	// +k8s:validation:maxLength=1024
	Groups *string `json:"groups,omitempty"`

	// homeDir is the user's home directory.
	// +optional
	// +k8s:validation:maxLength=256
	HomeDir *string `json:"homeDir,omitempty"`

	// inactive makes a user who can't log in.
	// +optional
	Inactive *bool `json:"inactive,omitempty"`

	// shell of the user.
	// +optional
	// +k8s:validation:maxLength=256
	Shell *string `json:"shell,omitempty"`

	// passwd is the hash of the user's password. Whoever may read the object may read it:
	// passwdFrom keeps it in a Secret.
	// +optional
	// +k8s:validation:maxLength=256
	Passwd *string `json:"passwd,omitempty"`

	// passwdFrom is where the hash is taken from instead.
	// +optional
	PasswdFrom *SecretSource `json:"passwdFrom,omitempty"`

	// primaryGroup of the user.
	// +optional
	// +k8s:validation:maxLength=256
	PrimaryGroup *string `json:"primaryGroup,omitempty"`

	// lockPassword has no password accepted.
	// +optional
	LockPassword *bool `json:"lockPassword,omitempty"`

	// sudo is the rule for the user, for example ALL=(ALL) NOPASSWD:ALL.
	// +optional
	// +k8s:validation:maxLength=256
	Sudo *string `json:"sudo,omitempty"`

	// sshAuthorizedKeys are the public keys with which the user may log in.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	// +k8s:validation:items:maxLength=2048
	SSHAuthorizedKeys []string `json:"sshAuthorizedKeys,omitzero"`
}

// NTP says from where a node has the time.
type NTP struct {
	// servers that are asked.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	// +k8s:validation:items:maxLength=512
	Servers []string `json:"servers,omitzero"`

	// enabled says whether cloud-init sets up NTP.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
}

// DiskSetup makes partitions and file systems on disks.
type DiskSetup struct {
	// partitions of disks, one item for each disk.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	Partitions []Partition `json:"partitions,omitzero"`

	// filesystems that are made.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	Filesystems []Filesystem `json:"filesystems,omitzero"`
}

// Partition says how a disk is divided.
type Partition struct {
	// device is the disk, for example /dev/nvme1n1.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=256
	Device string `json:"device,omitempty"`

	// layout makes one partition of the whole disk; false leaves the disk as it is.
	// +required
	Layout *bool `json:"layout,omitempty"`

	// overwrite what is on the disk. Without it a disk with a partition or a file system is left alone.
	// +optional
	Overwrite *bool `json:"overwrite,omitempty"`

	// tableType is the type of the partition table: mbr or gpt. Left out, mbr.
	// +optional
	// +k8s:validation:maxLength=16
	TableType *string `json:"tableType,omitempty"`
}

// Filesystem is a file system that is made.
type Filesystem struct {
	// device that it is made on.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=256
	Device string `json:"device,omitempty"`

	// filesystem is its type, for example ext4 or xfs.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=128
	Filesystem string `json:"filesystem,omitempty"`

	// label of the file system; None for none.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=512
	Label string `json:"label,omitempty"`

	// partition that it is made on: auto|any, auto, any, none, or a number.
	// +optional
	// +k8s:validation:maxLength=128
	Partition *string `json:"partition,omitempty"`

	// overwrite a file system that is there.
	// +optional
	Overwrite *bool `json:"overwrite,omitempty"`

	// extraOpts are further arguments of the command that makes it.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	// +k8s:validation:items:maxLength=256
	ExtraOpts []string `json:"extraOpts,omitzero"`
}

// MountPoints are the fields of a line of /etc/fstab.
type MountPoints []string
