#!/usr/bin/env bash
# Generates deep copies, defaults, conversions, OpenAPI model names and OpenAPI
# definitions of the API packages. The generators are tools of go.mod.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The API packages are the folders apis/<group>/<version> whose doc.go asks for deep copies.
# A spoke names its hub there (+k8s:conversion-gen); hubs come first.
HUBS=() SPOKES=()
for doc in $(grep -l '^// +k8s:deepcopy-gen=package' apis/*/*/doc.go); do
  if grep -q '^// +k8s:conversion-gen=' "$doc"; then
    SPOKES+=("$(dirname "$doc")")
  else
    HUBS+=("$(dirname "$doc")")
  fi
done

# Packages of libraries whose types our types refer to: their models are generated into
# ours, but nothing is written into their folders.
LIBRARIES=(
  k8s.io/apimachinery/pkg/api/resource
  k8s.io/apimachinery/pkg/apis/meta/v1
  k8s.io/apimachinery/pkg/runtime
  k8s.io/apimachinery/pkg/version
)

MODULE=github.com/capa-apiserver/capa-apiserver
HEADER=hack/boilerplate.go.txt

HUB_PKGS=("${HUBS[@]/#/$MODULE/}")
SPOKE_PKGS=("${SPOKES[@]/#/$MODULE/}")
ALL_PKGS=("${HUB_PKGS[@]}" "${SPOKE_PKGS[@]}")
PEERS=$(IFS=,; echo "${HUB_PKGS[*]}")

# The generators' flags for one package list each.
readonly_flags=()
for pkg in "${LIBRARIES[@]}"; do readonly_flags+=(--readonly-pkg "$pkg"); done

# A group that only tests have. Its models are kept with its types.
NINTH=test/ninth/v2beta1

find apis "$NINTH" -name 'zz_generated.*.go' -delete

go tool deepcopy-gen --go-header-file "$HEADER" \
  --output-file zz_generated.deepcopy.go "${ALL_PKGS[@]}" "$MODULE/$NINTH"
go tool defaulter-gen --go-header-file "$HEADER" --extra-peer-dirs "$PEERS" \
  --output-file zz_generated.defaults.go "${ALL_PKGS[@]}"
go tool conversion-gen --go-header-file "$HEADER" --extra-peer-dirs "$PEERS" \
  --output-file zz_generated.conversion.go "${SPOKE_PKGS[@]}"

# API rule violations of the libraries are not ours to report; ours are shown by apis/openapi's test.
go tool openapi-gen --go-header-file "$HEADER" \
  --output-dir apis/openapi --output-pkg "$MODULE/apis/openapi" \
  --output-file zz_generated.openapi.go \
  --output-model-name-file zz_generated.model_name.go "${readonly_flags[@]}" \
  --report-filename /dev/null \
  "${LIBRARIES[@]}" "${ALL_PKGS[@]}"
go tool openapi-gen --go-header-file "$HEADER" \
  --output-dir "$NINTH" --output-pkg "$MODULE/$NINTH" \
  --output-file zz_generated.openapi.go \
  --output-model-name-file zz_generated.model_name.go \
  --report-filename /dev/null "$MODULE/$NINTH"
