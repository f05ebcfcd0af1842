package mirror

import (
	"slices"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// Watch wants the session's scope for good, and whatever is asked for of it from then
// on with Refresh or Keep. Want says what is wanted, and ends.
func (m *Mirror) Watch(session *cloud.Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := wantKey{owner: "watch/" + session.Scope.String() + "/" + session.Identity}
	w := &want{session: session}
	if old := m.wants[key]; old != nil {
		w.interests = old.interests
	}
	m.wantLocked(key, w)
	m.watched[session.Scope] = key
}

// Keep has tables of a scope with a Watch swept from now on. One that isn't yet is
// listed for the first time after the given time.
func (m *Mirror) Keep(scope cloud.Scope, first time.Duration, kinds ...Kind) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key, ok := m.watched[scope]
	if !ok {
		return
	}
	old := m.wants[key]
	w := &want{session: old.session, interests: slices.Clone(old.interests)}
	for _, kind := range kinds {
		if !slices.ContainsFunc(w.interests, func(i Interest) bool { return i.Kind == kind }) {
			w.interests = append(w.interests, Interest{Kind: kind, First: first})
		}
	}
	m.wantLocked(key, w)
}
