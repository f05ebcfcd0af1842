package mirror

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// Change is one difference that the mirror noticed: of a row, or, with ID "", of
// the table itself, which was seen for the first time, couldn't be read any
// more, or can be again (the snapshot tells which).
type Change struct {
	Scope cloud.Scope
	Kind  Kind
	ID    string
	// Parent holds what the table's change is about, in a table that has parents.
	Parent string
	// Tags are the row's, those it just lost included: with them every object
	// that the row concerns or concerned can be found.
	Tags map[string]string
	// VPC is the id of the VPC which holds the row, or held it.
	VPC string
	// Old and New are the row (*T of the table) before and after; nil where there
	// is none.
	Old, New any
}

// OwnedTagPrefix begins the tag key by which a cluster owns a resource; the
// cluster's name follows, and the value is "owned". (CAPA's wire format.)
const OwnedTagPrefix = "sigs.k8s.io/cluster-api-provider-aws/cluster/"

// Owned tells whether the tags say that some cluster owns the resource.
func Owned(tags map[string]string) bool { return ofCluster(tags, "owned") }

// ofCluster tells whether tags say one of these of a cluster.
func ofCluster(tags map[string]string, says ...string) bool {
	for key, value := range tags {
		value, _, _ = strings.Cut(value, ":") // behind it is which of several clusters is meant
		if strings.HasPrefix(key, OwnedTagPrefix) && slices.Contains(says, value) {
			return true
		}
	}
	return false
}

func changeOf(scope cloud.Scope, t Resource, id string, before, after any) Change {
	c := Change{Scope: scope, Kind: t.kind(), ID: id, Parent: parentOf(t, before, after), Old: before, New: after}
	for _, row := range []any{before, after} {
		if row == nil {
			continue
		}
		if tags := t.tags(row); c.Tags == nil {
			c.Tags = tags
		} else if !maps.Equal(c.Tags, tags) {
			c.Tags = maps.Clone(c.Tags)
			maps.Copy(c.Tags, tags)
		}
		if vpc := t.vpc(row); vpc != "" {
			c.VPC = vpc
		}
	}
	return c
}

func parentOf(t Resource, rows ...any) string {
	for _, row := range rows {
		if row != nil && t.byName() {
			return t.parent(row)
		}
	}
	return ""
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }

// notifier hands changes to subscribers, in the order in which they happened and
// outside of every lock, so that a subscriber may use the mirror.
type notifier struct {
	mu          sync.Mutex
	subscribers []func([]Change)
	queue       []Change
	delivering  bool
}

func (n *notifier) subscribe(f func([]Change)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subscribers = append(n.subscribers, f)
}

func (n *notifier) enqueue(changes []Change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queue = append(n.queue, changes...)
}

// deliver empties the queue. Of two callers at once, the first delivers for both.
func (n *notifier) deliver() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.delivering {
		return
	}
	n.delivering = true
	for len(n.queue) > 0 {
		changes, subscribers := n.queue, n.subscribers
		n.queue = nil
		n.mu.Unlock()
		for _, f := range subscribers {
			f(changes)
		}
		n.mu.Lock()
	}
	n.delivering = false
}
