#!/bin/sh
# fuzz.sh SECONDS [TARGET...]: each target, or those named, for so many seconds: with cargo-fuzz where
# it and a nightly Rust are there, else with the crate's own mutations. A seed, SEED, makes the
# latter the same each time. It starts from fuzz/corpus, and from the files in ESLAVER_CORPUS.
set -eu
cd "$(dirname "$0")/../fuzz"

seconds=$1
shift
targets=${*:-$(ls fuzz_targets | sed 's/\.rs$//')}

if cargo +nightly fuzz --version >/dev/null 2>&1; then
    for target in $targets; do
        # What is found new stays out of the repository: artifacts/ is ignored.
        mkdir -p "artifacts/corpus/$target" "corpus/$target"
        cargo run -q --locked --release --bin "$target" -- --seeds "artifacts/corpus/$target"
        case $target in
            resp | handshake | transfer | glob | filter) dictionary=text ;;
            *) dictionary=rdb ;;
        esac
        cargo +nightly fuzz run "$target" "artifacts/corpus/$target" "corpus/$target" -- \
            -max_total_time="$seconds" -max_len=12288 -dict="dict/$dictionary.dict" \
            -use_value_profile=1 -print_final_stats=1
    done
else
    echo "No cargo-fuzz or no nightly Rust here: mutations without feedback." >&2
    for target in $targets; do
        cargo run -q --locked --release --bin "$target" -- \
            --seconds "$seconds" --seed "${SEED:-$(date +%s)}"
    done
fi
