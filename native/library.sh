#!/bin/sh
# Builds the native library and prints where it is: native/library.sh build|zigbuild [OPTION...]
set -eu

cd "$(dirname "$0")/.."

# Cargo itself tells where the library is: that depends on its target directory, on the
# target, and on the platform's file name.
report=$(native/cargo.sh "$@" --release --locked -p eslaver_nif \
    --message-format=json-render-diagnostics)
library=$(echo "$report" | sed -n 's/.*"filenames":\["\([^"]*eslaver_nif\.[a-z]*\)".*/\1/p')
[ -f "$library" ] || { echo "eslaver: cargo built no library (got '$library')." >&2; exit 1; }
echo "$library"
