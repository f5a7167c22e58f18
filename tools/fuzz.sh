#!/usr/bin/env bash
# fuzz.sh [TIME] runs every fuzz target of the product for TIME (30s), one after the other. A failing input is written to its
# package's testdata/fuzz/ and fails the run.
set -euo pipefail
cd "$(dirname "$0")/.."
fuzztime=${1:-30s}
go=${GO:-go}
ran=0
mapfile -t packages < <("$go" list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' ./...)
for package in "${packages[@]}"; do
  for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$package"/*_test.go | sed 's/^func //' | sort -u); do
    echo "fuzz ${package#"$PWD"/} $target $fuzztime"
    "$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" -fuzzminimizetime 5s "$package"
    ran=$((ran + 1))
  done
done
[ "$ran" -gt 0 ] || { echo "fuzz.sh: found no fuzz target" >&2; exit 1; }
echo "$ran fuzz targets ran for $fuzztime each"
