#!/usr/bin/env bash
# Installs the real clients and emulators that the tests drive, each from its registry, into a cache folder.
# Prints the folder. Runs again only when a version below changes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${LAKEBED_TEST_CLIENTS:-$HOME/.cache/lakebed/clients}
want=$(cat "$here"/*.txt "$here"/js/package-lock.json "$here"/go/go.* "$here/install.sh" | sha256sum | cut -c1-16)

if [ "$(cat "$cache/installed" 2>/dev/null)" != "$want" ]; then
    echo "Installing the clients that the tests drive into $cache (about 2.8 GB, some ten minutes)" >&2
    rm -rf "$cache"
    mkdir -p "$cache/js"
    # Several environments, since the AWS CLI and s3fs pin different versions of botocore, and Airflow pins everything.
    install_python() {
        echo "  Python: $1" >&2
        python3 -m venv "$cache/$1"
        "$cache/$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/$1.txt" >&2
    }
    install_javascript() {
        echo "  JavaScript" >&2
        cp "$here/js/package.json" "$here/js/package-lock.json" "$cache/js/"
        npm ci --prefix "$cache/js" --no-audit --no-fund --silent >&2
    }
    # Built from its module with the compiler that was just installed; sources and objects (3 GB) go again.
    install_lakectl() {
        install_python go
        echo "  Go: lakectl (some minutes)" >&2
        built=$cache/go/build
        cd "$here/go"
        export GOPATH="$built/path" GOCACHE="$built/cache" GOFLAGS="-modcacherw -mod=readonly" GOTOOLCHAIN=local CGO_ENABLED=0
        "$cache/go/bin/go" build -trimpath -ldflags="-s -w" -o "$cache/go/bin/lakectl" github.com/treeverse/lakefs/cmd/lakectl >&2
        rm -rf "$built"
    }
    # Side by side: most of the time goes into waiting for registries.
    (install_lakectl) & installs=("$!")
    (install_javascript) & installs+=("$!")
    for environment in aws data moto rest airflow; do
        (install_python "$environment") & installs+=("$!")
    done
    failed=0
    for install in "${installs[@]}"; do wait "$install" || failed=1; done
    [ "$failed" -eq 0 ]
    echo "$want" >"$cache/installed"
fi
echo "$cache"
