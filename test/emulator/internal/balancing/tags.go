package balancing

import (
	"sort"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

const mostTags = core.MostTags

// Tag is a tag of a load balancer or of what belongs to it.
type Tag struct{ Key, Value string }

// CheckTags holds tags to ELB's rules.
func CheckTags(tags []Tag) error {
	seen := map[string]bool{}
	for _, tag := range tags {
		if problem := core.TagProblem(tag.Key, tag.Value); problem != "" {
			return core.Refuse("ValidationError", "Tag '%s': %s", tag.Key, problem)
		}
		if seen[tag.Key] {
			return core.Refuse("DuplicateTagKeys", "Tag key '%s' was specified more than once.", tag.Key)
		}
		seen[tag.Key] = true
	}
	if len(tags) > mostTags {
		return core.Refuse("TooManyTags", "More than %d tags are not allowed.", mostTags)
	}
	return nil
}

// Tags keeps the tags of one service, by the name or ARN of their owner.
type Tags struct{ of map[string]map[string]string }

// Add checks, then adds or replaces, tags of all owners, or of none.
func (t *Tags) Add(tags []Tag, owners ...string) error {
	if err := CheckTags(tags); err != nil {
		return err
	}
	for _, owner := range owners {
		total := len(t.of[owner])
		for _, tag := range tags {
			if _, have := t.of[owner][tag.Key]; !have {
				total++
			}
		}
		if total > mostTags {
			return core.Refuse("TooManyTags", "The maximum number of tags for '%s' has been reached.", owner)
		}
	}
	for _, owner := range owners {
		t.set(owner, tags)
	}
	return nil
}

func (t *Tags) set(owner string, tags []Tag) {
	if len(tags) == 0 {
		return
	}
	if t.of == nil {
		t.of = map[string]map[string]string{}
	}
	if t.of[owner] == nil {
		t.of[owner] = map[string]string{}
	}
	for _, tag := range tags {
		t.of[owner][tag.Key] = tag.Value
	}
}

// Remove takes tags away by key.
func (t *Tags) Remove(owner string, keys ...string) {
	for _, key := range keys {
		delete(t.of[owner], key)
	}
}

// Forget drops everything about an owner that is gone.
func (t *Tags) Forget(owner string) { delete(t.of, owner) }

// List returns an owner's tags by key.
func (t *Tags) List(owner string) []Tag {
	out := []Tag{}
	for key, value := range t.of[owner] {
		out = append(out, Tag{key, value})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out
}

// Map returns a copy of an owner's tags.
func (t *Tags) Map(owner string) map[string]string {
	out := map[string]string{}
	for key, value := range t.of[owner] {
		out[key] = value
	}
	return out
}
