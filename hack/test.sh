#!/usr/bin/env bash
# hack/test.sh all|unit|e2e [ARGUMENT...] runs tests. The output of go test is shown as it comes, kept in _run/test/,
# and its closing lines are repeated at the end. Arguments are go test's: packages for unit, flags for e2e.

# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

# Tests bring their own management cluster and their own AWS; whatever this shell points at is left alone.
unset KUBECONFIG AWS_ENDPOINT_URL AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION \
  AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN

logs=$PWD/_run/test
closing=15
slowest=20
mkdir -p "$logs"

# go_test NAME MODULE ARGUMENT... tests the module. Two packages at a time: many of them start servers of their own.
go_test() {
  local name=$1 module=$2
  shift 2
  (cd "$module" && "$gotestsum" --format standard-quiet --hide-summary skipped --jsonfile "$logs/$name.json" -- -p 2 -timeout 60m "$@") 2>&1 | tee "$logs/$name.log" | grep -v --line-buffered '\[no test files\]'
  return "${PIPESTATUS[0]}"
}

# gotestsum runs go test, shows what it shows, and keeps how long each test took.
gotestsum=$PWD/_run/bin/gotestsum
go -C hack/tools build -o "$gotestsum" gotest.tools/gotestsum

binaries() {
  go -C hack run ./cmd/devcluster build
}

# image compiles the product as its image has it, which is with other flags than everything else: beside the end-to-end
# tests, whose own test of the image would do it, that takes half an hour where nothing is compiled yet.
image() {
  GOFLAGS='' go build -trimpath -buildvcs=false -o /dev/null ./cmd/capa-apiserver
}

# no_binaries lists the packages whose tests need no binaries.
no_binaries() {
  local listed
  listed=$(go list ./...)
  grep -v '/test/e2e' <<<"$listed"
}

unit() {
  local packages=("$@")
  [ $# -gt 0 ] || mapfile -t packages < <(no_binaries)
  step "go test" go_test unit . "${packages[@]}"
}

e2e() {
  step "binaries of the local management cluster" binaries
  step "go test ./test/e2e/..." go_test e2e . "$@" ./test/e2e/...
}

# Parts of the end-to-end tests that take about as long as each other, and as the rest.
declare -A parts=(
  [e2e-templates]='^Test(Templates|ProviderRepository|AnUpgradeByClusterctl|Moves|IdentityFaults|Spot|Watchers)'
  [e2e-machines]='^Test(MachinePool|PoolsAtRest|Fleet|MachinesLive|HealthCheck|Tenants|EKS|WhatHappensToAnEKS|SIGKILL)'
)

# e2e_parts runs the parts and the rest at once, each with a management cluster of its own: they mostly wait, for an
# emulated AWS that takes its time. A fourth on two processors makes each take so much longer that all do, and answers
# come later than their clients wait. The fuzz targets, and what all replicas and reconcilers share under the race
# detector, take what is left of the processors meanwhile.
e2e_parts() {
  local name pids=() ok=true
  nice -n 19 bash -c 'hack/fuzz.sh && hack/race.sh ./reconcile/engine/... ./cloud/mirror/... ./registry/...' >"$logs/beside.log" 2>&1 &
  pids+=($!)
  for name in "${!parts[@]}"; do
    go_test "$name" . -vet=off -parallel 8 -run "${parts[$name]}" ./test/e2e/... &
    pids+=($!)
  done
  go_test e2e . -vet=off -skip "$(IFS='|'; echo "${parts[*]}")" ./test/e2e/... || ok=false
  for pid in "${pids[@]}"; do
    wait "$pid" || ok=false
  done
  $ok
}

# hack_and_main runs both at once: the tests in hack mostly wait for clusters that they start.
hack_and_main() {
  local packages hack ok=true
  mapfile -t packages < <(no_binaries)
  go_test hack hack -vet=off ./... &
  hack=$!
  go_test main . -vet=off "${packages[@]}" || ok=false
  wait "$hack" || ok=false
  $ok
}

# all leaves vet to verify, which runs it in full. What the end lacks is said at the beginning.
all() {
  need_gcc
  step "verify" hack/verify.sh
  step "binaries of the local management cluster" binaries
  step "the product, as in its image" image
  step "go test ./... in hack/tools" go_test tools hack/tools -vet=off ./...
  step "go test ./... in hack/monitoring" go_test monitoring hack/monitoring -vet=off ./...
  step "go test, ./... in hack, and all but ./test/e2e" hack_and_main
  step "go test ./test/e2e/..., in parts, and the fuzz targets" e2e_parts
}

# closing_lines repeats how each go test ended, failed tests first.
closing_lines() {
  local log
  for log in "$@"; do
    [ -f "$logs/$log.log" ] || continue
    echo "--- ${logs#"$PWD/"}/$log.log: $(grep -c '^ok' "$logs/$log.log" || true) packages ok, $(grep -cE '^FAIL\s+\S' "$logs/$log.log" || true) failed"
    grep -E '^=== FAIL|^panic:' "$logs/$log.log" || true
    grep -v '\[no test files\]' "$logs/$log.log" | tail -n "$closing" || true
  done
}

# slowest_tests lists the tests that took longest, of all runs.
slowest_tests() {
  echo "--- the $slowest slowest tests"
  cat "$logs"/*.json | "$gotestsum" tool slowest --num "$slowest"
}

rm -f "$logs"/*.log "$logs"/*.json
what=${1:?say which tests: all, unit or e2e}
shift
case $what in
  all) all ;;
  unit) unit "$@" ;;
  e2e) e2e "$@" ;;
  *) echo "there are no tests called $what; there are: all, unit, e2e" >&2; exit 2 ;;
esac
closing_lines unit tools monitoring hack main e2e "${!parts[@]}"
slowest_tests
if [ -f "$logs/beside.log" ]; then
  echo "--- ${logs#"$PWD/"}/beside.log"
  grep -E '^ok|^==>|FAIL|^---|^fuzz' "$logs/beside.log" || true
fi
finish "test $what"
