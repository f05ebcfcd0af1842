#!/usr/bin/env bash
# Checks everything about the tree that needs no test to run, goes on after a failure, and lists the failures at the
# end. `hack/verify.sh lint imports` runs only these steps. What a program can repair, hack/update.sh repairs.

# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

verify_format() {
  local unformatted
  unformatted=$(go_files | xargs gofmt -l) || return 1
  if [ -n "$unformatted" ]; then
    echo "$unformatted"
    echo "    these are not as gofmt writes them: run make update"
    return 1
  fi
}

verify_scripts() {
  local scripts=(.ci/run hack/*.sh)
  for script in "${scripts[@]}"; do
    bash -n "$script" || return 1
  done
  if command -v shellcheck >/dev/null; then
    shellcheck -x "${scripts[@]}"
  fi
}

verify_imports() {
  go -C hack/tools run ./importrules
}

verify_generated() {
  if [ -f hack/verify-codegen.sh ]; then
    bash hack/verify-codegen.sh || return 1
  fi
  go run ./test/emulator/internal/wiregen -verify && go run ./docs/internal/reference -verify
}

verify_tidy() {
  local module ok=true
  for module in "${modules[@]}"; do
    if ! go -C "$module" mod tidy -diff; then
      echo "    $module/go.mod is not tidy: run make update"
      ok=false
    fi
  done
  $ok
}

# golangci-lint runs go vet's analyzers too (govet), so there is no vet of its own.
verify_lint() {
  local module ok=true
  linter || return 1
  for module in "${modules[@]}"; do
    (cd "$module" && "$OLDPWD/_run/bin/golangci-lint" run --config "$OLDPWD/.golangci.yml" ./...) || ok=false
  done
  $ok
}

declare -A titles=(
  [format]="format (gofmt)"
  [scripts]="shell scripts"
  [imports]="import rules (hack/import-rules.yaml)"
  [generated]="generated code"
  [tidy]="go.mod and go.sum of: ${modules[*]}"
  [lint]="vet and lint (.golangci.yml)"
)

steps=("$@")
if [ $# -eq 0 ]; then
  steps=(format scripts imports generated tidy lint)
fi
for name in "${steps[@]}"; do
  if [ -z "${titles[$name]:-}" ]; then
    echo "there is no step $name; the steps are: format scripts imports generated tidy lint" >&2
    exit 2
  fi
done
for name in "${steps[@]}"; do
  step "${titles[$name]}" "verify_$name"
done
finish verify
