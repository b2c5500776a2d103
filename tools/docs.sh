#!/bin/sh
# The documentation of the compiled library: chunks, which h(eslaver_mirror) in a shell shows, and with
# the argument `html` the pages in doc/, by an ex_doc in the path or the rebar3 plugin of hex.pm.
set -eu
cd "$(dirname "$0")/.."
lib=${REBAR_BASE_DIR:-_build}/default/lib/eslaver

erl -noshell -pa "$lib/ebin" -eval '
    [Lib] = init:get_plain_arguments(),
    ok = edoc:application(eslaver, Lib, [
        {preprocess, true}, {doclet, edoc_doclet_chunks}, {layout, edoc_layout_chunks}
    ]),
    halt().' -extra "$lib"

[ "${1:-}" = html ] || exit 0
if command -v ex_doc >/dev/null; then
    version=$(sed -n 's/.*{vsn, "\(.*\)"}.*/\1/p' src/eslaver.app.src)
    ex_doc eslaver "$version" "$lib/ebin" --config docs.exs --output doc --warnings-as-errors
else
    rebar3 as ex_doc ex_doc
fi
