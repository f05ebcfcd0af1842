package main

import (
	"strings"
	"testing"
)

const module = "example.org/product"

const testRules = `
testsMay: [test/...]
rules:
  - {packages: apis/..., never: [sdk.example/...], why: types stand alone}
  - {packages: cloud/..., may: [apis/...], why: below the reconcilers}
  - {packages: cloud/leaf, external: [small.example/...], why: the leaf is small}
  - {packages: registry/..., may: [apis/..., cloud/face], never: [sdk.example/...], why: no AWS in storage}
  - {packages: test/..., may: [cloud/...], why: tests drive}
`

// graphOf makes a graph of lines "package: imports | imports of its tests"; a leading "/" stands for the module.
func graphOf(t *testing.T, packages ...string) *Graph {
	t.Helper()
	graph := &Graph{Module: module, Packages: map[string]*Package{}}
	expand := func(s string) []string {
		paths := strings.Fields(s)
		for i, path := range paths {
			if strings.HasPrefix(path, "/") {
				paths[i] = module + path
			}
		}
		return paths
	}
	for _, line := range packages {
		path, imports, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("%q has no colon", line)
		}
		imports, tests, _ := strings.Cut(imports, "|")
		pkg := &Package{ImportPath: module + path, Imports: expand(imports), TestImports: expand(tests)}
		graph.Packages[pkg.ImportPath] = pkg
	}
	return graph
}

func TestCheckNamesEveryBreach(t *testing.T) {
	cases := map[string]struct {
		packages []string
		want     []string
	}{
		"allowed imports pass": {
			packages: []string{"/apis/v1: fmt /apis/meta", "/apis/meta:", "/cloud: /apis/v1 sdk.example/ec2 | /test/emulator"},
		},
		"an import against the direction": {
			packages: []string{"/apis/v1: /cloud", "/cloud:"},
			want:     []string{`apis/v1 imports cloud: rule "apis/..." allows of ours nothing: types stand alone`},
		},
		"a forbidden module": {
			packages: []string{"/registry/x: sdk.example/ec2"},
			want:     []string{`registry/x imports sdk.example/ec2: rule "registry/..." says never sdk.example/...: no AWS in storage`},
		},
		"a forbidden module reached through an allowed package": {
			packages: []string{"/registry/x: /registry/y", "/registry/y: /cloud/face", "/cloud/face: sdk.example/ec2"},
			want: []string{
				`registry/x imports sdk.example/ec2 through registry/y, cloud/face: rule "registry/..." says never sdk.example/...: no AWS in storage`,
				`registry/y imports sdk.example/ec2 through cloud/face: rule "registry/..." says never sdk.example/...: no AWS in storage`,
			},
		},
		"a module outside the list of allowed ones": {
			packages: []string{"/cloud/leaf: net/http small.example/yaml large.example/kit"},
			want:     []string{`cloud/leaf imports large.example/kit: rule "cloud/leaf" allows of other modules small.example/...: the leaf is small`},
		},
		"product code importing what only tests may": {
			packages: []string{"/cloud: /test/emulator"},
			want:     []string{`cloud imports test/emulator: rule "cloud/..." allows of ours apis/...: below the reconcilers`},
		},
		"test files breaking the direction": {
			packages: []string{"/cloud: | /registry/x"},
			want:     []string{`cloud (its tests) imports registry/x: rule "cloud/..." allows of ours apis/...: below the reconcilers`},
		},
		"a package that no rule covers": {
			packages: []string{"/newroom: fmt"},
			want:     []string{`newroom: no rule says what it may import; add one`},
		},
		"a narrower rule replaces the wider one": {
			packages: []string{"/cloud/leaf: /apis/v1"},
			want:     []string{`cloud/leaf imports apis/v1: rule "cloud/leaf" allows of ours nothing: the leaf is small`},
		},
		"one package of a tree doesn't allow its neighbours": {
			packages: []string{"/registry/x: /cloud/face /cloud/mirror"},
			want:     []string{`registry/x imports cloud/mirror: rule "registry/..." allows of ours apis/..., cloud/face: no AWS in storage`},
		},
	}
	rules, err := parseRules([]byte(testRules))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, breach := range Check(rules, graphOf(t, c.packages...)) {
				got = append(got, breach.String())
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestParseRulesRefusesWhatItDoesNotUnderstand(t *testing.T) {
	cases := map[string]struct{ yaml, want string }{
		"an unknown field":       {"rules: [{packages: a, may_import: [b], why: c}]", "may_import"},
		"a rule for nothing":     {"rules: [{why: c}]", "rules[0]: packages is missing"},
		"a rule without reason":  {"rules: [{packages: a}]", "rules[0] (a): why is missing"},
		"two rules for the same": {"rules: [{packages: a, why: c}, {packages: a, why: d}]", "rules[1] (a): a rule for these packages stands above"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := parseRules([]byte(c.yaml))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestPatternMatchesAsTheGoCommandDoes(t *testing.T) {
	cases := []struct {
		pattern Pattern
		path    string
		want    bool
	}{
		{"cloud", "cloud", true},
		{"cloud", "cloud/mirror", false},
		{"cloud/...", "cloud", true},
		{"cloud/...", "cloud/mirror/x", true},
		{"cloud/...", "cloudy", false},
		{".", ".", true},
		{".", "cloud", false},
	}
	for _, c := range cases {
		if got := c.pattern.Matches(c.path); got != c.want {
			t.Errorf("%q matches %q: %t, want %t", c.pattern, c.path, got, c.want)
		}
	}
}
