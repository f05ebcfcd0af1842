// Command reference writes docs/reference: a page for each kind, from what the server serves: its
// table of kinds and the published schemas.
//
//	go run ./docs/internal/reference           write the pages
//	go run ./docs/internal/reference -verify   fail where one on disk differs from what would be written
package main

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/capa-apiserver/capa-apiserver/apiserver"
)

func main() {
	folder := flag.String("folder", "docs/reference", "folder of the pages")
	verify := flag.Bool("verify", false, "compare instead of writing; exit 1 on a difference")
	flag.Parse()
	if err := run(*folder, *verify); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(folder string, verify bool) error {
	pages := render(apiserver.Kinds())
	if !verify {
		return write(folder, pages)
	}
	have, err := filepath.Glob(filepath.Join(folder, "*.md"))
	if err != nil {
		return err
	}
	for _, file := range have {
		if _, found := pages[filepath.Base(file)]; !found {
			return fmt.Errorf("%s is of no kind: run make update", file)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !bytes.Equal(text, pages[name]) {
			return fmt.Errorf("%s is out of date: run make update", filepath.Join(folder, name))
		}
	}
	return nil
}

func write(folder string, pages map[string][]byte) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
