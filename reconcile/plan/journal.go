package plan

import (
	"context"
	"time"
)

// Entry notes that a creation was about to be asked for. While it stands, and
// its resource is not to be seen, nobody knows whether AWS carried it out.
type Entry struct {
	// Key is the action's key.
	Key string
	// Operation is AWS's name of the call, as "ec2.CreateVpc".
	Operation string
	// Since is when the entry was written, before the call.
	Since time.Time
}

// Journal keeps entries where they outlive the process.
type Journal interface {
	// Begin stores entries for the actions. No call is made unless it succeeds.
	Begin(ctx context.Context, actions []Action) error
	// End removes the entries of the keys: AWS certainly did nothing. A removal
	// that gets lost costs time and not correctness. The entries of calls that
	// succeeded stay until AWS must be showing what they made: a process that
	// starts before that would else make it again.
	End(ctx context.Context, keys []string)
}

// Find returns the entry with this key.
func Find(entries []Entry, key string) (Entry, bool) {
	for _, e := range entries {
		if e.Key == key {
			return e, true
		}
	}
	return Entry{}, false
}
