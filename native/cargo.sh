#!/bin/sh
# Builds the native library and prints where it is: native/cargo.sh build|zigbuild [OPTION...]
set -eu

cd "$(dirname "$0")/.."

# Panics name places in the source. What this machine calls the folders of other crates stays out of
# the library; our own are named from here.
remapped() { # SEPARATOR
    for folder in "${CARGO_HOME:-$HOME/.cargo}" "$(rustc --print sysroot)"; do
        printf "$1" "--remap-path-prefix=$folder="
    done
}

# With musl, Alpine's C library, Rust links statically unless told otherwise, but a NIF is a shared
# library. The flags are here, not in `.cargo/config.toml`: that does not add to RUSTFLAGS.
shared=-Ctarget-feature=-crt-static
if [ -n "${CARGO_ENCODED_RUSTFLAGS:-${RUSTFLAGS:-}}" ]; then
    given=${CARGO_ENCODED_RUSTFLAGS:-$(printf '%s' "$RUSTFLAGS" | tr -s ' ' '\037')}
    export CARGO_ENCODED_RUSTFLAGS="$given$(remapped '\037%s')$(printf '\037%s' $shared)"
else
    flags=$(remapped "'%s',")
    set -- "$@" --config "build.rustflags=[$flags]" \
        --config "target.'cfg(target_env=\"musl\")'.rustflags=[$flags'$shared']"
fi

# Cargo itself tells where the library is: that depends on its target directory, on the
# target, and on the platform's file name.
report=$(cargo "$@" --release --locked -p eslaver_nif --message-format=json-render-diagnostics)
library=$(echo "$report" | sed -n 's/.*"filenames":\["\([^"]*eslaver_nif\.[a-z]*\)".*/\1/p')
[ -f "$library" ] || { echo "eslaver: cargo built no library (got '$library')." >&2; exit 1; }
echo "$library"
