#!/usr/bin/env bash
# Installs the Debian packages that the build needs and this machine lacks, and says which. With `test`, those of the tests too;
# with `test-loaded`, also what keeps the processors busy.
set -euo pipefail

missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); } # need COMMAND PACKAGE

need cc gcc
need c++ g++
# RocksDB's bindings are generated with libclang (libclang-cpp is another library).
compgen -G '/usr/lib/llvm-*/lib/libclang.so*' >/dev/null || missing+=(libclang-dev)
[ "${1:-}" != test-loaded ] || need stress-ng stress-ng
if [[ "${1:-}" = test* ]]; then
    need git git # which merges the same histories as we do
    need python3 python3
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
    need node nodejs
    need npm npm
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "The build needs what Debian calls ${missing[*]}: install them and run this again." >&2
    exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
echo "Installing system packages: ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
