// Package difference tells in which fields objects differ, and which of these a document names.
package difference

import (
	"fmt"
	"os"
	"strings"
)

// Of tells of each field that two values don't have equal, with list items as "[]". Neither numbers
// of one value nor an empty list or object and none differ.
func Of(was, is any, path string, tell func(path string, was, is any)) {
	a, aIsMap := was.(map[string]any)
	b, bIsMap := is.(map[string]any)
	if aIsMap || bIsMap {
		for name := range a {
			Of(a[name], b[name], strings.TrimPrefix(path+"."+name, "."), tell)
		}
		for name := range b {
			if _, found := a[name]; !found {
				Of(nil, b[name], strings.TrimPrefix(path+"."+name, "."), tell)
			}
		}
		return
	}
	c, cIsList := was.([]any)
	d, dIsList := is.([]any)
	if cIsList && dIsList && len(c) == len(d) {
		for i := range c {
			Of(c[i], d[i], path+"[]", tell)
		}
		return
	}
	empty := (was == nil || cIsList) && (is == nil || dIsList) && len(c) == 0 && len(d) == 0
	if !empty && fmt.Sprint(was) != fmt.Sprint(is) {
		tell(path, was, is)
	}
}

// Table is what a document says of fields that differ.
type Table []Row

// Row is one field and all below it.
type Row struct {
	Field string
	// LeftOut says that it differs only where it wasn't said before.
	LeftOut bool
}

// Documented reads the table of a Markdown file that begins with a header.
func Documented(file, header string) (Table, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	_, rest, found := strings.Cut(string(text), header+"\n|---|---|\n")
	if !found {
		return nil, fmt.Errorf("%s has no table %q", file, header)
	}
	var table Table
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cell := strings.TrimSpace(strings.Split(line, "|")[1])
		fields, leftOut := strings.CutSuffix(cell, ", where left out")
		for field := range strings.SplitSeq(fields, ", ") {
			table = append(table, Row{strings.Trim(field, "`"), leftOut})
		}
	}
	return table, nil
}

// Row is that which names a difference, or none.
func (t Table) Row(path string, was any) (Row, bool) {
	for _, row := range t {
		rest, under := strings.CutPrefix(path, row.Field)
		if under && (rest == "" || strings.ContainsAny(rest[:1], ".[")) && (was == nil || !row.LeftOut) {
			return row, true
		}
	}
	return Row{}, false
}
