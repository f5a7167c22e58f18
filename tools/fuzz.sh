#!/usr/bin/env bash
# fuzz.sh [INPUTS] runs every fuzz target of the product on INPUTS (200000x) inputs, one target after the other. A failing input is
# written to its package's testdata/fuzz/ and fails the run. A number of inputs and not a time: when a time is up, Go before 1.27
# can fail with "context deadline exceeded" and no failing input (https://go.dev/issue/75804).
set -euo pipefail
cd "$(dirname "$0")/.."
inputs=${1:-200000x}
go=${GO:-go}
ran=0
mapfile -t packages < <("$go" list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' ./...)
for package in "${packages[@]}"; do
  for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$package"/*_test.go | sed 's/^func //' | sort -u); do
    echo "fuzz ${package#"$PWD"/} $target $inputs"
    "$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$inputs" -fuzzminimizetime 1000x "$package"
    ran=$((ran + 1))
  done
done
[ "$ran" -gt 0 ] || { echo "fuzz.sh: found no fuzz target" >&2; exit 1; }
echo "$ran fuzz targets ran on $inputs inputs each"
