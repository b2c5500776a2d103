#!/bin/sh
# Takes servers out of container images, for tests with masters of many versions:
# tools/masters.sh FOLDER IMAGE..., as in tools/masters.sh masters redis:5.0 valkey/valkey:8.1
# Then ESLAVER_MASTERS=FOLDER. They run outside the containers, with the C library of their image,
# as the tests kill, pause and restart them. It needs docker or podman, and images made of Debian.
set -eu

folder=$1
shift
mkdir -p "$folder"
folder=$(cd "$folder" && pwd -P)
docker=$(command -v docker || command -v podman) || { echo "docker is missing" >&2; exit 1; }

for image; do
    name=$(echo "${image##*/}" | tr : -)
    master=$folder/$name root=$folder/$name/root
    [ ! -x "$master/server" ] || continue
    rm -rf "$master"
    mkdir -p "$root"
    "$docker" pull -q "$image" >/dev/null
    container=$("$docker" create "$image")
    "$docker" export "$container" | tar -x -C "$root" --exclude 'dev/*'
    "$docker" rm "$container" >/dev/null

    linker=$(find "$root/lib/" "$root/usr/lib/" -name 'ld-linux*.so.*' | head -n 1)
    libraries=$(echo "$root"/usr/lib/*-linux-gnu "$root"/lib/*-linux-gnu | tr ' ' :)
    for part in server cli; do
        program=$(find "$root/usr" -name "${name%%-*}-$part" -type f | head -n 1)
        [ -n "$linker" ] && [ -n "$program" ] ||
            { echo "$image has no ${name%%-*}-$part" >&2; exit 1; }
        printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' "$linker" "$libraries" "$program" \
            >"$master/$part"
        chmod +x "$master/$part"
    done
    "$master/server" --version
done
