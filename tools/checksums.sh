#!/bin/sh
# Prints native/prebuilt.sha256, which belongs in a release's package: tools/checksums.sh URL FOLDER
# FOLDER has the libraries that tools/prebuilt.sh has built, URL is where users fetch them from.
set -eu

echo "# $1"
cd "$2"
if command -v sha256sum >/dev/null; then
    sha256sum eslaver_nif-*.so
else
    shasum -a 256 eslaver_nif-*.so
fi
