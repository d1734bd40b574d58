#!/usr/bin/env bash
# Runs all tests a number of times while twice as many busy processes as there are processors compete with them, and tells after
# each round which tests failed. The logs stay in target/loaded. Called by `make test-loaded`.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=$1
shift

logs=${CARGO_TARGET_DIR:-target}/loaded
rm -rf "$logs"
mkdir -p "$logs"
stress-ng --quiet --cpu $((2 * $(nproc))) &
load=$!
trap 'kill "$load"' EXIT

failed=0
for ((round = 1; round <= rounds; round++)); do
    log=$logs/round-$round.log
    started=$SECONDS
    cargo test --locked --workspace --no-fail-fast "$@" >"$log" 2>&1 || failed=$((failed + 1))
    passed=$(awk '/^test result:/ { sum += $4 } END { print sum + 0 }' "$log")
    echo "Round $round of $rounds: $passed tests passed in $((SECONDS - started)) s; log in $log"
    grep -E '^test .* FAILED$|^error' "$log" || true
done
echo "$failed of $rounds rounds had failures"
[ "$failed" -eq 0 ]
