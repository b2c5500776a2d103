#!/bin/sh
# Installs the native library as priv/eslaver_nif.so; rebar3 runs this before each compile.
# Rust builds it; with nothing to do that takes a tenth of a second. A release also knows the
# checksums of libraries that are built already: ESLAVER_PREBUILT=1 asks for one, and one is taken
# where Rust is missing, unless ESLAVER_PREBUILT=0.
set -eu

die() {
    echo "eslaver: $1" >&2
    exit 1
}

# As a dependency, our own directory is not the one of the project that is being built.
cd "$(dirname "$0")/.."

prebuilt() {
    command -v escript >/dev/null || die "escript is missing: it comes with Erlang."
    exec escript native/prebuilt.escript
}

# Tells what is missing to build it; silent when all is there.
missing() {
    command -v cargo >/dev/null ||
        { echo "Rust is missing: install it with rustup (https://rustup.rs)."; return; }
    command -v cc >/dev/null ||
        { echo "a C compiler is missing, which Rust needs to link: \
install one, with 'apt install gcc libc6-dev' or 'xcode-select --install' for example."; return; }
    version=$(rustc --version) ||
        { echo "rustc does not run: install Rust with rustup (https://rustup.rs)."; return; }
    oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    echo "$oldest.$version" | tr . ' ' | awk '{ exit !($4 > $1 || $4 == $1 && $5 >= $2) }' ||
        echo "Rust $oldest or later is needed, this is '$version': run 'rustup update stable'."
}

case ${ESLAVER_PREBUILT:-} in
    1) prebuilt ;;
    0 | "") ;;
    *) die "ESLAVER_PREBUILT is '$ESLAVER_PREBUILT', but can only be 0 or 1." ;;
esac
missing=$(missing)
if [ -n "$missing" ]; then
    [ "${ESLAVER_PREBUILT:-}" != 0 ] && [ -f native/prebuilt.sha256 ] || die "$missing"
    echo "eslaver: $missing A library that is built already will do."
    prebuilt
fi

library=$(native/library.sh build) || die "the NIF could not be built, see above."

# Never written in place: an Erlang node may have the old file mapped.
mkdir -p priv
cmp -s "$library" priv/eslaver_nif.so && exit 0
trap 'rm -f "priv/eslaver_nif.so.$$"' EXIT
cp "$library" "priv/eslaver_nif.so.$$"
mv -f "priv/eslaver_nif.so.$$" priv/eslaver_nif.so
