package workload

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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

// WindowsNodeRole is the line for instances that run Windows.
func WindowsNodeRole(arn string) Mapping {
	m := NodeRole(arn)
	m.Groups = append(m.Groups, "eks:kube-proxy-windows")
	return m
}

// authPart is one of the lists of aws-auth.
type authPart struct {
	// name is the list's, key the field of the ARNs there.
	name, key string
	lines     []Mapping
	// dropped are the ARNs of lines that go.
	dropped []string
}

func (in *Intent) hasLines() bool { return len(in.Roles)+len(in.Users)+len(in.Lines) > 0 }

func (in *Intent) authParts() []authPart {
	parts := []authPart{{name: "mapRoles", key: "rolearn", lines: in.Roles}, {name: "mapUsers", key: "userarn", lines: in.Users}}
	for i := range parts {
		for _, arn := range in.Lines {
			if !slices.ContainsFunc(parts[i].lines, func(m Mapping) bool { return m.ARN == arn }) {
				parts[i].dropped = append(parts[i].dropped, arn)
			}
		}
	}
	return parts
}

// Written are the ARNs of the lines of aws-auth to be remembered as written here: those that are, and
// those about to be. A line that was there before isn't.
func (in *Intent) Written(f *Facts) []string {
	if !in.hasLines() || f.Err != nil || !f.seen([]Ref{awsAuth}) {
		return in.Lines
	}
	var left []string
	obj := f.begin(awsAuth)
	for _, part := range in.authParts() {
		text, _, _ := unstructured.NestedString(obj.Object, "data", part.name)
		list, _, err := parseList(text)
		if err != nil {
			return in.Lines
		}
		there := func(arn string) bool {
			return slices.ContainsFunc(list.Content, func(item *yaml.Node) bool { return scalarOf(item, part.key) == arn })
		}
		for _, m := range part.lines {
			if slices.Contains(in.Lines, m.ARN) || !there(m.ARN) {
				left = append(left, m.ARN)
			}
		}
		for _, arn := range part.dropped {
			if there(arn) {
				left = append(left, arn)
			}
		}
	}
	slices.Sort(left)
	return slices.Compact(left)
}

// merge returns a list of mappings with those that are wanted and without those that are dropped, and how
// many it changed. key names the field of the ARN. Whatever else is in it stays, comments and unknown
// fields included: of a line with the ARN of a wanted one, the user's name is set and the missing groups
// are added. The error is that nobody knows what is in it.
func merge(text, key string, wanted []Mapping, dropped []string) (merged string, changes int, err error) {
	list, document, err := parseList(text)
	if err != nil {
		return "", 0, err
	}
	list.Content = slices.DeleteFunc(list.Content, func(item *yaml.Node) bool {
		goes := slices.Contains(dropped, scalarOf(item, key))
		if goes {
			changes++
		}
		return goes
	})
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
	if len(list.Content) == 0 {
		return "", changes, nil
	}
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
