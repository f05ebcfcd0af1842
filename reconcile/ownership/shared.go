package ownership

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// Shared tells whether whoever has a resource shares it with the owner's cluster, by the
// tag with the cluster's name. A name may be that of several clusters: which one is meant,
// the tag of the namespace says where the resource is no cluster's own; else a resource
// that another living cluster of the name wants as well is shared with neither, and doubt
// says what to do about that.
func (o Owner) Shared(r Resource) (shared bool, doubt string) {
	if o.Cluster == "" || r.Tags[names.TagOwnedPrefix+o.Cluster] != names.Shared {
		return false, ""
	}
	if namespace := r.Tags[names.TagNamespace]; namespace != "" && ownedBy(r.Tags) == "" {
		return namespace == o.Namespace, ""
	}
	if r.Inside {
		return true, ""
	}
	namesakes, err := o.living().Namesakes(KindCluster, o.Cluster)
	if err != nil {
		return false, undecided(err).Of
	}
	for _, x := range namesakes {
		if !o.sameName(x) || x.Stray || r.Recorded && !slices.Contains(x.Records, r.ID) {
			continue
		}
		if ownedBy(r.Tags) != "" {
			return false, fmt.Sprintf("the tag %s%s means %s as much; give one of the two clusters another name", names.TagOwnedPrefix, o.Cluster, o.describe(x))
		}
		return false, fmt.Sprintf("the tag %s%s means %s as much; say which is meant by the tag %s = %s", names.TagOwnedPrefix, o.Cluster, o.describe(x), names.TagNamespace, o.Namespace)
	}
	return true, ""
}

// Withheld tells whose something is that a user names for the owner's cluster to use, and
// never to change: a subnet, a security group, a VPC. It is "" for what may be used: what no cluster
// has, what is the owner's, and what is shared with the owner's cluster. The owner is a
// cluster. things are the thing itself and what holds it: who may not use a VPC may not use
// what lies in it.
func (o Owner) Withheld(things ...Resource) (of string) {
	var doubts []string
	for _, r := range things {
		shared, doubt := o.Shared(r)
		if shared {
			return ""
		}
		if doubt != "" {
			doubts = append(doubts, doubt)
		}
	}
	for _, r := range things {
		if ownedBy(r.Tags) == "" && r.Tags[names.TagUID] == "" {
			continue
		}
		if claim := o.Claim(r); !claim.Ours() {
			return strings.Join(append([]string{claim.Of}, doubts...), ", and ")
		}
	}
	return ""
}

// share says how whoever has something lets the owner's cluster use it.
func (o Owner) share(id string) string {
	return fmt.Sprintf("whoever has it lets this cluster use it: aws ec2 create-tags --resources %s --tags Key=%s%s,Value=%s", id, names.TagOwnedPrefix, o.Cluster, names.Shared)
}

// ownedBy returns the name of a cluster whose own the tags say that something is, or "".
func ownedBy(tags map[string]string) string {
	for _, key := range names.SortedKeys(tags) {
		if cluster, ok := strings.CutPrefix(key, names.TagOwnedPrefix); ok && tags[key] == names.Owned {
			return cluster
		}
	}
	return ""
}
