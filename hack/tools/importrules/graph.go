package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Package is one package as `go list -json` describes it.
type Package struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	// DepOnly marks a package that is listed because another one imports it.
	DepOnly bool
}

// Graph is a module and everything it imports.
type Graph struct {
	// Module is the module's path.
	Module string
	// Packages holds the module's packages and their dependencies by import path.
	Packages map[string]*Package
}

// LoadGraph asks the go command for the packages of the module in dir.
func LoadGraph(dir string) (*Graph, error) {
	module, err := goList(dir, "-m")
	if err != nil {
		return nil, err
	}
	raw, err := goList(dir, "-deps", "-json=ImportPath,Imports,TestImports,XTestImports,DepOnly", "./...")
	if err != nil {
		return nil, err
	}
	graph := &Graph{Module: strings.TrimSpace(string(module)), Packages: map[string]*Package{}}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	for {
		pkg := &Package{}
		if err := decoder.Decode(pkg); errors.Is(err, io.EOF) {
			return graph, nil
		} else if err != nil {
			return nil, fmt.Errorf("understand go list: %w", err)
		}
		graph.Packages[pkg.ImportPath] = pkg
	}
}

func goList(dir string, args ...string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = dir
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w\n%s", dir, err, stderr.String())
	}
	return out, nil
}

// inModule returns the path as the rules write it, and whether it lies in the module.
func (g *Graph) inModule(path string) (string, bool) {
	if path == g.Module {
		return ".", true
	}
	return strings.CutPrefix(path, g.Module+"/")
}

// standard says whether the path is of the standard library, whose first element never has a dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
