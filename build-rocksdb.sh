#!/usr/bin/env bash
# Compiles RocksDB once for all of cargo's profiles, from the sources in the librocksdb-sys crate, and prints the folder with
# `librocksdb.a`, for ROCKSDB_LIB_DIR. The crate's own build would compile it anew for each profile, file by file; here twenty
# files are one translation unit (as RocksDB's Makefile has it for `unity.cc`), so that their headers are read once.
set -euo pipefail
cd "$(dirname "$0")"

# Cargo says by itself why it fails, as where Cargo.lock is out of date; a folder is printed only where there is one.
metadata=$(cargo metadata --quiet --locked --format-version 1) ||
    { echo "$0: cargo doesn't tell where the sources of RocksDB are" >&2 && exit 1; }
sources_of() { # sources_of CRATE: the folder of a crate that Cargo.lock names
    grep -o "\"manifest_path\":\"[^\"]*/$1-[0-9][^\"/]*/Cargo.toml\"" <<<"$metadata" | cut -d'"' -f4 | xargs -r dirname ||
        { echo "$0: Cargo.lock names no crate $1" >&2 && exit 1; }
}
crate=$(sources_of librocksdb-sys)
zstd=$(sources_of zstd-sys)
lz4=$(sources_of lz4-sys)

# What the crate's build script sets on Linux, at -O2 in the place of -O3 (release) and -O1 (dev).
flags=(-std=c++20 -O2 -fPIC -pthread -ffunction-sections -fdata-sections -w -include cstdint
    -DNDEBUG=1 -DSNAPPY=1 -DLZ4=1 -DZSTD=1 -DHAVE_ALIGNED_NEW -DHAVE_UINT128_EXTENSION -DOS_LINUX -DROCKSDB_PLATFORM_POSIX
    -DROCKSDB_LIB_IO_POSIX -DROCKSDB_SCHED_GETCPU_PRESENT -DROCKSDB_AUXV_GETAUXVAL_PRESENT -DROCKSDB_FALLOCATE_PRESENT
    -DROCKSDB_RANGESYNC_PRESENT)
[ "$(uname -m)" != x86_64 ] || flags+=(-march=x86-64-v2) # as .cargo/config.toml has it for Rust
includes=(-I"$crate/rocksdb/include" -I"$crate/rocksdb" -I"$crate" -I"$crate/snappy" -I"$zstd/zstd/lib" -I"$lz4/liblz4/lib")

id=$(printf '%s\n' "$(basename "$crate")" "$(basename "$zstd")" "$(c++ --version)" "${flags[@]}" | sha256sum | cut -c1-16)
folder=$HOME/.cache/lakebed/rocksdb/$id
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9 # another checkout may be at it

if [ ! -e "$folder/librocksdb.a" ]; then
    grep -v 'util/build_version.cc' "$crate/rocksdb_lib_sources.txt" | awk -v root="$crate/rocksdb/" -v folder="$folder" \
        'NF { printf "#include \"%s%s\"\n", root, $1 > sprintf("%s/unit-%02d.cc", folder, (NR - 1) / 20) }'
    cp "$crate/build_version.cc" "$folder/unit-version.cc"
    compile_unit() { # an object that is there is whole, so an interrupted build goes on where it was
        [ -e "$1.o" ] || { c++ "${@:2}" -c "$1" -o "$1.part" && mv "$1.part" "$1.o"; }
        echo "  $(basename "$1" .cc)" >&2
    }
    export -f compile_unit
    units=("$folder"/unit-*.cc)
    echo "Compiling RocksDB, once for all profiles, in ${#units[@]} units (some four minutes on two cores)" >&2
    printf '%s\0' "${units[@]}" | xargs -0 -P "$(nproc)" -I{} bash -c 'compile_unit "$@"' compile {} "${flags[@]}" "${includes[@]}"
    ar crs "$folder/librocksdb.part" "$folder"/unit-*.o
    mv "$folder/librocksdb.part" "$folder/librocksdb.a"
    rm "$folder"/unit-*
fi
echo "$folder"
