#!/bin/sh
# Checks the Elixir packages, elixir/ and broadway/: format, warnings, tests with servers of their
# own. Nothing is asked of hex.pm: the producer is compiled against stubs of Broadway, whose tests
# with a real pipeline run where it can be had, by `mix test' in broadway/.
set -eu

command -v mix >/dev/null || { echo "== no mix here: the Elixir packages are not tested"; exit 0; }
root=$(cd "$(dirname "$0")/.." && pwd)

# One build for both, with the crates as they are built for Erlang, and the rebar3 of the system.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"
export MIX_BUILD_ROOT="$root/_build/mix" MIX_HOME="$root/_build/mix/home" MIX_ENV=test
export MIX_REBAR3="$(command -v rebar3)" ESLAVER_STUBS=1
unset REBAR_BASE_DIR

for package in elixir broadway; do
    echo "== mix test in $package"
    cd "$root/$package"
    mix format --check-formatted
    mix compile --warnings-as-errors
    mix test
done
