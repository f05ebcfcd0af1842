// Package policy has the rights that this product and the nodes of its clusters need in AWS, what each is for, and the IAM policies
// made of them.
package policy

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Version is that of IAM's policy language.
const Version = "2012-10-17"

// Document is an IAM policy.
type Document struct {
	Version   string      `json:"Version,omitempty"`
	Statement []Statement `json:"Statement"`
	ID        string      `json:"Id,omitempty"`
}

// Statement allows or denies. Lists may be written as one value.
type Statement struct {
	Sid          string          `json:"Sid,omitempty"`
	Effect       string          `json:"Effect"`
	Principal    map[string]List `json:"Principal,omitempty"`
	NotPrincipal map[string]List `json:"NotPrincipal,omitempty"`
	Action       List            `json:"Action"`
	Resource     List            `json:"Resource,omitempty"`
	Condition    Condition       `json:"Condition,omitempty"`
}

// Condition has operators, keys and values, one or a list of them.
type Condition map[string]map[string]any

// List is one value or several.
type List []string

// UnmarshalJSON takes "x" and ["x"].
func (l *List) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		return json.Unmarshal(text, (*[]string)(l))
	}
	var one string
	if err := json.Unmarshal(text, &one); err != nil {
		return err
	}
	*l = List{one}
	return nil
}

// Allow is a statement that allows actions on resources.
func Allow(actions, resources []string, condition Condition) Statement {
	return Statement{Effect: "Allow", Action: actions, Resource: resources, Condition: condition}
}

// Trust is a document that lets services assume a role.
func Trust(actions List, services ...string) Document {
	return Document{Version: Version, Statement: []Statement{{Effect: "Allow", Principal: map[string]List{"Service": services}, Action: actions}}}
}

// of makes a document of grants: one statement for those about the same resources under the same condition.
func of(grants []Grant) Document {
	d := Document{Version: Version}
	for _, g := range grants {
		i := slices.IndexFunc(d.Statement, func(s Statement) bool {
			return slices.Equal(s.Resource, g.resources()) && same(s.Condition, g.Condition)
		})
		if i < 0 {
			d.Statement = append(d.Statement, Allow(nil, g.resources(), g.Condition))
			i = len(d.Statement) - 1
		}
		d.Statement[i].Action = append(d.Statement[i].Action, g.Actions...)
	}
	for i := range d.Statement {
		slices.Sort(d.Statement[i].Action)
		d.Statement[i].Action = slices.Compact(d.Statement[i].Action)
	}
	return d
}

func same(a, b Condition) bool { return text(a) == text(b) }

// text is JSON, whose objects are in the order of their keys.
func text(of any) string {
	out, _ := json.Marshal(of) // plain data marshals
	return string(out)
}
