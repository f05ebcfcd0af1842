package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTablesOnDiskAreWhatTheSDKSays(t *testing.T) {
	if err := run("../..", true); err != nil {
		t.Error(err)
	}
}

func TestChangedTableIsNoticed(t *testing.T) {
	root := t.TempDir()
	write(t, root, "sts/service.go", serviceSource)
	if err := run(root, false); err != nil {
		t.Fatal(err)
	}
	if err := run(root, true); err != nil {
		t.Fatalf("a fresh table differs: %v", err)
	}
	write(t, root, "sts/wire.json", "{}")
	if err := run(root, true); err == nil || !strings.Contains(err.Error(), "out of date") {
		t.Errorf("a changed table gives %v", err)
	}
}

const serviceSource = `package sts

import _ "embed"
import sdk "github.com/aws/aws-sdk-go-v2/service/sts"

//go:embed wire.json
var table []byte

func assumeRole(in *sdk.AssumeRoleInput) {}
`

func TestOperationsAreReadFromTheCodeThatImplementsThem(t *testing.T) {
	root := t.TempDir()
	write(t, root, "sts/service.go", serviceSource)
	write(t, root, "sts/service_test.go", "package sts\n\nimport sdk \"github.com/aws/aws-sdk-go-v2/service/sts\"\n\nvar _ sdk.GetCallerIdentityInput\n")
	write(t, root, "other/other.go", "package other\n")
	folders, err := serviceFolders(root)
	if err != nil || len(folders) != 1 || strings.Join(folders[0].operations, " ") != "AssumeRole" {
		t.Errorf("folders %+v (%v), want sts with AssumeRole only", folders, err)
	}
}

func TestFolderOfTwoModulesIsRefused(t *testing.T) {
	root := t.TempDir()
	write(t, root, "sts/service.go", serviceSource)
	write(t, root, "sts/more.go", "package sts\n\nimport \"github.com/aws/aws-sdk-go-v2/service/ec2\"\n\nvar _ ec2.Client\n")
	if _, err := serviceFolders(root); err == nil || !strings.Contains(err.Error(), "one folder speaks for one SDK module") {
		t.Errorf("got %v", err)
	}
}

func TestRootWithoutServicesIsAMistake(t *testing.T) {
	if err := run(t.TempDir(), false); err == nil || !strings.Contains(err.Error(), "-root") {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
