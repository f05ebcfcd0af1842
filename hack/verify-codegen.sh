#!/usr/bin/env bash
# Fails when generated code differs from what hack/update-codegen.sh makes of the
# sources. Works in a temporary copy and leaves this tree alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/hack" "$copy/test/ninth"
cp go.mod go.sum "$copy/"
cp -r apis "$copy/"
cp -r test/ninth/v2beta1 "$copy/test/ninth/"
cp hack/update-codegen.sh hack/boilerplate.go.txt "$copy/hack/"

"$copy/hack/update-codegen.sh"
if ! diff -ru apis "$copy/apis" || ! diff -ru test/ninth/v2beta1 "$copy/test/ninth/v2beta1"; then
  echo "generated code is out of date: run make update" >&2
  exit 1
fi
