#!/usr/bin/env bash
# Repairs what hack/verify.sh finds and a program can repair: generated code, go.mod and go.sum, format.

# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

update_generated() {
  if [ -f hack/update-codegen.sh ]; then
    bash hack/update-codegen.sh
  fi
}

update_wire_tables() {
  go run ./test/emulator/internal/wiregen
}

update_reference() {
  go run ./docs/internal/reference
}

update_modules() {
  local module ok=true
  for module in "${modules[@]}"; do
    go -C "$module" mod tidy || ok=false
  done
  $ok
}

update_format() {
  linter && go_files | xargs gofmt -w && _run/bin/golangci-lint fmt
}

step "generated code" update_generated
step "reference of kinds" update_reference
step "wire tables of the emulator" update_wire_tables
step "go.mod and go.sum of: ${modules[*]}" update_modules
step "format" update_format
finish update
