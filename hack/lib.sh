# shellcheck shell=bash
# Shared by the scripts of this folder, which source it: the repository's root as the current folder, the Go modules,
# and steps with progress lines.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CGO_ENABLED=0
# The folders of the Go modules.
# shellcheck disable=SC2034
modules=(. hack hack/tools hack/monitoring)
failed=()

# step TITLE COMMAND... runs the command, says how long it took, and remembers a failure for the end.
step() {
  local title=$1 begin=$SECONDS
  shift
  echo "==> $title"
  if "$@"; then
    echo "    ok ($((SECONDS - begin))s)"
  else
    echo "    FAILED: $title ($((SECONDS - begin))s)"
    failed+=("$title")
  fi
}

# finish fails and lists the failed steps, if there are any.
finish() {
  if [ ${#failed[@]} -eq 0 ]; then
    echo "$1: all passed in ${SECONDS}s"
    return
  fi
  echo "$1: ${#failed[@]} failed after ${SECONDS}s:"
  printf '  %s\n' "${failed[@]}"
  return 1
}

# need_gcc ends the script where the race detector can't be built.
need_gcc() {
  command -v gcc >/dev/null || {
    echo "the race detector needs gcc and the C library's headers: apt-get install gcc libc6-dev" >&2
    exit 1
  }
}

# go_files lists the Go files of all modules.
go_files() {
  find . -name '*.go' -not -path './_run/*' -not -path './.git/*'
}

# linter builds golangci-lint where hack/tools/go.mod has a version other than the one built last.
linter() {
  if [ ! -x _run/bin/golangci-lint ]; then
    echo "    building golangci-lint (a minute or two, once)"
  fi
  go -C hack/tools build -o "$PWD/_run/bin/golangci-lint" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
}
