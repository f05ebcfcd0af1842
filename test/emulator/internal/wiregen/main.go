// Command wiregen derives the wire names of AWS query services from the AWS SDK for Go.
//
// The SDK's query and EC2-query services carry no schema at run time: the names that travel over HTTP stand only in
// their generated serializers and deserializers. wiregen reads those two files with go/ast and writes, for each service
// folder of the emulator, a table wire.json: Go struct and field → name on the wire, for the operations which the folder
// implements and everything they reach.
//
// Which operations a folder implements is read from its own code: every mention of `sdk.XInput`, where sdk is the import of an
// AWS service package, asks for operation X. So adding an operation is writing its function and running wiregen again.
//
//	go run ./test/emulator/internal/wiregen           write every wire.json under test/emulator
//	go run ./test/emulator/internal/wiregen -verify   fail when a wire.json on disk differs from what would be written
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", "test/emulator", "folder whose service folders are looked at")
	verify := flag.Bool("verify", false, "compare instead of writing; exit 1 on a difference")
	flag.Parse()
	if err := run(*root, *verify); err != nil {
		fmt.Fprintln(os.Stderr, "wiregen:", err)
		os.Exit(1)
	}
}

func run(root string, verify bool) error {
	folders, err := serviceFolders(root)
	if err != nil {
		return err
	}
	if len(folders) == 0 {
		return fmt.Errorf("no folder under %s embeds a wire.json; run this from the repository's root or set -root", root)
	}
	for _, folder := range folders {
		want, err := render(folder)
		if err != nil {
			return fmt.Errorf("%s: %w", folder.path, err)
		}
		file := filepath.Join(folder.path, "wire.json")
		if !verify {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				return err
			}
			continue
		}
		have, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if !bytes.Equal(have, want) {
			return fmt.Errorf("%s is out of date; run `go run ./test/emulator/internal/wiregen`", file)
		}
	}
	return nil
}
