// Package policy reads IAM policy documents and decides by them ("IAM JSON policy elements reference", "Policy evaluation logic").
package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Document is a policy: what a role may do, or who may assume it.
type Document struct {
	Version    string
	ID         string          `json:"Id"`
	Statements list[Statement] `json:"Statement"`
}

// Statement allows or denies.
type Statement struct {
	Sid                     string
	Effect                  string
	Principal, NotPrincipal principals
	Action, NotAction       list[string]
	Resource, NotResource   list[string]
	// Condition has operator, key and values.
	Condition map[string]map[string]list[scalar]
}

// principals are those of a trust policy by their kind ("AWS", "Service", "Federated"); "*" is written as AWS.
type principals map[string]list[string]

func (p *principals) UnmarshalJSON(text []byte) error {
	var everyone string
	if json.Unmarshal(text, &everyone) == nil {
		if everyone != "*" {
			return fmt.Errorf("the principal %q is no object", everyone)
		}
		*p = principals{"AWS": {"*"}}
		return nil
	}
	return json.Unmarshal(text, (*map[string]list[string])(p))
}

// list is one value or several.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		return strict(text, (*[]T)(l))
	}
	var one T
	if err := strict(text, &one); err != nil {
		return err
	}
	*l = list[T]{one}
	return nil
}

// scalar is a condition's value, of which booleans and numbers may stand without quotes.
type scalar string

func (s *scalar) UnmarshalJSON(text []byte) error {
	var quoted string
	if json.Unmarshal(text, &quoted) == nil {
		*s = scalar(quoted)
		return nil
	}
	*s = scalar(text)
	return nil
}

func strict(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// Malformed says what is wrong with a policy, in IAM's words.
type Malformed string

func (m Malformed) Error() string { return string(m) }

// Parse reads a policy of rights; its error is Malformed.
func Parse(text string) (Document, error) {
	d, err := read(text)
	if err != nil {
		return d, err
	}
	for _, s := range d.Statements {
		switch {
		case s.Principal != nil || s.NotPrincipal != nil:
			return d, Malformed("Policy document should not specify a principal.")
		case len(s.Resource) == 0 && len(s.NotResource) == 0:
			return d, Malformed("Policy statement must contain resources.")
		}
	}
	return d, nil
}

// ParseTrust reads a policy of who may assume a role.
func ParseTrust(text string) (Document, error) {
	d, err := read(text)
	if err != nil {
		return d, err
	}
	for _, s := range d.Statements {
		switch {
		case s.Resource != nil || s.NotResource != nil:
			return d, Malformed("Has prohibited field Resource")
		case s.Principal == nil && s.NotPrincipal == nil:
			return d, Malformed("Missing required field Principal")
		}
	}
	return d, nil
}

// ParseShared reads a policy of a resource that says who may do what with it.
func ParseShared(text string) (Document, error) {
	d, err := read(text)
	if err != nil {
		return d, err
	}
	for _, s := range d.Statements {
		switch {
		case s.Resource == nil && s.NotResource == nil:
			return d, Malformed("Missing required field Resource")
		case s.Principal == nil && s.NotPrincipal == nil:
			return d, Malformed("Missing required field Principal")
		}
	}
	return d, nil
}

// Named are the principals of a kind that the policy names.
func (d Document) Named(kind string) (all []string) {
	for _, s := range d.Statements {
		all = append(append(all, s.Principal[kind]...), s.NotPrincipal[kind]...)
	}
	return all
}

func read(text string) (Document, error) {
	var d Document
	if !json.Valid([]byte(text)) {
		return d, Malformed("This policy contains invalid Json")
	}
	if err := strict([]byte(text), &d); err != nil {
		return d, Malformed("Syntax errors in policy.")
	}
	if d.Version != "" && d.Version != "2012-10-17" && d.Version != "2008-10-17" || len(d.Statements) == 0 {
		return d, Malformed("Syntax errors in policy.")
	}
	for _, s := range d.Statements {
		switch {
		case s.Effect != "Allow" && s.Effect != "Deny":
			return d, Malformed("Invalid effect: " + s.Effect)
		case len(s.Action) == 0 && len(s.NotAction) == 0:
			return d, Malformed("Policy statement must contain actions.")
		}
	}
	return d, nil
}
