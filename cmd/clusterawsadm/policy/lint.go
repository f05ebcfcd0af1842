package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Lint says what is wrong with a document by IAM's grammar ("Grammar of the IAM JSON policy language") and its limits. known says
// whether a service has an action; nil knows all.
func Lint(d Document, known func(service, action string) bool) []string {
	var out []string
	if d.Version != Version {
		out = append(out, fmt.Sprintf("Version is %q; it is %s", d.Version, Version))
	}
	if len(d.Statement) == 0 {
		out = append(out, "there is no statement")
	}
	if n := len(text(d)); n > longest {
		out = append(out, fmt.Sprintf("it has %d characters; a managed policy has %d at most", n, longest))
	}
	sids := map[string]bool{}
	for i, s := range d.Statement {
		for _, problem := range s.lint(known) {
			out = append(out, fmt.Sprintf("statement %d: %s", i, problem))
		}
		if s.Sid != "" && sids[s.Sid] {
			out = append(out, fmt.Sprintf("statement %d: the Sid %s is there twice", i, s.Sid))
		}
		sids[s.Sid] = true
	}
	return out
}

var (
	actionForm = regexp.MustCompile(`^([a-z0-9-]+):([A-Za-z0-9*?]+)$`)
	// arn:partition:service:region:account:resource, of which partition, region and account may be wildcards, and of global services empty.
	arnForm = regexp.MustCompile(`^arn:(\*|aws(-[a-z]+)*):([a-z0-9-]+):(\*|[a-z]{2}(-[a-z]+)+-\d)?:(\*|aws|\d{12})?:(\S+)$`)
	sidForm = regexp.MustCompile(`^[A-Za-z0-9]*$`)
	// operators of conditions ("IAM JSON policy elements: Condition operators").
	operatorForm = regexp.MustCompile(`^(ForAllValues:|ForAnyValue:)?(String(Not)?(Equals|EqualsIgnoreCase|Like)|Numeric(Not)?(Equals|LessThan|LessThanEquals|GreaterThan|GreaterThanEquals)|` +
		`Date(Not)?(Equals|LessThan|LessThanEquals|GreaterThan|GreaterThanEquals)|Bool|BinaryEquals|(Not)?IpAddress|Arn(Not)?(Equals|Like))(IfExists)?$|^Null$`)
	// serviceForm is that of service principals ("AWS JSON policy elements: Principal").
	serviceForm = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?$`)
	keyForm     = regexp.MustCompile(`^[a-z0-9-]+:[A-Za-z0-9:/._${}-]+$`)
	// global services' ARNs have no region, and S3's no account either.
	global = []string{"iam", "s3", "sts"}
)

func (s Statement) lint(known func(service, action string) bool) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if s.Effect != "Allow" && s.Effect != "Deny" {
		say("Effect is %q; it is Allow or Deny", s.Effect)
	}
	if !sidForm.MatchString(s.Sid) {
		say("the Sid %q has other characters than letters and digits", s.Sid)
	}
	if len(s.Action) == 0 {
		say("there is no action")
	}
	for i, action := range s.Action {
		parts := actionForm.FindStringSubmatch(action)
		switch {
		case action == "*":
		case parts == nil:
			say("%q is no action; it is service:Action", action)
		case known != nil && !strings.ContainsAny(action, "*?") && !known(parts[1], parts[2]):
			say("%s is no action of AWS's", action)
		}
		if slices.Contains(s.Action[:i], action) {
			say("%s is there twice", action)
		}
	}
	switch trust := len(s.Principal) > 0; {
	case !trust && len(s.Resource) == 0:
		say("there is no resource")
	case trust && len(s.Resource) > 0:
		say("a role's trust has no resource")
	}
	for kind, principals := range s.Principal {
		if !slices.Contains([]string{"AWS", "Federated", "Service"}, kind) {
			say("%q is no kind of principal; it is AWS, Federated or Service", kind)
		}
		for _, principal := range principals {
			if kind == "Service" && !serviceForm.MatchString(principal) || kind != "Service" && !arnForm.MatchString(principal) {
				say("%q is no principal of the kind %s", principal, kind)
			}
		}
	}
	for _, resource := range s.Resource {
		parts := arnForm.FindStringSubmatch(resource)
		switch {
		case resource == "*":
		case parts == nil:
			say("%q is no ARN", resource)
		case slices.Contains(global, parts[3]) != (parts[4] == ""):
			say("%s: ARNs of %s have a region or none", resource, parts[3])
		}
	}
	for operator, keys := range s.Condition {
		if !operatorForm.MatchString(operator) {
			say("%q is no condition operator", operator)
		}
		for key := range keys {
			if !keyForm.MatchString(key) {
				say("%q is no condition key", key)
			}
		}
	}
	return out
}
