#!/usr/bin/env bash
# hack/race.sh [PACKAGE...] runs tests under the race detector, which needs a C compiler: by default all that runs in
# the server's process.

# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

need_gcc
packages=("$@")
[ $# -gt 0 ] || packages=(./cloud/... ./reconcile/... ./registry/... ./apiserver/... ./admission/...)
export CGO_ENABLED=1
step "go test -race ${packages[*]}" go test -race -vet=off -p 1 -timeout 60m "${packages[@]}"
finish race
