package ownership

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// Shared tells whether whoever has a resource shares it with the owner's cluster, by the
// tag with the cluster's name. A name may be that of several clusters: which one is meant,
// the tag's value says, or the tag of the namespace where the resource is no cluster's own;
// else a resource that another living cluster of the name wants as well is shared with
// neither, and doubt says what to do about that.
func (o Owner) Shared(r Resource) (shared bool, doubt string) {
	value, namespace, decided := strings.Cut(r.Tags[names.TagOwnedPrefix+o.Cluster], ":")
	switch {
	case o.Cluster == "", value != names.Shared:
		return false, ""
	case decided:
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
		return false, fmt.Sprintf("the tag %s%s means %s as much (where it means this one, the value %s says so)", names.TagOwnedPrefix, o.Cluster, o.describe(x), o.sharedWith())
	}
	return true, ""
}

// Withheld tells whose something is that a user names for the owner's cluster to use, and
// never to change: a subnet, a security group, a VPC. It is "" for what may be used: what no cluster
// has, what is the owner's, and what is shared with the owner's cluster. The owner is a
// cluster. things are the thing itself and what holds it: who may not use a VPC may not use
// what lies in it. undecided tells that it may turn out to be for the owner to use: nothing
// new is done with it then, and that is all.
func (o Owner) Withheld(things ...Resource) (of string, undecided bool) {
	var doubts []string
	for _, r := range things {
		shared, doubt := o.Shared(r)
		if shared {
			return "", false
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
			return strings.Join(append([]string{claim.Of}, doubts...), ", and "), claim.Undecided || len(doubts) > 0
		}
	}
	return "", false
}

// share says how whoever has something lets the owner's cluster use it.
func (o Owner) share(id string) string {
	return fmt.Sprintf("whoever has it lets this cluster use it: aws ec2 create-tags --resources %s --tags Key=%s%s,Value=%s", id, names.TagOwnedPrefix, o.Cluster, o.sharedWith())
}

// sharedWith is the value of the tag with the cluster's name by which something is shared
// with the owner's cluster and none of its namesakes.
func (o Owner) sharedWith() string { return names.Shared + ":" + o.Namespace }

// ownedBy returns the name of a cluster whose own the tags say that something is, or "".
func ownedBy(tags map[string]string) string {
	for _, key := range names.SortedKeys(tags) {
		if cluster, ok := strings.CutPrefix(key, names.TagOwnedPrefix); ok && tags[key] == names.Owned {
			return cluster
		}
	}
	return ""
}
