#!/usr/bin/env bash
# lakeFS's own command line: its main commands, with what it warns of and what scripts look for in its messages.
set -euo pipefail
trap 'echo "$0: line $LINENO failed" >&2' ERR
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
export LAKECTL_CREDENTIALS_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY
export LAKECTL_SERVER_ENDPOINT_URL=$LAKEBED_TEST_ENDPOINT
lakectl=$LAKEBED_TEST_CLIENTS/go/bin/lakectl
repository=lakefs://$LAKEBED_TEST_REPOSITORY
main=$repository/main

# Runs a command that must succeed, and say nothing on standard error.
ok() { "$lakectl" "$@" 2>"$work/stderr" || { cat "$work/stderr" >&2; return 1; }; [ ! -s "$work/stderr" ] || { cat "$work/stderr" >&2; return 1; }; }
# Runs a command that must fail, and say so.
fails() { local words=$1; shift; if "$lakectl" "$@" >"$work/out" 2>&1; then return 1; fi; grep -F -- "$words" "$work/out" >/dev/null || { cat "$work/out" >&2; return 1; }; }
has() { grep -F -- "$1" >/dev/null; }

# Repositories.
ok repo create lakefs://by-lakectl local:///by-lakectl --sample-data | has 'sample data included'
fails 'not unique' repo create lakefs://by-lakectl local://another
ok repo list | has by-lakectl
ok fs ls -r lakefs://by-lakectl/main/data/ | has lakes.source.md
ok repo delete -y lakefs://by-lakectl >/dev/null
fails 'not found' repo delete -y lakefs://by-lakectl

# Folders of files, with what it notes of them.
mkdir -p up/deep
for name in 'a b' 'c+d' '100%' 'Grüße'; do echo "$name" >"up/deep/$name.txt"; done
: >up/empty
touch -d 2020-02-02T02:02:02Z up/deep/c+d.txt
ok branch create "$repository/dev" -s "$main" >/dev/null
fails 'already exists' branch create "$repository/dev" -s "$main"
ok fs upload -r -s up "$repository/dev/up/" | has 'Uploaded: 5'
ok fs stat "$repository/dev/up/deep/c+d.txt" | has '::lakefs::client-mtime'
ok fs download -r "$repository/dev/up/" "$work/down" >/dev/null
diff -r up down
# Its notes are read by the lakebed command: c+d.txt, whose other text has the old time, isn't even looked at.
cp -a up noted; echo d+c >noted/deep/c+d.txt; touch -r up/deep/c+d.txt noted/deep/c+d.txt
"$LAKEBED_TEST_BINARY" fs upload -r noted "$repository/dev/up/" --dry-run | has 'Would upload 0 files, 0 bytes; 5 unchanged'
"$LAKEBED_TEST_BINARY" fs upload -r noted "$repository/dev/up/" --dry-run --checksum | has 'Would upload 1 file, 4 bytes; 4 unchanged'
ok fs upload -s up/empty "$repository/dev/once" --content-type text/x-once | has 'text/x-once'
ok fs update-metadata "$repository/dev/once" --metadata Color=blue >/dev/null
ok fs stat "$repository/dev/once" | has Color
ok fs cat "$repository/dev/up/deep/a b.txt" | has 'a b'
fails 'not found' fs stat "$repository/dev/nothing"

# Commits, and the way back through them.
ok diff "$repository/dev" | has once
ok commit "$repository/dev" -m first --meta source=lakectl | has first
fails 'no changes' commit "$repository/dev" -m again
ok fs rm "$repository/dev/once" >/dev/null
ok commit "$repository/dev" -m second >/dev/null
ok log "$repository/dev" --amount 1 | has second
ok log "$repository/dev" --after 'dev~1' >after
has 'Repository created' <after; ! has first <after
ok show commit "$repository/dev^" | has first
ok show commit "$repository/dev^1" | has first
ok fs ls "$repository/dev^/" | has once
ok diff "$main" "$repository/dev" | has up/

