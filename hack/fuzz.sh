#!/usr/bin/env bash
# hack/fuzz.sh [PACKAGE...] runs every fuzz target of the packages (all of them) for FUZZTIME (a minute) each. An input
# that fails is kept in testdata/fuzz of its package: commit it, and every go test tries it from then on.

# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

# targets PACKAGE lists the names of its fuzz targets.
targets() {
  grep -shoE '^func Fuzz[A-Za-z0-9_]*' "$1"/*_test.go | sed 's/^func //'
}

# with_targets lists the packages that have some.
with_targets() {
  git grep --untracked -lE '^func Fuzz[A-Za-z0-9_]*\(f \*testing\.F\)' -- '*_test.go' | xargs -r -n 1 dirname | sort -u | sed 's|^|./|'
}

packages=("$@")
[ $# -gt 0 ] || mapfile -t packages < <(with_targets)
for package in "${packages[@]}"; do
  for target in $(targets "$package"); do
    step "fuzz $package $target" go test "$package" -vet=off -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-60s}" -parallel 2
  done
done
finish fuzz
