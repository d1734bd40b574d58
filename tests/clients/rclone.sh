#!/usr/bin/env bash
# rclone: copy, check, move and purge, with its ETag comparison on.
set -euo pipefail
trap 'echo "$0: line $LINENO failed" >&2' ERR
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
export RCLONE_CONFIG="$work/rclone.conf"
printf '[lake]\ntype = s3\nprovider = Other\nenv_auth = true\nendpoint = %s\nregion = us-east-1\nforce_path_style = true\n' "$LAKEBED_TEST_ENDPOINT" >"$RCLONE_CONFIG"
rclone="$LAKEBED_TEST_CLIENTS/data/bin/rclone --retries 1 --low-level-retries 1 ${AWS_CA_BUNDLE:+--ca-cert $AWS_CA_BUNDLE}"
root="lake:$LAKEBED_TEST_REPOSITORY/main"

mkdir -p up/deep
for name in 'a b' 'c+d' '100%' 'Grüße'; do echo "$name" >"up/deep/$name.txt"; done
: >up/empty
head -c 75000000 /dev/urandom >up/big.bin
touch -d 2020-02-02T02:02:02 up/big.bin
$rclone copy up "$root/up" --s3-upload-cutoff 10M --s3-chunk-size 8M
$rclone check up "$root/up"
$rclone check up "$root/up" --download
$rclone copyto up/big.bin "$root/other/big copy.bin"
$rclone lsl "$root/up/big.bin" | grep '2020-02-02' >/dev/null # the modification time is metadata that must come back
[ -z "$($rclone copy up "$root/up" --dry-run 2>&1 | grep -i 'skipped copy')" ]
$rclone moveto "$root/other/big copy.bin" "$root/other/moved.bin"
$rclone cat "$root/other/moved.bin" | cmp - up/big.bin
[ "$($rclone lsf -R --files-only "$root" | wc -l)" -eq 7 ]
$rclone copy "$root/up" down
diff -r up down
$rclone delete "$root/up"
[ "$($rclone lsf -R --files-only "$root" | wc -l)" -eq 1 ]
echo ok