# Merges, conflicts and tags.
ok merge "$repository/dev" "$main" >/dev/null
fails 'no changes' merge "$repository/dev" "$main"
for branch in main dev; do
    echo "$branch" | "$lakectl" fs upload -s - "$repository/$branch/both" >/dev/null
    ok commit "$repository/$branch" -m "both on $branch" >/dev/null
done
fails 'Conflict found' merge "$repository/dev" "$main"
ok merge "$repository/dev" "$main" --strategy source-wins >/dev/null
ok show commit "$main" | has '.lakefs.merge.strategy = source-wins'
ok tag create "$repository/v1.0" "$main^2" >/dev/null
fails 'already exists' tag create "$repository/v1.0" "$main"
ok tag show "$repository/v1.0" >/dev/null
ok tag delete -y "$repository/v1.0" >/dev/null
ok branch revert -y "$main" main -m 1 >/dev/null

# Protected branches.
ok branch-protect add "$repository" 'release-*' >/dev/null
ok branch-protect list "$repository" | has 'release-*'
ok branch create "$repository/release-1" -s "$main" >/dev/null
fails 'cannot write to protected branch' fs upload -s up/empty "$repository/release-1/x"
# Refused long before its end: it reads why, not that the pipe is broken.
head -c 50000000 /dev/zero >large
fails 'cannot write to protected branch' fs upload -s large "$repository/release-1/large"
rm large
fails 'cannot commit to protected branch' commit "$repository/release-1" -m x
ok branch-protect delete "$repository" 'release-*' >/dev/null

# Folders that are kept in step, with their files' rights.
export LAKECTL_EXPERIMENTAL_LOCAL_POSIX_PERMISSIONS_ENABLED=true
chmod 640 up/deep/c+d.txt
cp -a up local
ok branch create "$repository/local" -s "$main" >/dev/null
"$lakectl" local init "$repository/local/kept/" local >/dev/null 2>&1
"$lakectl" local commit local -m kept >/dev/null 2>&1
ok fs stat "$repository/local/kept/deep/c+d.txt" | has posix-permissions
"$lakectl" local clone "$repository/local/kept/" clone >/dev/null 2>&1
[ "$(stat -c %a clone/deep/c+d.txt)" = 640 ]
unset LAKECTL_EXPERIMENTAL_LOCAL_POSIX_PERMISSIONS_ENABLED

# It reads the notes of the lakebed command.
"$LAKEBED_TEST_BINARY" fs upload -r up "$repository/local/noted/" >/dev/null
ok commit "$repository/local" -m noted >/dev/null
"$lakectl" local clone "$repository/local/noted/" cloned >/dev/null 2>&1
[ "$(stat -c %Y cloned/deep/c+d.txt)" = "$(stat -c %Y up/deep/c+d.txt)" ]

# Imports.
mkdir import; for name in one two; do echo "$name" >"import/$name"; done
cp -r import "$LAKEBED_TEST_SOURCE/here"
source=file://$LAKEBED_TEST_SOURCE
for message in first again; do
    ok import --no-progress --from "$source/here/" --to "$main/imported/" -m "$message" | has 'Import of 2 object(s)'
done
fails 'not found' import --no-progress --from "$source/nowhere/" --to "$main/imported/"
# In the server's own store, as lakeFS writes it.
fails 'not found' import --no-progress --from local:///nowhere/data/ --to "$main/imported/"

# Actions are checked here, and refused by the server until it runs them.
cat >check.yaml <<'YAML'
name: check
on:
  pre-commit:
    branches: [main]
hooks:
  - id: check
    type: webhook
    properties:
      url: http://127.0.0.1/
YAML
ok actions validate check.yaml | has validated
ok fs upload -s check.yaml "$main/_lakefs_actions/check.yaml" >/dev/null
fails "hooks aren't run" commit "$main" -m hooks
ok fs rm "$main/_lakefs_actions/check.yaml" >/dev/null

# Load.
ok branch create "$repository/abused" -s "$main" >/dev/null
for what in commit create-branches link-same-object list random-write; do
    "$lakectl" abuse "$what" "$repository/abused" --amount 10 2>&1 | has 'errors: 0'
done
ok branch delete -y "$repository/abused" >/dev/null
echo ok
