#!/usr/bin/env bash
# hack/build.sh FOLDER compiles the commands of the product and of the emulated AWS into the folder.

# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

folder=${1:?say into which folder}
mkdir -p "$folder"
commands=$(go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./cmd/... ./test/emulator/cmd/...)
for command in $commands; do
  step "$(basename "$command")" go build -o "$folder/" "$command"
done
finish build
