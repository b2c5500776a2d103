#!/bin/sh
# Counts the instructions that the core crate takes for small inputs, and compares them with what
# bench/instructions.txt says, for no timing is a test: tools/instructions.sh [--write]
# They depend on the compiler and on the processor's family, so others are only told.
set -eu

cd "$(dirname "$0")/.."
known=bench/instructions.txt
margin=15 # per cent

if ! command -v valgrind >/dev/null; then
    echo "instructions are not counted: valgrind is missing"
    exit 0
fi
# With the native library, so that crates are built with the features that they have there, once.
native/cargo.sh build -q --release --locked -p eslaver_nif -p eslaver_bench --bin eslaver_bench
tool=${CARGO_TARGET_DIR:-target}/release/eslaver_bench
machine="$(rustc --version | cut -d' ' -f2) $(uname -m)"

count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*::counted_*' \
        "$tool" decode "$1" 2>&1 |
        awk '/Collected/ { print $NF }'
}

[ "${1:-}" != --write ] || echo "# rustc, processor, input, instructions: tools/instructions.sh --write" >$known
status=0
for input in strings types stream; do
    counted=$(count $input)
    [ -n "$counted" ] || { echo "valgrind has counted nothing for $input" >&2; exit 1; }
    if [ "${1:-}" = --write ]; then
        echo "$machine $input $counted" | tee -a $known
        continue
    fi
    before=$(awk -v key="$machine $input" 'index($0, key " ") == 1 { print $NF }' $known)
    if [ -z "$before" ]; then
        echo "$input: $counted instructions (none to compare with for $machine)"
    elif [ $((counted * 100)) -gt $((before * (100 + margin))) ]; then
        echo "$input: $counted instructions, which is more than $margin % above $before" >&2
        status=1
    else
        echo "$input: $counted instructions, $before in $known"
    fi
done
exit $status
