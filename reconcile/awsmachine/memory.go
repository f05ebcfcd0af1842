package awsmachine

import "time"

// memory is what this process knows of an object beyond what the object says.
type memory struct {
	// stored are the digests of bootstrap data that was stored, storedAt when.
	stored   map[string]string
	storedAt map[string]time.Time
	// proven are the keys of secrets that the object had before it was moved.
	proven map[string]bool
	// removed are the keys of bootstrap data that is certainly gone.
	removed map[string]bool
	// visible is when AWS must be showing what was stored, so that it is certain whether
	// it was removed.
	visible time.Time
	// lost is the reason that was told of an instance that is lost; "" while it isn't.
	lost string
}

func newMemory() *memory {
	return &memory{stored: map[string]string{}, storedAt: map[string]time.Time{}, proven: map[string]bool{}, removed: map[string]bool{}}
}
