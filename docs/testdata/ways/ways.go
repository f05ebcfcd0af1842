// Package ways has a reason for every way in which one can get into a condition.
package ways

import "cmp"

type condition struct{ Type, Reason string }

type wait struct{ area, why string }

const constant = "Constant"

var byArea = map[string]string{"A": "FromMap"}

func conditions(cause error, area string) (list []condition) {
	list = append(list, condition{Type: "A", Reason: "Keyed"}, condition{"B", "Positional"}, condition{"C", constant})
	c := &condition{}
	c.Reason = "Assigned"
	c.Reason = cmp.Or(byArea[area], "Or")
	c.Reason = string(kind("Converted"))
	_, c.Reason = both()
	if e, ok := cause.(*failure); ok {
		c.Reason = e.reason
	}
	add := func(reason string) { list = append(list, condition{Reason: reason}) }
	add("Closure")
	for _, w := range []wait{{"A", "Ranged"}, {area, named()}} {
		list = append(list, condition{w.area, w.why})
	}
	list = append(list, of(condition{Type: "D"}, func() string { return "Returned" }), generic("Generic"))
	return append(list, *c)
}

type kind string

type failure struct{ reason string }

func (f *failure) Error() string { return f.reason }

func failing() error { return &failure{"Error"} }

func both() (string, string) { return "NoReason", "Second" }

func named() (reason string) {
	reason = "Named"
	return
}

func of(c condition, say func() string) condition {
	c.Reason = say()
	return c
}

func generic[T ~string](reason T) condition { return condition{Reason: string(reason)} }
