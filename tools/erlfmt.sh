#!/bin/sh
# Formats the Erlang sources: tools/erlfmt.sh [--check]
# erlfmt comes from hex.pm. A check without it looks at no more than it can see, and says so.
set -eu

if rebar3 as fmt help fmt >/dev/null 2>&1; then
    exec rebar3 as fmt fmt "${1:---write}"
fi
[ "${1:-}" = --check ] || { echo "erlfmt cannot be had from hex.pm here" >&2; exit 1; }

echo "erlfmt cannot be had here: only tabs, trailing blanks and width are checked"
awk '
    /\t/ { bad("a tab") }
    /[ \t]$/ { bad("a trailing blank") }
    length($0) > 100 { bad("more than 100 columns") }
    function bad(what) { print FILENAME ":" FNR ": " what; failed = 1 }
    END { exit failed }
' rebar.config $(git ls-files --cached --others --exclude-standard '*.erl' '*.escript' '*.app.src')
