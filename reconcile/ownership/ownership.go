// Package ownership tells whose an AWS resource is. What users write is a wish and
// never a proof: an id or a name in a spec says what somebody wants, and the tags
// that AWS shows say whose it is. Every room asks here before it shows, tags,
// changes or deletes anything.
//
// A resource is
//   - ours: it carries the cluster's owned tag and this object's UID; or none, and no
//     other living object has a better claim; or that of an object which lives nowhere
//     here, is of this namespace as far as tags say, and was this one before: the object
//     records the resource's id, or that of another one with this UID, or the resource
//     lies in what is the object's;
//   - used: the user named it and it isn't ours: it is read and referred to, and
//     that is all;
//   - foreign: everything else.
package ownership

import (
	"fmt"
	"slices"
	"time"

	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// Owner is an object for which resources are made, and on whose behalf they are
// judged.
type Owner struct {
	names.Owner
	// Named, unless empty, is by what objects record what is judged, where that tells who
	// could claim it and the name of the Cluster doesn't.
	Named string
	// Kind and Name are the object's; Created is since when it is there.
	Kind, Name string
	Created    time.Time
	// Former are the UIDs that the object had before it was moved or restored.
	Former []string
	// Account and Region are where its resources are; "" where that isn't known.
	Account, Region string
	// Living knows what else lives in this server; nil means that nothing does.
	Living Living
}

// Resource is what AWS shows of one.
type Resource struct {
	// ID is the id, ARN or name by which objects record it; "" for one that nothing
	// records.
	ID   string
	Tags map[string]string
	// Recorded tells that the owner's spec or status records the id.
	Recorded bool
	// Inside tells that it is a part of something that was claimed as the owner's,
	// such as the cluster's own VPC. A VPC that is merely used proves nothing.
	Inside bool
}

// Verdict is whose a resource is.
type Verdict int

// The verdicts. The zero one is the one that does no harm.
const (
	// Foreign: hands off.
	Foreign Verdict = iota
	// Ours: to be changed and deleted as the object wants it.
	Ours
	// Moved: ours, with the UID tag of an object that the owner was before it was
	// moved or restored. That tag is rewritten before anything else is done.
	Moved
)

// Claim is the answer.
type Claim struct {
	Verdict Verdict
	// Of says whose a foreign resource is, for people: "AWSCluster of another
	// namespace".
	Of string
	// Undecided tells that it may turn out to be the owner's: others claim it as well, or
	// nobody knows yet who lives.
	Undecided bool
}

// Ours tells that the resource may be changed and deleted.
func (c Claim) Ours() bool { return c.Verdict != Foreign }

// Claim tells whether a resource is the owner's.
func (o Owner) Claim(r Resource) Claim {
	uid := r.Tags[names.TagUID]
	mine := uid != "" && uid == o.UID
	owned, tagged := r.Tags[names.TagOwnedPrefix+o.Cluster]
	switch {
	case o.Cluster == "", owned != names.Owned && (tagged || !mine):
		return Claim{Of: o.holderOf(r.Tags)}
	case mine:
		// Also where somebody took the owned tag away: only this server writes UIDs.
		return Claim{Verdict: Ours}
	}
	ours := Claim{Verdict: Ours}
	if uid != "" {
		holder, err := o.living().ByUID(uid)
		switch {
		case err != nil:
			return undecided(err)
		case holder != nil:
			return Claim{Of: o.describe(*holder)}
		case o.Elsewhere(r.Tags), !r.Inside && !r.Recorded && !slices.Contains(o.Former, uid):
			// That nobody here has the UID says nothing: another management cluster may.
			return Claim{Of: nobodyHere(uid)}
		}
		ours.Verdict = Moved
	}
	switch {
	case o.Elsewhere(r.Tags):
		return Claim{Of: "an object in another namespace, by its tag " + names.TagNamespace}
	case r.Inside, slices.Contains(o.Former, uid):
		return ours
	}
	rival, err := o.rival(r)
	switch {
	case err != nil:
		return undecided(err)
	case rival != nil:
		return Claim{Of: fmt.Sprintf("%s as much as of this object, by its tags (where it is this one's, the tag %s = %s says so)", o.describe(*rival), names.TagNamespace, o.Namespace), Undecided: true}
	}
	return ours
}

// Elsewhere tells that something was made for an object of another namespace, which this
// one never was.
func (o Owner) Elsewhere(tags map[string]string) bool {
	namespace := tags[names.TagNamespace]
	return namespace != "" && namespace != o.Namespace
}

// Learn returns the UIDs that the owner had before, with those that what it records
// tells.
func (o Owner) Learn(recorded ...Resource) []string {
	former := slices.Clone(o.Former)
	for _, r := range recorded {
		r.Recorded, r.Inside = true, false
		if uid := r.Tags[names.TagUID]; !slices.Contains(former, uid) && o.Claim(r).Verdict == Moved {
			former = append(former, uid)
		}
	}
	slices.Sort(former)
	return former
}

// Lives tells whether an object with a UID lives in this server. While that can't be
// told, it may.
func (o Owner) Lives(uid string) bool {
	holder, err := o.living().ByUID(uid)
	return uid != "" && (err != nil || holder != nil)
}

// Shares tells whether another living object of the same names records an id too.
// While that can't be told, it may.
func (o Owner) Shares(id string) bool {
	if id == "" {
		return false
	}
	recorders, err := o.living().Recorders(id)
	for _, x := range recorders {
		if o.sameName(x) && !x.Stray {
			return true
		}
	}
	return err != nil
}

// Alone tells that no object of another namespace belongs to a cluster of the owner's name, whatever its kind. What
// users choose names for is told by them only then. While that can't be told, it isn't.
func (o Owner) Alone() bool {
	for _, k := range kinds {
		found, err := o.living().Namesakes(k.name, o.Cluster)
		if err != nil || slices.ContainsFunc(found, func(x Object) bool {
			return x.Namespace != o.Namespace && !x.Stray && (x.Account == "" || o.Account == "" || x.Account == o.Account)
		}) {
			return false
		}
	}
	return true
}

// HasTwin tells that an object of another namespace has something of the same record in another region. While that
// can't be told, it may be so.
func (o Owner) HasTwin(record string) bool {
	recorders, err := o.living().Recorders(record)
	return err != nil || slices.ContainsFunc(recorders, func(x Object) bool {
		return x.Namespace != o.Namespace && x.Account != "" && x.Region != o.Region && (o.Account == "" || x.Account == o.Account)
	})
}

// rival returns a living object whose claim to a resource without a living UID is
// as good as the owner's, or nil. Of two that record it, the older one keeps what
// never had a UID; what had one lost its owner a moment ago, and who of the two
// continues it is for people to say.
func (o Owner) rival(r Resource) (*Object, error) {
	if r.ID != "" {
		recorders, err := o.living().Recorders(r.ID)
		if err != nil {
			return nil, err
		}
		for _, x := range recorders {
			if keeps := r.Recorded && r.Tags[names.TagUID] == "" && o.before(x); o.sameName(x) && x.proves(r) && !keeps {
				return &x, nil
			}
		}
	}
	if r.Recorded || o.Named != "" {
		return nil, nil
	}
	namesakes, err := o.living().Namesakes(o.Kind, o.Cluster)
	if err != nil {
		return nil, err
	}
	for _, x := range namesakes {
		// A cluster's resources follow from its name alone, those of others from theirs too.
		if o.sameName(x) && x.proves(r) && (ofCluster(o.Kind) || x.Name == o.Name) {
			return &x, nil
		}
	}
	return nil, nil
}

// sameName tells whether another living object could claim by its names what the
// owner claims: it is of the same kind, of a cluster of the same name, and may be in
// the same account and region.
func (o Owner) sameName(x Object) bool {
	elsewhere := func(a, b string) bool { return a != "" && b != "" && a != b }
	same := x.Cluster == o.Cluster
	if o.Named != "" {
		same = slices.Contains(x.Records, o.Named)
	}
	return x.UID != o.UID && rivals(x.Kind, o.Kind) && same &&
		!elsewhere(x.Account, o.Account) && !elsewhere(x.Region, o.Region)
}

// proves tells that a claim of the object could hold: it belongs to a Cluster, and is of
// the namespace for which the resource was made.
func (x Object) proves(r Resource) bool {
	namespace := r.Tags[names.TagNamespace]
	return !x.Stray && (namespace == "" || namespace == x.Namespace)
}

func (o Owner) before(x Object) bool {
	return o.Created.Before(x.Created) || o.Created.Equal(x.Created) && o.UID < x.UID
}

func (o Owner) living() Living {
	if o.Living == nil {
		return Fixed(nil)
	}
	return o.Living
}

func undecided(err error) Claim {
	return Claim{Of: fmt.Sprintf("nobody known yet (%v)", err), Undecided: true}
}

// Holder says, for people, which object has a UID.
func (o Owner) Holder(uid string) string {
	switch holder, err := o.living().ByUID(uid); {
	case err != nil:
		return undecided(err).Of
	case holder != nil:
		return o.describe(*holder)
	}
	return nobodyHere(uid)
}

func nobodyHere(uid string) string {
	return fmt.Sprintf("an object with UID %s, which isn't in this server (another management cluster may have it)", uid)
}

// describe names another object as far as the owner's users may know of it: what is
// in other namespaces isn't theirs to see.
func (o Owner) describe(x Object) string {
	if x.Namespace != o.Namespace {
		return x.Kind + " in another namespace"
	}
	return fmt.Sprintf("%s %s/%s", x.Kind, x.Namespace, x.Name)
}

// holderOf says whose a resource without the owner's owned tag is.
func (o Owner) holderOf(tags map[string]string) string {
	if cluster := ownedBy(tags); cluster != "" {
		return "cluster " + cluster
	}
	return "somebody who made it without the tag " + names.TagOwnedPrefix + o.Cluster + " = " + names.Owned
}
