package ec2

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// mostResults is the largest page of the network's describes.
const mostResults = 1000

// filters are the documented filters of one describe: name → the resource's values that the filter compares with. Filters on tags
// work for all kinds and are not listed.
type filters[T any] map[string]func(*T) []string

// query is what every EC2 describe takes.
type query struct {
	ids     []string
	filters []types.Filter
	token   *string
	max     *int32
}

// describe selects, filters and cuts the rows of a table. Asking for an id that isn't there, or is hidden, fails.
func describe[T any](r *core.Request, table *core.Table[T], q query, known filters[T], missing refusal) (core.Page[T], error) {
	return describeWhere(r, table, q, known, missing, func(*T) bool { return true })
}

// describeWhere is describe for rows that also pass a condition which isn't a filter.
func describeWhere[T any](r *core.Request, table *core.Table[T], q query, known filters[T], missing refusal, also func(*T) bool) (core.Page[T], error) {
	if err := checkMax(q.max); err != nil {
		return core.Page[T]{}, err
	}
	rows, err := selected(r, table, q.ids, missing)
	if err != nil {
		return core.Page[T]{}, err
	}
	kept := rows[:0:0]
	for _, row := range rows {
		if !also(row.Value) {
			continue
		}
		ok, err := matches(Of(r.Region).tags[row.ID], row.Value, q.filters, known)
		if err != nil {
			return core.Page[T]{}, err
		}
		if ok {
			kept = append(kept, row)
		}
	}
	// An unknown filter is refused even where there is nothing to filter.
	if _, err := matches(nil, new(T), q.filters, known); err != nil {
		return core.Page[T]{}, err
	}
	return core.Paginate(r, kept, val(q.token), int(val(q.max)), mostResults)
}

func checkMax(limit *int32) error {
	if limit != nil && (*limit < 5 || *limit > mostResults) {
		return invalid("Value ( %d ) for parameter maxResults is invalid. Expecting a value between 5 and %d.", *limit, mostResults)
	}
	return nil
}

func selected[T any](r *core.Request, table *core.Table[T], ids []string, missing refusal) ([]*core.Row[T], error) {
	wanted := map[string]bool{}
	for _, id := range ids {
		row := table.Row(id)
		if row == nil || r.Hidden(row.Created) {
			return nil, missing(id)
		}
		wanted[id] = true
	}
	var out []*core.Row[T]
	for _, row := range table.Rows() {
		if !r.Hidden(row.Created) && (len(ids) == 0 || wanted[row.ID]) {
			out = append(out, row)
		}
	}
	return out, nil
}

// matches says whether a resource passes all filters; each filter passes if any of its values fits any of the resource's.
func matches[T any](tags []types.Tag, value *T, wanted []types.Filter, known filters[T]) (bool, error) {
	for _, filter := range wanted {
		have, ok := tagValues(tags, val(filter.Name))
		if !ok {
			read, listed := known[val(filter.Name)]
			if !listed {
				return false, invalid("The filter '%s' is invalid", val(filter.Name))
			}
			have = read(value)
		}
		if !anyMatch(filter.Values, have) {
			return false, nil
		}
	}
	return true, nil
}

func tagValues(tags []types.Tag, filter string) ([]string, bool) {
	key, byKey := strings.CutPrefix(filter, "tag:")
	var out []string
	for _, tag := range tags {
		switch {
		case byKey && val(tag.Key) == key, filter == "tag-value":
			out = append(out, val(tag.Value))
		case filter == "tag-key":
			out = append(out, val(tag.Key))
		}
	}
	return out, byKey || filter == "tag-key" || filter == "tag-value"
}

func anyMatch(patterns, values []string) bool {
	for _, pattern := range patterns {
		for _, value := range values {
			if core.Match(pattern, value) {
				return true
			}
		}
	}
	return false
}

func val[T any](p *T) T { return core.Val(p) }

func ptr[T any](v T) *T { return &v }

func one(values ...*string) []string {
	var out []string
	for _, value := range values {
		if value != nil {
			out = append(out, *value)
		}
	}
	return out
}

func flag(b *bool) []string { return []string{strconv.FormatBool(val(b))} }

func next(token string) *string { return core.Next(token) }
