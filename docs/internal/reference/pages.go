package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/capa-apiserver/capa-apiserver/apiserver"
)

const generated = "<!-- Written by make update from the types. Don't edit it. -->\n\n"

// render returns the pages by name.
func render(rows []apiserver.Row) map[string][]byte {
	home := map[string]string{}
	for _, r := range rows {
		for _, part := range []string{"Spec", "Status"} {
			home[modelPrefix(r)+r.Name+part] = page(r) + "#" + strings.ToLower(part)
		}
	}
	pages := map[string][]byte{"README.md": index(rows)}
	for _, r := range rows {
		w := &writer{models: models(r), home: home, recorded: r.Rules.Records, self: page(r), at: map[string]string{}}
		w.kind(r)
		pages[page(r)] = w.Bytes()
	}
	return pages
}

func page(r apiserver.Row) string { return r.Singular + ".md" }

// modelPrefix is what the names of the models of a kind's group begin with.
func modelPrefix(r apiserver.Row) string {
	labels := strings.Split(r.Group.Name(), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "." + r.Group.Hub.Version + "."
}

func models(r apiserver.Row) map[string]common.OpenAPIDefinition {
	return r.Group.OpenAPI(spec.MustCreateRef)
}

func index(rows []apiserver.Row) []byte {
	var out bytes.Buffer
	out.WriteString(generated + `# Reference of kinds

Every field with its type, default, limits and meaning, as the server enforces them; ` + "`kubectl explain`" + ` shows the
same. What is "recorded by the server" can be given at creation, and is the server's afterwards:
["What is the server's to write"](../operations.md#what-is-the-servers-to-write). The pages describe ` + "`v2beta1`" + `, which is stored. ` + "`spec`" + ` is the same at older versions; what differs
in ` + "`status`" + `, operations.md tells: ["Who serves v1beta2"](../operations.md#who-serves-v1beta2).
`)
	name := ""
	for _, r := range rows {
		if r.Group.Name() != name {
			name = r.Group.Name()
			fmt.Fprintf(&out, "\n## %s\n\n| Kind | Short | Versions | Below it | |\n|---|---|---|---|---|\n", name)
		}
		text, _, _ := strings.Cut(models(r)[modelPrefix(r)+r.Name].Schema.Description, ". ")
		fmt.Fprintf(&out, "| [%s](%s) | %s | %s | %s | %s |\n", r.Name, page(r), codes(r.ShortNames), strings.Join(r.Served, ", "), codes(below(r)), cell(strings.TrimSuffix(text, ".")))
	}
	return out.Bytes()
}

func below(r apiserver.Row) []string {
	var names []string
	if r.HasStatus {
		names = append(names, "status")
	}
	return append(names, slices.Sorted(maps.Keys(r.Subresources))...)
}

func codes(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

// writer writes the page of a kind.
type writer struct {
	bytes.Buffer
	models map[string]common.OpenAPIDefinition
	// home are the places of models that are a kind's spec or status.
	home map[string]string
	self string
	// recorded are paths of fields that the server records.
	recorded []string
	// at says which field's section tells of a model.
	at   map[string]string
	next []section
}

// section is the fields of a model, at the field where it occurs first.
type section struct{ path, model string }

func (w *writer) kind(r apiserver.Row) {
	root := w.models[modelPrefix(r)+r.Name].Schema
	fmt.Fprintf(w, "%s# %s\n\n%s\n\n", generated, r.Name, root.Description)
	names, scope := append([]string{r.Plural}, r.ShortNames...), "in namespaces"
	if !r.Namespaced {
		scope = "of the whole cluster"
	}
	fmt.Fprintf(w, "| | |\n|---|---|\n| Group | `%s` |\n| Versions | %s; the first is stored |\n| Resource | %s; %s |\n", r.Group.Name(), codes(r.Served), codes(names), scope)
	if names := below(r); len(names) > 0 {
		fmt.Fprintf(w, "| Subresources | %s |\n", codes(names))
	}
	if r.Template != nil {
		w.WriteString("| Changes | the spec of a template can't be changed: make another one |\n")
	}
	w.WriteString("\n`kubectl get` shows, after the name:\n\n| Column | |\n|---|---|\n")
	for _, c := range r.Columns {
		wide := ""
		if c.Priority > 0 {
			wide = " (`-o wide`)"
		}
		fmt.Fprintf(w, "| %s%s | %s |\n", strings.ToUpper(c.Name), wide, cell(c.Description))
	}
	for _, part := range []string{"spec", "status"} {
		field, found := root.Properties[part]
		if !found {
			continue
		}
		w.next = []section{{part, reference(&field)}}
		for depth := 0; len(w.next) > 0; depth++ {
			s := w.next[0]
			w.next = w.next[1:]
			w.section(s, depth == 0)
		}
	}
}

func (w *writer) section(s section, top bool) {
	model := w.models[s.model].Schema
	if top {
		fmt.Fprintf(w, "\n## %s\n", s.path)
	} else {
		fmt.Fprintf(w, "\n### %s\n", s.path)
	}
	if model.Description != "" {
		fmt.Fprintf(w, "\n%s\n", model.Description)
	}
	if len(model.Properties) == 0 {
		w.WriteString("\nIt has no fields.\n")
		return
	}
	w.WriteString("\n| Field | Type | Limits | |\n|---|---|---|---|\n")
	var inner []section
	for _, name := range slices.Sorted(maps.Keys(model.Properties)) {
		field := model.Properties[name]
		path := s.path + "." + name
		kind, further := w.typeOf(path, &field)
		inner = append(inner, further...)
		all := limits(&field)
		if slices.Contains(model.Required, name) {
			all = append([]string{"required"}, all...)
		}
		if slices.Contains(w.recorded, strings.ReplaceAll(path, "[]", "")) {
			all = append(all, "recorded by the server")
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", name, kind, cell(strings.Join(all, "; ")), cell(meaning(field.Description)))
	}
	w.next = append(inner, w.next...)
}

// typeOf names the type of a field, and what of it needs a section of its own.
func (w *writer) typeOf(path string, s *spec.Schema) (name string, further []section) {
	if model := reference(s); model != "" {
		short := model[strings.LastIndex(model, ".")+1:]
		switch at, told := w.at[model], w.models[model].Schema; {
		case w.home[model] != "" && !strings.HasPrefix(w.home[model], w.self):
			return fmt.Sprintf("[%s](%s)", short, w.home[model]), nil
		case len(told.Properties) == 0:
			return strings.Join(append(told.Type, told.Format), " "), nil
		case at != "":
			return fmt.Sprintf("[as %s](#%s)", at, anchor(at)), nil
		}
		w.at[model] = path
		return fmt.Sprintf("[object](#%s)", anchor(path)), []section{{path, model}}
	}
	switch {
	case s.Items != nil && s.Items.Schema != nil:
		name, further = w.typeOf(path+"[]", s.Items.Schema)
		return "list of " + name, further
	case s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil:
		name, further = w.typeOf(path+"{}", s.AdditionalProperties.Schema)
		return "map of " + name, further
	}
	return strings.TrimSpace(strings.Join(s.Type, " or ") + " " + s.Format), nil
}

// reference is the model that a field is of.
func reference(s *spec.Schema) string {
	if name := s.Ref.String(); name != "" {
		return name
	}
	for i := range s.AllOf {
		if name := s.AllOf[i].Ref.String(); name != "" {
			return name
		}
	}
	return ""
}

// anchor is what GitHub makes of a heading.
func anchor(heading string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(".[]{}", c) {
			return -1
		}
		return c
	}, strings.ToLower(heading))
}

// meaning is a description, with those of its possible values that are explained.
func meaning(description string) string {
	text, values, _ := strings.Cut(description, "\n\nPossible enum values:\n")
	for _, v := range strings.Split(values, "\n") {
		if !strings.HasSuffix(v, "`") && v != "" {
			text += " " + strings.TrimPrefix(v, " - ") + ";"
		}
	}
	return strings.TrimSuffix(text, ";")
}

// cell fits a text into a table.
func cell(text string) string {
	return strings.NewReplacer("\n", " ", "|", "\\|", "<", "&lt;").Replace(text)
}
