package cloud

import "context"

// Priority is the class of a call. The classes share a scope's budget by turns; none
// can starve another.
type Priority int

// The classes of calls.
const (
	// Background is the class of sweeps and of what is being made, and the default.
	Background Priority = iota
	// Interactive is the class of calls that a user waits for.
	Interactive
	// Upkeep is the class of calls for what was complete once: its repair doesn't
	// stand in line behind all that is being made.
	Upkeep

	priorities = 3
)

type priorityKey struct{}

// WithPriority marks the AWS calls made with the context as of the class.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

// ForUpkeep marks the AWS calls made with the context as of the class Upkeep, if what
// they are for was complete once.
func ForUpkeep(ctx context.Context, complete bool) context.Context {
	if !complete {
		return ctx
	}
	return WithPriority(ctx, Upkeep)
}

// PriorityOf returns the class of the context's calls.
func PriorityOf(ctx context.Context) Priority {
	p, _ := ctx.Value(priorityKey{}).(Priority)
	return p
}
