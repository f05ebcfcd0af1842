// Package convert rewrites the apiVersion lines of manifests, and nothing else of them.
package convert

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Versions that kinds of the shared groups may be written at: beside the kubeadm providers, and where v1beta2 of these groups is free.
const (
	Beside = "v2beta1"
	Native = "v1beta2"
)

// shared are the kinds in groups of which the kubeadm providers have v1beta2.
var shared = map[string][]string{
	"controlplane.cluster.x-k8s.io": {"AWSManagedControlPlane", "AWSManagedControlPlaneTemplate"},
	"bootstrap.cluster.x-k8s.io":    {"EKSConfig", "EKSConfigTemplate", "NodeadmConfig", "NodeadmConfigTemplate"},
}

const infrastructure = "infrastructure.cluster.x-k8s.io"

// Change is a line that was rewritten.
type Change struct {
	// Line is counted from 1, At is the byte of the text where Was stood and Now stands.
	Line, At       int
	Kind, Was, Now string
}

func (c Change) String() string {
	return fmt.Sprintf("line %d: %s is %s, was %s", c.Line, c.Kind, c.Now, c.Was)
}

// wanted is the apiVersion that a kind should have, "" if this is none of ours.
func wanted(apiVersion, kind, to string) string {
	group, version, _ := strings.Cut(apiVersion, "/")
	switch {
	case slices.Contains(shared[group], kind) && slices.Contains([]string{"v1beta1", Native, Beside}, version):
		return group + "/" + to
	case group == infrastructure && strings.HasPrefix(kind, "AWS") && version == "v1beta1":
		return group + "/" + Native
	}
	return ""
}

// Text rewrites a stream of YAML documents, or JSON. Objects are rewritten, those in lists too, and whatever a ClusterClass refers to or selects, which Cluster
// API compares letter by letter. References of other objects stay: Cluster API finds their versions itself.
func Text(in []byte, to string) ([]byte, []Change, error) {
	documents, err := parse(in)
	if err != nil {
		return nil, nil, fmt.Errorf("%w; what has to be rendered first (Helm's templates, for example) can be piped: helm template CHART | clusterawsadm convert -", err)
	}
	var spots []spot
	for _, document := range documents {
		for _, root := range document.Content {
			found, err := object(root, to)
			if err != nil {
				return nil, nil, err
			}
			spots = append(spots, found...)
		}
	}
	out, changes, err := rewrite(in, spots)
	if err == nil && len(changes) > 0 {
		err = reads(out, documents, changes)
	}
	if err != nil {
		return nil, nil, err
	}
	return out, changes, nil
}

// parse reads all documents of a stream.
func parse(in []byte) ([]*yaml.Node, error) {
	var documents []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(in))
	for {
		document := &yaml.Node{}
		err := decoder.Decode(document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
}

// rewrite writes what the spots should be into a copy, and into their nodes. All versions are equally long, so nothing else moves.
func rewrite(in []byte, spots []spot) ([]byte, []Change, error) {
	out, begins := bytes.Clone(in), lines(in)
	var changes []Change
	for _, s := range spots {
		line, was := s.node.Line, s.node.Value
		at := -1
		if line < len(begins) {
			at = index(in[begins[line-1]:begins[line]], s.node.Column, was)
		}
		if at < 0 {
			return nil, nil, fmt.Errorf("line %d: the apiVersion %s isn't written on its line; write it as apiVersion: %s", line, was, s.now)
		}
		at += begins[line-1]
		copy(out[at:], s.now)
		s.node.Value = s.now
		changes = append(changes, Change{Line: line, At: at, Kind: s.kind, Was: was, Now: s.now})
	}
	return out, changes, nil
}

// reads checks that a text reads as the documents do, in which the changes are made: each node with its place and its comments.
func reads(text []byte, documents []*yaml.Node, changes []Change) error {
	got, err := parse(text)
	if err == nil && reflect.DeepEqual(got, documents) {
		return nil
	}
	var where []string
	for _, change := range changes {
		where = append(where, strconv.Itoa(change.Line))
	}
	return fmt.Errorf("rewriting line %s would change something else than the apiVersion; write that on one line, as apiVersion: GROUP/VERSION", strings.Join(where, ", "))
}

// breaks are where the parser begins another line.
var breaks = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

// lines are the bytes where lines begin, and where the last one ends.
func lines(in []byte) []int {
	begins := []int{0}
	for _, found := range breaks.FindAllIndex(in, -1) {
		begins = append(begins, found[1])
	}
	return append(begins, len(in))
}

// index is the byte where a text stands in a line from a column on, -1 if it doesn't.
func index(line []byte, n int, text string) int {
	from := column(line, n)
	at := bytes.Index(line[from:], []byte(text))
	if at < 0 {
		return at
	}
	return from + at
}

// column is the byte where a column of runes begins, which are counted from 1.
func column(line []byte, n int) int {
	at := 0
	for i := range string(line) {
		if n--; n == 0 {
			return i
		}
		at = i
	}
	return at
}

// spot is an apiVersion to be rewritten.
type spot struct {
	node      *yaml.Node
	kind, now string
}

// object finds the spots of an object, or of those in a list.
func object(n *yaml.Node, to string) ([]spot, error) {
	kind, items := value(n, "kind"), value(n, "items")
	switch {
	case kind != nil && kind.Value == "ClusterClass":
		return everywhere(n, to)
	case kind != nil && strings.HasSuffix(kind.Value, "List") && items != nil && items.Kind == yaml.SequenceNode:
		var out []spot
		for _, item := range items.Content {
			found, err := object(item, to)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
		return out, nil
	}
	return here(n, to)
}

// value is that of a mapping's key, nil if it has none.
func value(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// here finds the spot of a mapping with apiVersion and kind.
func here(n *yaml.Node, to string) ([]spot, error) {
	apiVersion, kind := value(n, "apiVersion"), value(n, "kind")
	if apiVersion == nil || kind == nil {
		return nil, nil
	}
	written := apiVersion
	if apiVersion.Kind == yaml.AliasNode {
		written = apiVersion.Alias
	}
	now := wanted(written.Value, kind.Value, to)
	switch {
	case now == "" || now == written.Value:
		return nil, nil
	case written != apiVersion || written.Anchor != "":
		return nil, fmt.Errorf("line %d: the apiVersion of %s is shared by an anchor; write it out: apiVersion: %s", apiVersion.Line, kind.Value, now)
	}
	return []spot{{written, kind.Value, now}}, nil
}

// everywhere finds the spots of all mappings below, in the order in which they are written.
func everywhere(n *yaml.Node, to string) ([]spot, error) {
	out, err := here(n, to)
	for _, below := range n.Content {
		found, failed := everywhere(below, to)
		out, err = append(out, found...), errors.Join(err, failed)
	}
	slices.SortStableFunc(out, func(a, b spot) int { return cmp.Or(a.node.Line-b.node.Line, a.node.Column-b.node.Column) })
	return out, err
}
