#!/usr/bin/env bash
# Judges what we are built from with cargo-machete and cargo-deny, which it installs once, in these versions: that each dependency is
# used, licences, bans and sources always, advisories if their database can be had. A machine without a way to it passes, and says
# loudly what wasn't checked; LAKEBED_TEST_REQUIRE_ADVISORIES=1 makes that a failure.
set -euo pipefail
cd "$(dirname "$0")"

tool() { # tool NAME VERSION: the path of a cargo command, which is installed if it isn't there
    local root=${XDG_CACHE_HOME:-$HOME/.cache}/lakebed/tools/$1-$2
    if [ ! -x "$root/bin/$1" ]; then
        echo "Installing $1 $2 to $root (some minutes, once)" >&2
        # In a target folder of its own, which is gone afterwards: in ours, it would stay for good. Without optimization, which
        # would take longer to compile than it saves.
        env -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET_DIR \
            cargo install --locked --quiet --debug --version "$2" --root "$root" "$1"
    fi
    echo "$root/bin/$1"
}
machete=$(tool cargo-machete 0.9.1)
deny=$(tool cargo-deny 0.20.2)

"$machete" --with-metadata

"$deny" --locked --all-features check bans licenses sources

# The database is a git repository. One that was fetched before still tells something, and cargo-deny says if it is too old.
databases=${CARGO_HOME:-$HOME/.cargo}/advisory-dbs
if fetched=$(timeout 120 "$deny" fetch db 2>&1); then
    "$deny" --locked --all-features check advisories
    exit
elif compgen -G "$databases/*/" >/dev/null; then
    echo "Advisories are judged by the database that was fetched before: it can't be fetched now" >&2
    "$deny" --locked --offline --all-features check advisories
    exit
fi
cat >&2 <<END

################################################################################
  ADVISORIES WERE NOT CHECKED: their database can't be fetched from here.
  Licences, bans and sources were. What was known to be vulnerable when this was
  written is held by the test what_was_vulnerable_is_not_built_from.
  cargo-deny says: $(tail -n 1 <<<"$fetched")
################################################################################

END
[ "${LAKEBED_TEST_REQUIRE_ADVISORIES:-}" != 1 ]
