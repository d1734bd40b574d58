#!/usr/bin/env bash
# The AWS CLI: files and folders up, listed, synced, moved and down again.
set -euo pipefail
trap 'echo "$0: line $LINENO failed" >&2' ERR
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
aws="$LAKEBED_TEST_CLIENTS/aws/bin/aws --endpoint-url $LAKEBED_TEST_ENDPOINT"
root="s3://$LAKEBED_TEST_REPOSITORY/main"

mkdir -p up/deep/er
for name in 'a b' 'c+d' '100%' 'Grüße' "it's"; do echo "$name" >"up/deep/$name.txt"; done
: >up/empty
head -c 75000000 /dev/urandom >up/big.bin
# Ten threads, with parts: what the server answered is told if this fails.
$aws s3 cp --debug --only-show-errors --recursive up "$root/up/" 2>debug ||
    { grep -E 'Response headers|Response body|100 Continue|Traceback|upload failed' debug | cut -c1-500 | tail -60 >&2; false; }
$aws s3 ls "$root/up/" | grep 'PRE deep/' >/dev/null
[ "$($aws s3 ls --recursive "$root/up/" | wc -l)" -eq 7 ]
$aws s3 cp --only-show-errors --recursive "$root/up/" down
diff -r up down -x er
$aws s3 mv --only-show-errors "$root/up/big.bin" "$root/moved/big.bin"
$aws s3 cp --only-show-errors "$root/moved/big.bin" - | cmp - up/big.bin
tags="--bucket $LAKEBED_TEST_REPOSITORY --key main/moved/big.bin"
$aws s3api put-object-tagging $tags --tagging 'TagSet=[{Key=team,Value=data lake}]'
[ "$($aws s3api get-object-tagging $tags --query 'TagSet[0].Value' --output text)" = 'data lake' ]
$aws s3 cp --only-show-errors "$root/moved/big.bin" "$root/copied/big.bin"
$aws s3 cp --only-show-errors "$root/copied/big.bin" - | cmp - up/big.bin
# What was uploaded in parts is known by its ETag.
"$LAKEBED_TEST_BINARY" fs upload up/big.bin "lakebed://${root#s3://}/moved/" | grep '1 unchanged' >/dev/null
echo new >up/deep/new.txt
# S3 tells whole seconds: what is uploaded in the second in which it was written looks older there, and would be sent again.
touch -d '10 seconds ago' up/deep/new.txt
$aws s3 sync --delete --exclude big.bin up "$root/up/" | grep 'new.txt' >/dev/null
[ -z "$($aws s3 sync --delete --exclude big.bin up "$root/up/")" ] # nothing is left to do
$aws s3 rm --only-show-errors --recursive "$root/up/deep/"
[ "$($aws s3api list-objects-v2 --bucket "$LAKEBED_TEST_REPOSITORY" --prefix main/up/ --query 'length(Contents)')" -eq 1 ]
url=$($aws s3 presign "$root/moved/big.bin" --expires-in 60)
curl --silent --show-error --fail ${AWS_CA_BUNDLE:+--cacert "$AWS_CA_BUNDLE"} "$url" | cmp - up/big.bin
$aws s3 mb s3://made-by-aws-cli >/dev/null
$aws s3 ls | grep made-by-aws-cli >/dev/null
$aws s3api put-object --bucket "$LAKEBED_TEST_REPOSITORY" --key main/once --body up/empty --if-none-match '*' >/dev/null
! $aws s3api put-object --bucket "$LAKEBED_TEST_REPOSITORY" --key main/once --body up/empty --if-none-match '*' 2>error
grep -q PreconditionFailed error
echo ok
