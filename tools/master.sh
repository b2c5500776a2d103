#!/bin/sh
# A throw-away Redis or Valkey on the loopback: tools/master.sh [PORT]
# Prints its port (a free one, if none is named) once it is ready, and runs until standard input
# ends: so it goes with whoever started it, also when that one crashes. Leaves nothing behind.
set -eu

server=$(command -v redis-server || command -v valkey-server) || {
    echo "neither redis-server nor valkey-server is in the PATH" >&2
    exit 1
}
dir=$(mktemp -d)
pid= reader=
clean_up() {
    [ -z "$reader" ] || kill "$reader" 2>/dev/null || true
    [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null || true
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

start() {
    # Without the delay, a replica would wait 5 s for others to share its snapshot with.
    "$server" --port "$1" --bind 127.0.0.1 --dir "$dir" --save '' --appendonly no \
        --repl-diskless-sync-delay 0 --logfile "$dir/log" </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        grep -qi 'ready to accept connections' "$dir/log" 2>/dev/null && return 0
        sleep 0.05
    done
    pid=
    return 1
}

if [ $# -gt 0 ]; then
    port=$1
    start "$port" || { cat "$dir/log" >&2; exit 1; }
else
    for try in 1 2 3 4 5 6 7 8; do
        port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
        start "$port" && break
    done
    [ -n "$pid" ] || { cat "$dir/log" >&2; exit 1; }
fi
echo "$port"

# In the background, as a shell attends to no signal while it runs a command in the foreground.
exec 3<&0
cat <&3 >/dev/null &
reader=$!
wait "$reader" || true
