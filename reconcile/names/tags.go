// Package names holds how AWS resources of a cluster are called and tagged, so
// that they can be found again, by this program and by others.
package names

import (
	"maps"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The tags which say whose a resource is. Apart from TagUID they are the ones
// that other tools for Cluster API on AWS write and read.
const (
	// TagOwnedPrefix and a cluster's name, with the value Owned, mark what was
	// made for the cluster.
	TagOwnedPrefix = "sigs.k8s.io/cluster-api-provider-aws/cluster/"
	// TagRole says what a resource is for.
	TagRole = "sigs.k8s.io/cluster-api-provider-aws/role"
	// TagUID carries the UID of the object that a resource was made for, which
	// tells clusters of one name in several namespaces apart.
	TagUID = "capa-apiserver.cluster.x-k8s.io/uid"
	// TagNamespace carries the namespace of that object, which a move keeps: what has
	// another one was never this object's.
	TagNamespace = "capa-apiserver.cluster.x-k8s.io/namespace"
	// TagZone tells for which zone's NAT gateway an address was allocated.
	TagZone = "capa-apiserver.cluster.x-k8s.io/zone"
	// TagCloudProviderPrefix and a cluster's name are what the cluster's cloud
	// controller manager looks for.
	TagCloudProviderPrefix = "kubernetes.io/cluster/"
	// TagPublicELB and TagInternalELB, with the value 1, let the cloud
	// controller manager put load balancers into a subnet.
	TagPublicELB   = "kubernetes.io/role/elb"
	TagInternalELB = "kubernetes.io/role/internal-elb"
	// TagAssociation with AssociationSecondary marks a subnet that is for pods only.
	TagAssociation = "sigs.k8s.io/cluster-api-provider-aws/association"
	// TagEKSCluster is on what EKS itself makes for a cluster.
	TagEKSCluster = "aws:eks:cluster-name"
	// TagName is the name that AWS's console shows.
	TagName = "Name"

	// All tags that say whose a resource is begin with one of these, or with
	// TagCloudProviderPrefix.
	tagProviderPrefix = "sigs.k8s.io/cluster-api-provider-aws/"
	tagServerPrefix   = "capa-apiserver.cluster.x-k8s.io/"
)

// Values of the tags above.
const (
	Owned  = "owned"
	Shared = "shared"

	RoleCommon    = "common"
	RolePublic    = "public"
	RolePrivate   = "private"
	RoleAPIServer = "apiserver"

	AssociationSecondary = "secondary"
)

// Owner is the cluster that resources are made for.
type Owner struct {
	// Cluster is the name that stands in tags and names of resources.
	Cluster string
	// UID is the UID of the object that wants the resources, Namespace is where it lives.
	UID, Namespace string
	// Additional are the user's tags for every resource.
	Additional map[string]string
}

// Tags returns all tags of a resource. A user's tag never replaces one that
// says whose the resource is. An empty role or name adds no such tag.
func (o Owner) Tags(name, role string, extra map[string]string) map[string]string {
	tags := make(map[string]string, len(o.Additional)+len(extra)+4)
	for k, v := range o.Additional {
		tags[k] = v
	}
	for k, v := range extra {
		tags[k] = v
	}
	maps.DeleteFunc(tags, func(key, _ string) bool { return o.reserved(key) })
	tags[TagOwnedPrefix+o.Cluster] = Owned
	maps.Copy(tags, o.Identity())
	if role != "" {
		tags[TagRole] = role
	}
	if name != "" {
		tags[TagName] = name
	}
	return tags
}

// reserved tells the keys by which users' tags could say that a resource is another
// cluster's. Admission refuses them; objects that were stored before may have them.
func (o Owner) reserved(key string) bool {
	switch key {
	case TagZone, TagAssociation, TagCloudProviderPrefix + o.Cluster:
		return false
	}
	return strings.HasPrefix(key, tagProviderPrefix) || strings.HasPrefix(key, tagServerPrefix) || strings.HasPrefix(key, TagCloudProviderPrefix)
}

// Identity are the tags that say which object has a resource, apart from its cluster.
func (o Owner) Identity() map[string]string {
	tags := map[string]string{}
	if o.UID != "" {
		tags[TagUID] = o.UID
	}
	if o.Namespace != "" {
		tags[TagNamespace] = o.Namespace
	}
	return tags
}

// UserTags are the user's tags for every resource, without those that say whose it is.
func (o Owner) UserTags() map[string]string { return o.Allowed(o.Additional) }

// Allowed are a user's tags without those that say whose something is.
func (o Owner) Allowed(users map[string]string) map[string]string {
	tags := maps.Clone(users)
	maps.DeleteFunc(tags, func(key, _ string) bool { return o.reserved(key) })
	return tags
}

// HasOwnedTag tells whether the tags mark a resource as made for a cluster of
// this name.
func (o Owner) HasOwnedTag(tags map[string]string) bool {
	return tags[TagOwnedPrefix+o.Cluster] == Owned
}

// Missing returns the wanted tags which have lacks or has with another value. A
// missing UID or namespace is no difference: what other tools made stays as it is. Another
// UID is one: it is that of an object which was moved, and then both are written.
func Missing(want, have map[string]string) map[string]string {
	missing := map[string]string{}
	uid := have[TagUID]
	moved := uid != "" && uid != want[TagUID]
	for k, v := range want {
		old, there := have[k]
		if there && old != v || !there && k != TagUID && (k != TagNamespace || moved) {
			missing[k] = v
		}
	}
	return missing
}

// SortedKeys returns the keys of the tags in order.
func SortedKeys(tags map[string]string) []string {
	keys := make([]string, 0, len(tags))
	for k := range tags {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// Annotate sets an annotation; without a value it takes it away.
func Annotate(obj metav1.Object, key, value string) {
	annotations := obj.GetAnnotations()
	if value == "" {
		delete(annotations, key)
	} else {
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[key] = value
	}
	obj.SetAnnotations(annotations)
}
