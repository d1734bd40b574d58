#!/usr/bin/env bash
# s5cmd: many objects at once, wildcards, a large one in parts.
set -euo pipefail
trap 'echo "$0: line $LINENO failed" >&2' ERR
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
export S3_ENDPOINT_URL="$LAKEBED_TEST_ENDPOINT"
s5cmd="$LAKEBED_TEST_CLIENTS/data/bin/s5cmd --retry-count 0"
root="s3://$LAKEBED_TEST_REPOSITORY/main"

mkdir -p up/deep
for i in $(seq 200); do echo "$i" >"up/deep/$i.txt"; done
for name in 'a b' 'c+d' '100%' 'Grüße'; do echo "$name" >"up/$name.txt"; done
: >up/empty
head -c 75000000 /dev/urandom >up/big.bin
$s5cmd cp --part-size 8 up/ "$root/up/" >/dev/null
[ "$($s5cmd ls "$root/up/*" | wc -l)" -eq 206 ]
$s5cmd cp "$root/up/*" down/ >/dev/null
diff -r up down
$s5cmd mv "$root/up/big.bin" "$root/big moved.bin" >/dev/null
$s5cmd cat "$root/big moved.bin" | cmp - up/big.bin
[ "$($s5cmd du "$root/up/deep/*" | cut -d' ' -f4)" = 200 ]
$s5cmd rm "$root/up/*" >/dev/null
[ "$($s5cmd ls "$root/*" | wc -l)" -eq 1 ]
echo ok
