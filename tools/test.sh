#!/usr/bin/env bash
# test.sh ARGUMENTS: runs `go test` in this folder. The last line says how many tests were skipped. With NO_SKIPS=1, as in
# `make verify`, a skipped test is a failure.
set -uo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT

"${GO:-go}" test -v "$@" 2>&1 | tee "$log" | grep --line-buffered -E '^(ok|FAIL|panic:|\?)[[:space:]]'
status=${PIPESTATUS[0]}
if [ "$status" != 0 ]; then
  grep -vE '^ *(===|--- (PASS|SKIP))|^(ok|\?)[[:space:]]' "$log"
  exit "$status"
fi
skipped=$(grep -cE '^ *--- SKIP' "$log")
[ "$skipped" = 0 ] && exit
reasons=$(grep -oE '^ +[a-z_]+_test\.go:[0-9]+: .*(not installed|gives no).*' "$log" | sed 's/.*_test.go:[0-9]*: //' | sort -u | paste -sd';')
echo "skipped: $skipped tests in ${PWD##*/}${reasons:+ ($reasons)}; make verify runs them"
[ "${NO_SKIPS:-}" != 1 ]
