package eventbridge

import (
	"fmt"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// wellFormed says whether a pattern is one: objects all the way down to non-empty arrays.
func wellFormed(pattern map[string]any) bool {
	if len(pattern) == 0 {
		return false
	}
	for _, want := range pattern {
		switch want := want.(type) {
		case map[string]any:
			if !wellFormed(want) {
				return false
			}
		case []any:
			if len(want) == 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// matches says whether an event has all that a pattern names, by "Creating Amazon EventBridge event patterns".
func matches(pattern, event map[string]any) bool {
	for name, want := range pattern {
		have, there := event[name]
		switch want := want.(type) {
		case map[string]any:
			inner, ok := have.(map[string]any)
			if !ok || !matches(want, inner) {
				return false
			}
		case []any:
			if !anyMatches(want, have, there) {
				return false
			}
		}
	}
	return true
}

// anyMatches compares each of the allowed values with the event's value, or with each of its values if it is an array.
func anyMatches(allowed []any, have any, there bool) bool {
	values, many := have.([]any)
	if !many {
		values = []any{have}
	}
	for _, want := range allowed {
		if rule, ok := want.(map[string]any); ok {
			if exists, asked := rule["exists"].(bool); asked {
				if exists == there {
					return true
				}
				continue
			}
		}
		for _, value := range values {
			if there && fits(want, value) {
				return true
			}
		}
	}
	return false
}

// fits compares one value with one allowed value or comparison.
func fits(want, have any) bool {
	rule, ok := want.(map[string]any)
	if !ok {
		return fmt.Sprintf("%T%v", want, want) == fmt.Sprintf("%T%v", have, have)
	}
	text, _ := have.(string)
	for comparison, value := range rule {
		given, _ := value.(string)
		switch comparison {
		case "prefix":
			return strings.HasPrefix(text, given)
		case "suffix":
			return strings.HasSuffix(text, given)
		case "equals-ignore-case":
			return strings.EqualFold(text, given)
		case "wildcard":
			return core.Match(strings.ReplaceAll(given, "?", `\?`), text) // a wildcard pattern knows * only
		case "anything-but":
			list, many := value.([]any)
			if !many {
				list = []any{value}
			}
			for _, not := range list {
				if fits(not, have) {
					return false
				}
			}
			return true
		}
	}
	return false
}
