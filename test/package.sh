#!/bin/sh
# Compiles eslaver from what its package holds, and from nothing else: once with Rust, and once
# without it, with the library of the first time as the prebuilt one. A mirror must run each time.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd -P)
dir=$(cd "$(mktemp -d)" && pwd -P)
trap 'rm -rf "$dir"' EXIT
# A user's own directory, but the crates of others are built already.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"
unset REBAR_BASE_DIR ESLAVER_PREBUILT ESLAVER_PREBUILT_URL ESLAVER_PREBUILT_TARGET

fail() {
    echo "$1" >&2
    exit 1
}

mirror() { # FOLDER
    erl -noshell -pa "$1/_build/default/lib/eslaver/ebin" -eval '
        {ok, _} = eslaver_mirror:start_link(#{name => users, master_port => 1}),
        #{status := loading} = eslaver_mirror:info(users),
        ok = eslaver_mirror:stop(users),
        io:put_chars("it works\n"),
        halt().'
}

echo "== the files of the package"
"$root/tools/package.escript" "$dir/built"
# It was, if it came from here as a checkout.
rm -f "$dir/built/native/prebuilt.sha256"
! find "$dir/built" -name '*_SUITE.erl' -o -name tests -o -name '*.so' | grep . ||
    fail "the package has files that no user needs"
size=$(du -sk "$dir/built" | cut -f1)
[ "$size" -lt 6000 ] || fail "the package has $size kB"
echo "$(find "$dir/built" -type f | wc -l) files, $size kB"
cp -R "$dir/built" "$dir/fetched"

version=$(sed -n 's/.*{vsn, "\(.*\)"}.*/\1/p' "$root/src/eslaver.app.src")
grep -q "^version = \"$version\"" "$root/Cargo.toml" ||
    fail "the crates have another version than src/eslaver.app.src"

echo "== with Rust"
(cd "$dir/built" && rebar3 compile)
mirror "$dir/built"
library=$dir/built/priv/eslaver_nif.so
! readelf -S "$library" 2>/dev/null | grep -q debug_line ||
    fail "the native library is not stripped"
for path in "$HOME/" "$dir" "$root" "${CARGO_HOME:-$HOME/.cargo}" "$(rustc --print sysroot)"; do
    # Nothing is below /: not even the home of root in a container.
    [ "$path" = / ] || ! LC_ALL=C grep -aqF "$path" "$library" ||
        fail "the native library knows $path: $(strings "$library" | grep -F "$path" | head -n 3)"
done

echo "== without Rust"
mkdir "$dir/bin" "$dir/release"
IFS=:
for folder in $PATH; do
    for program in "$folder"/*; do
        case ${program##*/} in
            cargo* | rust*) ;;
            *) [ ! -x "$program" ] || ln -s "$program" "$dir/bin" 2>/dev/null || true ;;
        esac
    done
done
unset IFS
system=$(erl -noshell -eval 'io:put_chars(erlang:system_info(system_architecture)), halt().')
target=${system%%-*}
case $system in
    *darwin*) target=$target-macos ;;
    *linux-musl*) target=$target-linux-musl ;;
    *) target=$target-linux-gnu ;;
esac
cp "$library" "$dir/release/eslaver_nif-$version-$target.so"
"$root/tools/checksums.sh" "file://$dir/release" "$dir/release" \
    >"$dir/fetched/native/prebuilt.sha256"
(cd "$dir/fetched" && PATH=$dir/bin && rebar3 compile)
cmp "$library" "$dir/fetched/priv/eslaver_nif.so"
mirror "$dir/fetched"
