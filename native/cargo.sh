#!/bin/sh
# Runs cargo with the flags of the native library: native/cargo.sh build|zigbuild [OPTION...]
# With the same flags, what several programs have in common is built once.
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

exec cargo "$@"
