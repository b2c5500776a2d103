#!/bin/sh
# Installs what a build and its tests need and this machine lacks. On Debian and its relatives
# with apt; elsewhere it says what is missing. Silent when all is there.
set -eu

has() { command -v "$1" >/dev/null 2>&1; }

otp='dialyzer common_test eunit inets ssl crypto public_key syntax_tools xmerl edoc tools'

missing_otp() { # the applications of $otp that the Erlang here does not have
    erl -noshell -mode minimal -boot no_dot_erlang -eval '
        [io:format("~s ", [A]) || A <- init:get_plain_arguments(),
            code:lib_dir(list_to_atom(A)) =:= {error, bad_name}],
        halt().' -extra $otp
}

missing= packages=
need() { # COMMAND PACKAGE...
    missing="$missing $1"
    shift
    packages="$packages $*"
}

has cc || need cc gcc libc6-dev
has redis-server || has valkey-server || need redis-server redis-server
has rebar3 || need rebar3 rebar3
has git || need git git
if ! has erl; then
    need erl erlang-base erlang-dev
    for app in $otp; do packages="$packages erlang-$(echo "$app" | tr _ -)"; done
else
    for app in $(missing_otp); do need "OTP's $app" "erlang-$(echo "$app" | tr _ -)"; done
fi

if [ -n "$missing" ] && ! has apt-get; then
    echo "Missing here:$missing. Install them and try again." >&2
    exit 1
fi
if [ -n "$missing" ]; then
    echo "Installing$packages ..."
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    # The package of Redis would start a server on port 6379; the tests start their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
        $sudo chmod +x $policy
        trap '$sudo rm -f $policy' EXIT
    fi
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends $packages >/dev/null
    case $packages in
        *redis-server*) ! has systemctl || $sudo systemctl -q disable redis-server || true ;;
    esac
fi

# Last, as it is not ours to install: a toolchain belongs to its user.
if ! has cargo; then
    echo "Rust 1.91 or later is missing: install it with rustup (https://rustup.rs)." >&2
    exit 1
fi
