package cloud

import "context"

// Priority is the class of a call. Both classes share a scope's budget; neither
// can starve the other.
type Priority int

// The classes of calls.
const (
	// Background is the reconciler's and the sweeps' class, and the default.
	Background Priority = iota
	// Interactive is the class of calls that a user waits for.
	Interactive

	priorities = 2
)

type priorityKey struct{}

// WithPriority marks the AWS calls made with the context as of the class.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

// PriorityOf returns the class of the context's calls.
func PriorityOf(ctx context.Context) Priority {
	p, _ := ctx.Value(priorityKey{}).(Priority)
	return p
}
