package policy

import (
	"slices"
	"strings"
)

// Ask is what somebody wants to do.
type Ask struct {
	Action   string // "eks:CreateCluster"
	Resource string // an ARN, or "*" where an action has none
	// Kind and Principal say who asks, where a trust policy decides: "Service" and "eks.amazonaws.com", "AWS" and an ARN, "Federated" and a provider's ARN.
	Kind, Principal string
	// Context has the values of condition keys.
	Context map[string]string
}

// Decision is what policies say.
type Decision int

// A denial that is written wins over every permission; what nothing speaks of isn't allowed.
const (
	Unspoken Decision = iota
	Allowed
	Denied
)

// Decide asks documents together.
func Decide(documents []Document, ask Ask) Decision {
	out := Unspoken
	for _, d := range documents {
		for _, s := range d.Statements {
			switch {
			case !s.fits(ask):
			case s.Effect == "Deny":
				return Denied
			default:
				out = Allowed
			}
		}
	}
	return out
}

func (s Statement) fits(ask Ask) bool {
	return named(s.Action, s.NotAction, func(p string) bool { return matches(strings.ToLower(p), strings.ToLower(ask.Action)) }) &&
		named(s.Resource, s.NotResource, func(p string) bool { return p == "*" || matches(p, ask.Resource) }) &&
		s.trusts(ask) && s.holds(ask.Context)
}

// named says whether one of the patterns fits, or none of those that mustn't. No patterns at all fit everything.
func named(patterns, without []string, fits func(string) bool) bool {
	if len(without) > 0 {
		return !slices.ContainsFunc(without, fits)
	}
	return len(patterns) == 0 || slices.ContainsFunc(patterns, fits)
}

func (s Statement) trusts(ask Ask) bool {
	if s.Principal == nil && s.NotPrincipal == nil {
		return true
	}
	if s.NotPrincipal != nil {
		return !s.NotPrincipal.have(ask)
	}
	return s.Principal.have(ask)
}

func (p principals) have(ask Ask) bool {
	return slices.ContainsFunc(p[ask.Kind], func(who string) bool {
		return who == "*" || who == ask.Principal || ask.Kind == "AWS" && (who == account(ask.Principal) || strings.HasSuffix(who, ":"+account(ask.Principal)+":root"))
	})
}

// account is that of an ARN.
func account(arn string) string {
	if part := strings.SplitN(arn, ":", 6); len(part) == 6 {
		return part[4]
	}
	return ""
}

// operators compare a condition's value with the context's. Keys that the context lacks fit only the negated and the "IfExists" ones.
var operators = map[string]func(wanted, given string) bool{
	"StringEquals":              func(wanted, given string) bool { return wanted == given },
	"StringEqualsIgnoreCase":    strings.EqualFold,
	"StringLike":                matches,
	"ArnEquals":                 matches,
	"ArnLike":                   matches,
	"Bool":                      strings.EqualFold,
	"NumericEquals":             func(wanted, given string) bool { return wanted == given },
	"StringNotEquals":           nil,
	"StringNotEqualsIgnoreCase": nil,
	"StringNotLike":             nil,
	"ArnNotEquals":              nil,
	"ArnNotLike":                nil,
}

func (s Statement) holds(context map[string]string) bool {
	for operator, keys := range s.Condition {
		operator = strings.TrimPrefix(strings.TrimPrefix(operator, "ForAllValues:"), "ForAnyValue:")
		operator, lenient := strings.CutSuffix(operator, "IfExists")
		if operator == "Null" {
			if !absent(keys, context) {
				return false
			}
			continue
		}
		compare, known := operators[operator]
		negated := known && compare == nil
		if negated {
			compare = operators[strings.Replace(operator, "Not", "", 1)]
		}
		if compare == nil {
			return false // what isn't understood allows nothing
		}
		for key, values := range keys {
			given, there := valueOf(context, key)
			if !there {
				if !lenient && !negated {
					return false
				}
				continue
			}
			if slices.ContainsFunc(values, func(wanted scalar) bool { return compare(string(wanted), given) }) == negated {
				return false
			}
		}
	}
	return true
}

func absent(keys map[string]list[scalar], context map[string]string) bool {
	for key, values := range keys {
		_, there := valueOf(context, key)
		if slices.Contains(values, "true") == there {
			return false
		}
	}
	return true
}

// valueOf reads a key, whose letters' case doesn't matter.
func valueOf(context map[string]string, key string) (string, bool) {
	for name, value := range context {
		if strings.EqualFold(name, key) {
			return value, true
		}
	}
	return "", false
}

// matches compares with IAM's wildcards: * stands for any characters, ? for one.
func matches(pattern, value string) bool {
	star, mark, p, v := -1, 0, 0, 0
	for v < len(value) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, v
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == value[v]):
			p++
			v++
		case star >= 0:
			mark++
			p, v = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
