#!/bin/sh
# Builds the native library for others: tools/prebuilt.sh FOLDER [TARGET...]
# For Linux this needs cargo-zigbuild with zig, and the targets of rustup; for macOS a Mac.
set -eu

cd "$(dirname "$0")/.."
folder=$1
shift
[ $# -gt 0 ] || set -- x86_64-linux-gnu aarch64-linux-gnu x86_64-linux-musl aarch64-linux-musl
mkdir -p "$folder"
version=$(sed -n 's/.*{vsn, "\(.*\)"}.*/\1/p' src/eslaver.app.src)

for target; do
    cpu=${target%%-*}
    case $target in
        # The oldest C library that Rust supports.
        *-linux-gnu) library=$(native/library.sh zigbuild --target "$cpu-unknown-linux-gnu.2.17") ;;
        *-linux-musl) library=$(native/library.sh zigbuild --target "$cpu-unknown-linux-musl") ;;
        # The oldest macOS that Rust supports on both.
        *-macos) library=$(MACOSX_DEPLOYMENT_TARGET=11.0 \
            native/library.sh build --target "$cpu-apple-darwin") ;;
        *) echo "unknown target $target" >&2; exit 1 ;;
    esac
    cp "$library" "$folder/eslaver_nif-$version-$target.so"
    ls -l "$folder/eslaver_nif-$version-$target.so"
done
