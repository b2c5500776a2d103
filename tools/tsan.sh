#!/bin/sh
# Runs the tests of eslaver_store under ThreadSanitizer: two threads that touch the same memory
# without an order between them end the test with a report. The standard library is built anew with
# it, or its locks would not be seen. It needs a nightly Rust with rust-src.
set -eu
cd "$(dirname "$0")/.."

target=$(rustc +nightly -vV | sed -n 's/^host: //p')
export RUSTFLAGS=-Zsanitizer=thread
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/tsan"
# It is built sooner so, and reports name functions all the same.
export CARGO_PROFILE_TEST_OPT_LEVEL=1 CARGO_PROFILE_TEST_DEBUG=0
# Few cases: what is random there runs on one thread.
export PROPTEST_CASES=4
exec cargo +nightly test --locked -p eslaver_store -Zbuild-std --target "$target" \
    --lib --tests "$@"
