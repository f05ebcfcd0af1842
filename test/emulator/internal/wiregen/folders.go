package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

const sdkServices = "github.com/aws/aws-sdk-go-v2/service/"

// serviceFolder is one emulated service: where it stands, the SDK module it speaks for, and the operations it implements.
type serviceFolder struct {
	path       string
	module     string
	operations []string
}

// serviceFolders finds the direct subfolders of root whose Go files embed a wire.json.
func serviceFolders(root string) ([]serviceFolder, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var found []serviceFolder
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		folder, embeds, err := readFolder(filepath.Join(root, entry.Name()))
		if err != nil {
			return nil, err
		}
		if embeds {
			found = append(found, folder)
		}
	}
	return found, nil
}

func readFolder(path string) (serviceFolder, bool, error) {
	folder := serviceFolder{path: path}
	files, err := filepath.Glob(filepath.Join(path, "*.go"))
	if err != nil {
		return folder, false, err
	}
	sources, embeds, operations := map[string][]byte{}, false, map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		if sources[file], err = os.ReadFile(file); err != nil {
			return folder, false, err
		}
		embeds = embeds || bytes.Contains(sources[file], []byte("//go:embed wire.json"))
	}
	if !embeds {
		return folder, false, nil
	}
	for file, source := range sources {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
		if err != nil {
			return folder, false, err
		}
		if err := folder.collect(parsed, operations); err != nil {
			return folder, false, fmt.Errorf("%s: %w", file, err)
		}
	}
	for operation := range operations {
		folder.operations = append(folder.operations, operation)
	}
	sort.Strings(folder.operations)
	return folder, true, nil
}

// collect notes the SDK module that the file imports and the operations whose input types it mentions.
func (f *serviceFolder) collect(file *ast.File, operations map[string]bool) error {
	alias := ""
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		rest, ok := strings.CutPrefix(path, sdkServices)
		if !ok || strings.Contains(rest, "/") {
			continue
		}
		if f.module != "" && f.module != path {
			return fmt.Errorf("one folder speaks for one SDK module, but this one imports %s and %s", f.module, path)
		}
		f.module, alias = path, rest
		if spec.Name != nil {
			alias = spec.Name.Name
		}
	}
	if alias == "" {
		return nil
	}
	ast.Inspect(file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == alias {
			if operation, ok := strings.CutSuffix(selector.Sel.Name, "Input"); ok {
				operations[operation] = true
			}
		}
		return true
	})
	return nil
}

// moduleDir is where the module's source lies, as the go command resolves it for this repository.
func moduleDir(module string) (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w", module, err)
	}
	return strings.TrimSpace(string(out)), nil
}
