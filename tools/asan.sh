#!/bin/sh
# Runs test suites with the NIF under AddressSanitizer, in a real node: accesses out of bounds, after
# a free, or twice freed end the node with a report. Leaks are not looked for, as the VM itself never
# frees all. SUITES chooses others: of those that start no nodes of their own and print nothing by
# ct:pal, which rebar3 replaces. It needs a nightly Rust and gcc's libasan, on Linux.
set -eu
cd "$(dirname "$0")/.."

suites=${SUITES:-load stream rdb leniency ack}
target=$(rustc +nightly -vV | sed -n 's/^host: //p')
runtime=$(cc -print-file-name=libasan.so)
[ -f "$runtime" ] || { echo "eslaver: gcc has no libasan.so here" >&2; exit 1; }

report=$(RUSTFLAGS=-Zsanitizer=address cargo +nightly build --locked -p eslaver_nif \
    --target "$target" --message-format=json-render-diagnostics)
library=$(echo "$report" | sed -n 's/.*"filenames":\["\([^"]*libeslaver_nif\.so\)".*/\1/p')
rebar3 ct --compile_only

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
built=${REBAR_BASE_DIR:-_build}/test/lib/eslaver
mkdir -p "$work/logs" "$work/eslaver/priv"
cp -RL "$built/ebin" "$built/test" "$work/eslaver"
cp "$library" "$work/eslaver/priv/eslaver_nif.so"

# Real servers bring allocators of their own: only the node is preloaded, not what it starts.
cat >"$work/run.erl" <<END
-module(run).
-export([suite/1]).
suite([Suite]) ->
    true = os:unsetenv("LD_PRELOAD"),
    {module, _} = code:ensure_loaded(eslaver_nif),
    {ok, Maps} = file:read_file("/proc/self/maps"),
    [{match, _} = re:run(Maps, Library) || Library <- ["libasan", "$work/eslaver/priv"]],
    Result = ct:run_test([
        {dir, "$work/eslaver/test"}, {suite, Suite}, {logdir, "$work/logs"}, {auto_compile, false},
        {enable_builtin_hooks, false}
    ]),
    io:format("~p: ~p~n", [Suite, Result]),
    halt(case Result of {Passed, 0, {_, 0}} when Passed > 0 -> 0; _ -> 1 end).
END
erlc -o "$work" "$work/run.erl"
# The VM has its own handlers of signals, and thread stacks of its own.
export ASAN_OPTIONS="detect_leaks=0:handle_segv=0:use_sigaltstack=0:detect_stack_use_after_return=0"
for suite in $suites; do
    LD_PRELOAD=$runtime erl -noinput -pa "$work" "$work/eslaver/ebin" "$work/eslaver/test" \
        -run run suite "eslaver_${suite}_SUITE" >"$work/$suite.log" 2>&1 ||
        { cat "$work/$suite.log"; exit 1; }
    tail -n 1 "$work/$suite.log"
done
