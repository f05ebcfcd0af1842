// Package ekschild is what the things below an EKS cluster have in common: whose they are,
// their tags, and what to say of those that can't be seen. All of it but the handlers is pure.
package ekschild

import (
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Parent is the cluster below which things are, and for whom they are made.
type Parent struct {
	// Cluster is the EKS cluster's name in AWS.
	Cluster string
	// Owner is the object that has the cluster. The name in tags is its Cluster's.
	Owner ownership.Owner
	// Foreign says whose the cluster is where it isn't the owner's: what is below it isn't either then, but what
	// carries the owner's UID.
	Foreign string
	// Named is the name in the owned tag: of node groups it is the EKS cluster's, by default the Cluster's. (CAPA's wire format.)
	Named string
	// Removed are keys of the user's tags that were wanted once and aren't any more.
	Removed []string
}

// Tags are those of what is made below the cluster. (CAPA's wire format.)
func (p *Parent) Tags(extra map[string]string) map[string]string {
	tags := p.Owner.UserTags()
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, p.Owner.Allowed(extra))
	tags[p.ownedTag()] = names.Owned
	maps.Copy(tags, p.Owner.Identity())
	return tags
}

// Trespass tells, and has a plan say, that nothing may be made below the cluster.
func (p *Parent) Trespass(todo *plan.Plan, area, failed string) bool {
	if p.Foreign == "" {
		return false
	}
	todo.Problem(area, failed, "EKS cluster %s is of %s, and nothing is made below it; see the condition EKSControlPlaneReady of the AWSManagedControlPlane", p.Cluster, p.Foreign)
	return true
}

func (p *Parent) ownedTag() string {
	if p.Named != "" {
		return names.TagCloudProviderPrefix + p.Named
	}
	return names.TagCloudProviderPrefix + p.Owner.Cluster
}

// Claim tells whose something below the cluster is, by its tags.
func (p *Parent) Claim(tags map[string]string) ownership.Claim {
	if p.Foreign != "" && tags[names.TagUID] != p.Owner.UID {
		return ownership.Claim{Of: p.Foreign}
	}
	seen := maps.Clone(tags)
	// Node groups that were made before they had the EKS cluster's name have the Cluster's.
	for _, tag := range []string{names.TagCloudProviderPrefix + p.Owner.Cluster, p.ownedTag()} {
		if value, tagged := tags[tag]; tagged {
			seen[names.TagOwnedPrefix+p.Owner.Cluster] = value
		}
	}
	claim := p.Owner.Claim(ownership.Resource{Tags: seen, Inside: true})
	if !claim.Ours() && tags[p.ownedTag()] == "" {
		claim.Of = fmt.Sprintf("somebody who made it without the tag %s = %s", p.ownedTag(), names.Owned)
	}
	return claim
}

// Adopt says how to have something of the ARN managed that isn't the owner's.
func (p *Parent) Adopt(arn string) string {
	return fmt.Sprintf("to have it managed: aws eks tag-resource --resource-arn %s --tags %s=%s", arn, p.ownedTag(), names.Owned)
}

// Rows are rows of a table below the cluster, none for no names.
func (p *Parent) Rows(kind mirror.Kind, rows ...string) []mirror.Interest {
	if len(rows) == 0 {
		return nil
	}
	return []mirror.Interest{{Kind: kind, Parent: p.Cluster, IDs: rows}}
}

// Sees tells whether something was read, without which nothing is done about it. The plan
// says why it wasn't: right is what the identity needs to read it.
func Sees(snap *mirror.Snapshot, p *plan.Plan, area, what, right string, i mirror.Interest) bool {
	if snap.SeenOf(i) {
		return true
	}
	switch err := snap.ErrOf(i); {
	case cloud.IsUnauthorized(err):
		p.Problem(area, string(cloud.Unauthorized), "%s can't be seen; allow %s (%s)", what, right, cloud.Classify(err).Message)
	case err != nil:
		p.Wait(area, conditions.WaitingForObservation, what+" to be read, which fails: "+cloud.Classify(err).Message)
	default:
		p.Wait(area, conditions.WaitingForObservation, what+" to be read")
	}
	return false
}

// Retag returns what makes the tags of something as they have to be.
func (p *Parent) Retag(key, area, what, arn string, want, have map[string]string) []plan.Action {
	var actions []plan.Action
	if missing := names.Missing(want, have); len(missing) > 0 {
		_, claims := missing[names.TagUID]
		actions = append(actions, plan.Action{Key: key + "/tags", Area: area, Verb: plan.Update, Operation: "eks.TagResource", Claims: claims,
			Input: &eks.TagResourceInput{ResourceArn: &arn, Tags: missing}, By: p.Owner.Before(have),
			Summary: fmt.Sprintf("tag %s with %s", what, strings.Join(names.SortedKeys(missing), ", "))})
	}
	var removed []string
	for _, tag := range p.Removed {
		if _, there := have[tag]; there && want[tag] == "" {
			removed = append(removed, tag)
		}
	}
	if len(removed) > 0 {
		actions = append(actions, plan.Action{Key: key + "/removed-tags", Area: area, Verb: plan.Update, Operation: "eks.UntagResource",
			Input:   &eks.UntagResourceInput{ResourceArn: &arn, TagKeys: removed},
			Summary: fmt.Sprintf("delete tags %s of %s", strings.Join(removed, ", "), what)})
	}
	return actions
}
