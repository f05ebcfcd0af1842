package core

// Val is the value of an optional field, or its zero.
func Val[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// Ptr makes an optional field's value.
func Ptr[T any](v T) *T { return &v }

// Next is a page's token as an output has it: none on the last page.
func Next(token string) *string {
	if token == "" {
		return nil
	}
	return &token
}
