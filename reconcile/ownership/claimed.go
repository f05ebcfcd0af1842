package ownership

import "github.com/capa-apiserver/capa-apiserver/reconcile/names"

// Claimed is what AWS has under the name that an object wants, and whose it is. Only a
// look with an owner makes one, and only what is the owner's can be got out of it.
// The zero Claimed is nothing at all.
type Claimed[T any] struct {
	row   *T
	claim Claim
}

// NewClaimed is what a look with an owner found.
func NewClaimed[T any](row *T, claim Claim) Claimed[T] { return Claimed[T]{row, claim} }

// Own returns the resource, nil unless it is there and the owner's.
func (c Claimed[T]) Own() *T {
	if !c.claim.Ours() {
		return nil
	}
	return c.row
}

// Moved tells that it is the owner's, with the UID tag of what the owner was before
// it was moved.
func (c Claimed[T]) Moved() bool { return c.claim.Verdict == Moved }

// Undecided tells that it may turn out to be the owner's.
func (c Claimed[T]) Undecided() bool { return c.claim.Undecided }

// Foreign tells that the name is somebody else's; of says whose.
func (c Claimed[T]) Foreign() (of string, foreign bool) {
	return c.claim.Of, c.row != nil && !c.claim.Ours()
}

// Before says whose UID tags have that are on what is the owner's, if it isn't the owner's
// own; "" otherwise.
func (o Owner) Before(tags map[string]string) string {
	if uid := tags[names.TagUID]; uid != "" && uid != o.UID {
		return o.Holder(uid)
	}
	return ""
}
