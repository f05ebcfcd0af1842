package core

import (
	"encoding/base64"
	"fmt"
)

// Page is one answer's part of a list and the token of the next one, "" for the last.
type Page[T any] struct {
	Items []*T
	Next  string
}

// Paginate cuts rows, which are in the order of creation, into pages. limit is the caller's page size, 0 for none, and most is the API's own
// maximum. The token points behind the last row seen, so rows that come or go between two pages neither repeat nor hide others.
func Paginate[T any](r *Request, rows []*Row[T], token string, limit, most int) (Page[T], error) {
	number, after, err := readToken(token)
	if err != nil {
		return Page[T]{}, err
	}
	size := pageSize(limit, most, r.Config.MaxPageSize)
	var page Page[T]
	for i, row := range rows {
		if row.order <= after {
			continue
		}
		page.Items = append(page.Items, row.Value)
		if len(page.Items) == size && i < len(rows)-1 {
			page.Next = writeToken(number+1, row.order)
			break
		}
	}
	return page, nil
}

// PaginateList does the same for a list without rows; its token is a position.
func PaginateList[T any](r *Request, items []T, token string, limit, most int) ([]T, string, error) {
	number, after, err := readToken(token)
	if err != nil {
		return nil, "", err
	}
	if after > len(items) {
		after = len(items)
	}
	items = items[after:]
	if size := pageSize(limit, most, r.Config.MaxPageSize); len(items) > size {
		return items[:size], writeToken(number+1, after+size), nil
	}
	return items, "", nil
}

func pageSize(limit, most, configured int) int {
	size := most
	if limit > 0 && limit < size {
		size = limit
	}
	if configured > 0 && configured < size {
		size = configured
	}
	return size
}

func writeToken(page, after int) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "page %d after %d", page, after))
}

// readToken returns the number of the page that the token leads to, and what it starts after.
func readToken(token string) (page, after int, err error) {
	if token == "" {
		return 1, 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		_, err = fmt.Sscanf(string(text), "page %d after %d", &page, &after)
	}
	if err != nil {
		return 0, 0, Refuse("InvalidPaginationToken", "The specified pagination token is not valid or is expired.")
	}
	return page, after, nil
}

func pageOf(params map[string]string) int {
	token := params["NextToken"]
	if token == "" {
		token = params["Marker"]
	}
	page, _, err := readToken(token)
	if err != nil {
		return 0
	}
	return page
}
