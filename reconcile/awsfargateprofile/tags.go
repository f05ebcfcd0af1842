package awsfargateprofile

import (
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// removedTags are the keys of users' tags that were put on once and that nobody wants any more.
func (in *Intent) removedTags() []string {
	return names.Unwanted(in.Profile, in.owner().UserTags())
}

// appliedTags are the users' tags that the object remembers: those that are wanted, and
// others until they are gone.
func (v *view) appliedTags() string {
	own := v.profile.Own()
	if own == nil {
		return names.AppliedTags(v.Profile)
	}
	return names.Remember(v.Profile, v.owner().UserTags(), v.removedTags(), own.Tags)
}
