#!/bin/sh
# Uses this work tree as a git dependency of throw-away projects of rebar3 and, where mix is
# installed, of Mix, there with the Elixir package. Two applications of each project name eslaver
# among their applications; the project's release must be made, load the NIF, let both start a
# replica and a mirror, and connect nowhere before that. Nothing is asked of hex.pm.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# A repository of its own, of the files as they are now.
repository=$dir/eslaver.git
git init -q --bare -b main "$repository"
git="git --git-dir=$repository --work-tree=$root -c user.name=test -c user.email=test@localhost"
(cd "$root" && $git add -A && $git commit -q -m test)

# The crates are built already; a dependency of a user has its own directory for that.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"
unset REBAR_BASE_DIR

# aged FOLDER: a copy's files are as old as those here, so that cargo builds no crate again.
aged() {
    (cd "$root" && $git ls-files native) | while read -r file; do
        touch -r "$root/$file" "$1/$file"
    done
}

# No master need be there: a replica starts all the same, and keeps trying.
cat >"$dir/one.erl" <<'END'
-module(one).
-export([replica/0]).

replica() ->
    {ok, Pid} = eslaver:start_link(#{master_port => 1, callback => self()}),
    #{state := _} = eslaver:info(Pid),
    ok = eslaver:stop(Pid).
END
cat >"$dir/two.erl" <<'END'
-module(two).
-export([mirror/0]).

mirror() ->
    {ok, _} = eslaver_mirror:start_link(#{name => users, master_port => 1}),
    #{status := loading} = eslaver_mirror:info(users),
    ok = eslaver_mirror:stop(users).
END

# The master that a replica without options has. Where the port is taken by another, that nothing
# connects to it can only be told by the links that the native library counts.
cat >"$dir/listen.escript" <<'END'
#!/usr/bin/env escript
main([Ready, Log]) ->
    Opened = gen_tcp:listen(6379, [{ip, {127, 0, 0, 1}}, {reuseaddr, true}]),
    ok = file:write_file(Ready, atom_to_list(element(1, Opened))),
    case Opened of
        {ok, Listener} -> accept(Listener, Log);
        {error, eaddrinuse} -> receive after infinity -> ok end
    end.

accept(Listener, Log) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    ok = file:write_file(Log, "connected\n", [append]),
    ok = gen_tcp:close(Socket),
    accept(Listener, Log).
END

# listens COMMAND...: runs a command, and says in $connected whether it has connected there.
listens() {
    rm -f "$dir/ready" "$dir/log"
    escript "$dir/listen.escript" "$dir/ready" "$dir/log" >"$dir/listener" 2>&1 &
    listener=$!
    until [ -s "$dir/ready" ]; do
        kill -0 $listener || { cat "$dir/listener"; exit 1; }
        sleep 0.1
    done
    "$@" || { kill -9 $listener; exit 1; }
    connected=$(cat "$dir/log" 2>/dev/null || true)
    kill -9 $listener
    wait $listener 2>/dev/null || true
}

# release BOOT LIBS: starts a release, with what the node has been built with as its libraries. It is
# watched for two seconds: a lost link is tried again within one.
release() {
    boot=$1 libs=$2
    run() {
        ERL_LIBS=$libs erl -noshell -boot "$boot" -boot_var RELEASE_LIB "$libs" \
            -boot_var ERTS_LIB_DIR "$(erl -noshell -eval 'io:put_chars(code:lib_dir()), halt().')" "$@"
    }
    quiet='timer:sleep(2000), [] = supervisor:which_children(eslaver_sup), 0 = eslaver_nif:links()'
    started='[{_, _, _}, {_, _, _}] = [App || {Name, _, _} = App <- application:which_applications(),
        Name =:= one orelse Name =:= two]'
    listens run -eval "$started, $quiet, one:replica(), two:mirror(), halt()."
    [ -z "$connected" ] || { echo "the release has connected to 127.0.0.1:6379"; exit 1; }
    # What would be seen if it did.
    listens run -eslaver master_host '"127.0.0.1"' -eslaver callback '{erlang,is_tuple}' \
        -eval 'timer:sleep(2000), [_] = supervisor:which_children(eslaver_sup), halt().'
    case "$(cat "$dir/ready")$connected" in
        ok) echo "a replica of 127.0.0.1:6379 has not been seen to connect there"; exit 1 ;;
        error) echo "port 6379 is taken: connections there are not seen" ;;
    esac
    echo "it works"
}

echo "== as a dependency of a rebar3 project"
for app in one two; do
    mkdir -p "$dir/rebar/apps/$app/src"
    cp "$dir/$app.erl" "$dir/rebar/apps/$app/src"
    cat >"$dir/rebar/apps/$app/src/$app.app.src" <<END
{application, $app, [
    {description, "User"}, {vsn, "1"}, {applications, [kernel, stdlib, eslaver]}
]}.
END
done
cd "$dir/rebar"
cat >rebar.config <<END
{deps, [{eslaver, {git, "file://$repository", {branch, "main"}}}]}.
{relx, [
    {release, {users, "1"}, [one, two]},
    {dev_mode, false},
    {include_erts, false},
    {src_tests, false}
]}.
END
rebar3 get-deps
aged _build/default/lib/eslaver
rebar3 release
release "$dir/rebar/_build/default/rel/users/releases/1/start" "$dir/rebar/_build/default/rel/users/lib"

command -v mix >/dev/null || { echo "== no mix here: not tried with Mix"; exit 0; }
echo "== as a dependency of a Mix project"
mkdir "$dir/mix"
cd "$dir/mix"
cat >mix.exs <<'END'
defmodule Users.MixProject do
  use Mix.Project

  def project do
    [
      apps_path: "apps",
      version: "1.0.0",
      deps: [],
      releases: [users: [applications: [one: :permanent, two: :permanent], include_erts: false]]
    ]
  end
end
END
for app in one two; do
    mkdir -p "apps/$app/src"
    cp "$dir/$app.erl" "apps/$app/src"
    cat >"apps/$app/mix.exs" <<END
defmodule Users.App$app.MixProject do
  use Mix.Project

  def project do
    [
      app: :$app,
      version: "1.0.0",
      build_path: "../../_build",
      deps_path: "../../deps",
      lockfile: "../../mix.lock",
      deps: [
        {:eslaver, git: "file://$repository", branch: "main", override: true},
        {:eslaver_elixir, git: "file://$repository", branch: "main", sparse: "elixir"}
      ]
    ]
  end
end
END
done
# The rebar3 of the system, as Mix would fetch one of its own.
export MIX_HOME="$dir/mix/home" MIX_REBAR3="$(command -v rebar3)" MIX_ENV=prod
mix deps.get >/dev/null
aged deps/eslaver
mix release --quiet
release "$dir/mix/_build/prod/rel/users/releases/1.0.0/start" "$dir/mix/_build/prod/rel/users/lib"
# Options as Elixir has them.
mix run -e '
options = [master_port: 1, dbfilename: nil, tls: [verify: true], callback: self()]
{:ok, pid} = :eslaver.start_link(options)
%{state: _} = :eslaver.info(pid)
:ok = :eslaver.stop(pid)
IO.puts("it works with keywords, too")

# The Elixir package.
{:ok, _} = Supervisor.start_link([{Eslaver.Mirror, name: :users, port: 1}], strategy: :one_for_one)
{:error, :loading} = Eslaver.Mirror.get(:users, "key")
IO.puts("it works with the Elixir package, too")'
