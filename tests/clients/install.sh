#!/usr/bin/env bash
# Installs the real clients and emulators that the tests drive, each from its registry, into a cache folder.
# Prints the folder. Runs again only when a version below changes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${LAKEBED_TEST_CLIENTS:-$HOME/.cache/lakebed/clients}
want=$(cat "$here"/*.txt "$here"/js/package-lock.json "$here/install.sh" | sha256sum | cut -c1-16)

if [ "$(cat "$cache/installed" 2>/dev/null)" != "$want" ]; then
    echo "Installing the clients that the tests drive into $cache (about 2.5 GB, a few minutes)" >&2
    rm -rf "$cache"
    mkdir -p "$cache/js"
    # Several environments, since the AWS CLI and s3fs pin different versions of botocore, and Airflow pins everything.
    for environment in aws data moto rest airflow; do
        echo "  Python: $environment" >&2
        python3 -m venv "$cache/$environment"
        "$cache/$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/$environment.txt" >&2
    done
    echo "  JavaScript" >&2
    cp "$here/js/package.json" "$here/js/package-lock.json" "$cache/js/"
    npm ci --prefix "$cache/js" --no-audit --no-fund --silent >&2
    echo "$want" >"$cache/installed"
fi
echo "$cache"
