#!/bin/sh
# Builds the NIF and installs it as priv/eslaver_nif.so; rebar3 runs it before each compile.
# Cargo decides what is stale: with nothing to do this takes a tenth of a second.
set -eu

die() {
    echo "eslaver: $1" >&2
    exit 1
}

# As a dependency, our own directory is not the one of the project that is being built.
cd "$(dirname "$0")/.."

command -v cargo >/dev/null || die "Rust is missing: install it with rustup (https://rustup.rs)."
command -v cc >/dev/null || die "a C compiler is missing, which Rust needs to link: \
install one, with 'apt install gcc libc6-dev' or 'xcode-select --install' for example."
version=$(rustc --version) || die "rustc does not run: install Rust with rustup (https://rustup.rs)."
echo "$version" | awk '{ split($2, v, "."); exit !(v[1] > 1 || v[2] >= 91) }' ||
    die "Rust 1.91 or later is needed, this is '$version': run 'rustup update stable'."

# Cargo itself tells where the library is: that depends on its target directory, on the
# target, and on the platform's file name. Erlang wants .so everywhere but on Windows.
report=$(cargo build --release --locked -p eslaver_nif --message-format=json-render-diagnostics) ||
    die "the NIF could not be built, see above."
library=$(echo "$report" | sed -n 's/.*"filenames":\["\([^"]*eslaver_nif\.[a-z]*\)".*/\1/p')
[ -f "$library" ] || die "cargo built no library (got '$library')."

# Never written in place: an Erlang node may have the old file mapped.
mkdir -p priv
cmp -s "$library" priv/eslaver_nif.so && exit 0
trap 'rm -f "priv/eslaver_nif.so.$$"' EXIT
cp "$library" "priv/eslaver_nif.so.$$"
mv -f "priv/eslaver_nif.so.$$" priv/eslaver_nif.so
