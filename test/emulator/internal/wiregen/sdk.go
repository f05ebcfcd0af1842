package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// codec is one generated function of the SDK, reduced to what it says about names.
type codec struct {
	goType string            // "CreateVpcInput", "Vpc"; empty for a list or map
	kind   string            // "struct", "list" or "map"
	fields map[string]string // Go field → wire name; lists are resolved later
	flat   map[string]bool   // fields whose list elements carry the field's own name
	calls  map[string]string // Go field → function that reads or writes the field's value
	member string            // for a list: the element's name
	next   []string          // every codec function that this one calls
}

// sdkFile is a parsed serializers.go or deserializers.go.
type sdkFile struct {
	functions map[string]*ast.FuncDecl
}

func parseSDK(dir, name string) (sdkFile, error) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
	if err != nil {
		return sdkFile{}, err
	}
	out := sdkFile{functions: map[string]*ast.FuncDecl{}}
	for _, decl := range file.Decls {
		if function, ok := decl.(*ast.FuncDecl); ok && function.Recv == nil {
			out.functions[function.Name.Name] = function
		}
	}
	return out, nil
}

// find returns the function whose name ends as given; the SDK prefixes each with its protocol.
func (f sdkFile) find(prefix, suffix string) (string, bool) {
	name := prefix + suffix
	_, ok := f.functions[name]
	return name, ok
}

// parameterType is the bare name of the first parameter's type and whether it is a list or map.
func parameterType(function *ast.FuncDecl) (name, kind string) {
	expr := function.Type.Params.List[0].Type
	for {
		switch t := expr.(type) {
		case *ast.StarExpr:
			expr = t.X
		case *ast.SelectorExpr:
			return t.Sel.Name, "struct"
		case *ast.Ident:
			return t.Name, "struct"
		case *ast.ArrayType:
			return "", "list"
		case *ast.MapType:
			return "", "map"
		default:
			return "", "other"
		}
	}
}

func newCodec(goType, kind string) *codec {
	return &codec{goType: goType, kind: kind, fields: map[string]string{}, flat: map[string]bool{}, calls: map[string]string{}}
}

// serializer reads a function that writes a Go value as form parameters.
func serializer(function *ast.FuncDecl) (*codec, error) {
	goType, kind := parameterType(function)
	out := newCodec(goType, kind)
	if kind == "list" {
		out.member = argumentOf(function.Body, "Array")
		out.next = codecCalls(function.Body, "serialize")
		return out, nil
	}
	if kind != "struct" {
		return out, nil
	}
	for _, stmt := range function.Body.List {
		// An optional field stands in an if, a required one in a bare block.
		switch stmt.(type) {
		case *ast.IfStmt, *ast.BlockStmt:
		default:
			continue
		}
		name, flat := argumentOf(stmt, "Key"), false
		if name == "" {
			name, flat = argumentOf(stmt, "FlatKey"), true
		}
		field := fieldOf(stmt, "v")
		if name == "" || field == "" {
			return nil, fmt.Errorf("%s: a statement names no field and key; the SDK's generated form has changed", function.Name.Name)
		}
		out.note(field, name, flat, codecCalls(stmt, "serialize"))
	}
	return out, nil
}

// deserializer reads a function that fills a Go value from XML.
func deserializer(function *ast.FuncDecl) (*codec, error) {
	goType, kind := parameterType(function)
	out := newCodec(goType, kind)
	if kind == "map" {
		return out, nil
	}
	for _, clause := range elementClauses(function.Body) {
		name := argumentOf(clause.List[0], "EqualFold")
		body := &ast.BlockStmt{List: clause.Body}
		calls := codecCalls(body, "deserialize")
		if kind == "list" {
			out.member = name
			out.next = append(out.next, calls...)
			continue
		}
		field := fieldOf(body, "sv")
		if field == "" {
			return nil, fmt.Errorf("%s: element %s fills no field; the SDK's generated form has changed", function.Name.Name, name)
		}
		flat := len(calls) > 0 && strings.HasSuffix(calls[0], "Unwrapped")
		out.note(field, name, flat, calls)
	}
	return out, nil
}

func (c *codec) note(field, name string, flat bool, calls []string) {
	c.fields[field], c.flat[field] = name, flat
	if len(calls) > 0 {
		c.calls[field] = calls[0]
		c.next = append(c.next, calls...)
	}
}

// elementClauses are the `case strings.EqualFold("name", ...)` clauses of a function, outermost ones only.
func elementClauses(node ast.Node) []*ast.CaseClause {
	var out []*ast.CaseClause
	ast.Inspect(node, func(n ast.Node) bool {
		clause, ok := n.(*ast.CaseClause)
		if !ok || len(clause.List) != 1 || argumentOf(clause.List[0], "EqualFold") == "" {
			return true
		}
		out = append(out, clause)
		return false
	})
	return out
}

// argumentOf is the string literal given first to a call of x.method within node.
func argumentOf(node ast.Node, method string) string {
	found := ""
	ast.Inspect(node, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || found != "" {
			return found == ""
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || selector.Sel.Name != method || len(call.Args) == 0 {
			return true
		}
		if literal, ok := call.Args[0].(*ast.BasicLit); ok {
			found, _ = strconv.Unquote(literal.Value)
		}
		return found == ""
	})
	return found
}

// fieldOf is the field F of the first selector receiver.F within node.
func fieldOf(node ast.Node, receiver string) string {
	found := ""
	ast.Inspect(node, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok || found != "" {
			return found == ""
		}
		if ident, ok := selector.X.(*ast.Ident); ok && ident.Name == receiver {
			found = selector.Sel.Name
		}
		return found == ""
	})
	return found
}

// codecCalls are the codec functions of one direction that node calls, in order.
func codecCalls(node ast.Node, direction string) []string {
	var out []string
	ast.Inspect(node, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if ident, ok := call.Fun.(*ast.Ident); ok && strings.Contains(ident.Name, "_"+direction+"Document") {
			out = append(out, ident.Name)
		}
		return true
	})
	return out
}
