package workload

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// NodeRole is the line that lets the instances of a role join as nodes. aws-auth knows roles without
// their path.
func NodeRole(arn string) Mapping {
	return Mapping{ARN: withoutPath(arn), Username: "system:node:{{EC2PrivateDNSName}}", Groups: []string{"system:bootstrappers", "system:nodes"}}
}

func withoutPath(arn string) string {
	before, rest, ok := strings.Cut(arn, ":role/")
	if !ok {
		return arn
	}
	return before + ":role/" + rest[strings.LastIndex(rest, "/")+1:]
}

// merge returns a list of mappings with those that are wanted, and how many of them were missing. key
// names the field of the ARN. Whatever else is in it stays, comments and unknown fields included: of
// a line with the ARN of a wanted one, the user's name is set and the missing groups are added. The
// error is that nobody knows what is in it.
func merge(text, key string, wanted []Mapping) (merged string, changes int, err error) {
	list, document, err := parseList(text)
	if err != nil {
		return "", 0, err
	}
	for _, want := range wanted {
		i := slices.IndexFunc(list.Content, func(item *yaml.Node) bool { return scalarOf(item, key) == want.ARN })
		if i < 0 {
			list.Content = append(list.Content, want.node(key))
			changes++
		} else if want.into(list.Content[i]) {
			changes++
		}
	}
	if changes == 0 {
		return text, 0, nil
	}
	list.Style = 0
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(document); err != nil {
		return "", 0, err
	}
	return out.String(), changes, nil
}

// parseList reads a list of mappings; nothing at all is an empty one.
func parseList(text string) (list, document *yaml.Node, err error) {
	document = &yaml.Node{}
	if err := yaml.Unmarshal([]byte(text), document); err != nil {
		return nil, nil, err
	}
	if document.Kind == 0 || len(document.Content) == 1 && document.Content[0].Tag == "!!null" {
		document = &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.SequenceNode}}}
	}
	list = document.Content[0]
	if list.Kind != yaml.SequenceNode {
		return nil, nil, fmt.Errorf("line %d is no list", list.Line)
	}
	for _, item := range list.Content {
		if item.Kind != yaml.MappingNode {
			return nil, nil, fmt.Errorf("line %d is no mapping", item.Line)
		}
	}
	return list, document, nil
}

// field returns the value of a field of a mapping, nil if it has none.
func field(item *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(item.Content); i += 2 {
		if item.Content[i].Value == key {
			return item.Content[i+1]
		}
	}
	return nil
}

func scalarOf(item *yaml.Node, key string) string {
	if value := field(item, key); value != nil && value.Kind == yaml.ScalarNode {
		return value.Value
	}
	return ""
}

func text(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

func set(item *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(item.Content); i += 2 {
		if item.Content[i].Value == key {
			item.Content[i+1] = value
			return
		}
	}
	item.Content = append(item.Content, text(key), value)
}

func (m Mapping) node(key string) *yaml.Node {
	item := &yaml.Node{Kind: yaml.MappingNode}
	set(item, key, text(m.ARN))
	m.into(item)
	return item
}

// into writes what is missing into a line, and tells whether something was.
func (m Mapping) into(item *yaml.Node) (changed bool) {
	if m.Username != "" && scalarOf(item, "username") != m.Username {
		set(item, "username", text(m.Username))
		changed = true
	}
	groups := field(item, "groups")
	for _, group := range m.Groups {
		if groups != nil && slices.ContainsFunc(groups.Content, func(n *yaml.Node) bool { return n.Value == group }) {
			continue
		}
		if groups == nil || groups.Kind != yaml.SequenceNode {
			groups = &yaml.Node{Kind: yaml.SequenceNode}
			set(item, "groups", groups)
		}
		groups.Content = append(groups.Content, text(group))
		changed = true
	}
	return changed
}
