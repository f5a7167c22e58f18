#!/usr/bin/env bash
# Runs every fuzz target of the product for the time given (default 30s each), one after the other: Go fuzzes one target
# of one package at a time. A crasher is written to that package's testdata/fuzz/ and fails the run.
set -euo pipefail
cd "$(dirname "$0")/.."
fuzztime=${1:-30s}
go=${GO:-go}
ran=0
for package in $("$go" list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' ./...); do
  for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$package"/*_test.go | sed 's/^func //' | sort -u); do
    echo "fuzz ${package#"$PWD"/} $target $fuzztime"
    "$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" -fuzzminimizetime 5s "$package"
    ran=$((ran + 1))
  done
done
[ "$ran" -gt 0 ] || { echo "no fuzz target was found" >&2; exit 1; }
echo "$ran fuzz targets ran for $fuzztime each"
