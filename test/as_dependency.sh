#!/bin/sh
# Uses this work tree as a git dependency of a throw-away rebar3 project and, where mix is installed,
# of a throw-away Mix project. Each must load the NIF and start a replica. Nothing is asked of hex.pm.
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

# No master need be there: a replica starts all the same, and keeps trying.
check='Options = #{master_port => 1, dbfilename => undefined, callback => self()},
    {ok, Pid} = eslaver:start_link(Options),
    #{state := _} = eslaver:info(Pid), ok = eslaver:stop(Pid)'

echo "== as a dependency of a rebar3 project"
mkdir -p "$dir/rebar/src"
cd "$dir/rebar"
cat >rebar.config <<END
{deps, [{eslaver, {git, "file://$repository", {branch, "main"}}}]}.
END
cat >src/user.app.src <<'END'
{application, user, [{description, "User"}, {vsn, "1"}, {applications, [kernel, stdlib, eslaver]}]}.
END
rebar3 compile
ERL_LIBS=_build/default/lib erl -noshell -eval "$check, io:format(\"it works~n\"), halt()."

command -v mix >/dev/null || { echo "== no mix here: not tried with Mix"; exit 0; }
echo "== as a dependency of a Mix project"
mkdir "$dir/mix"
cd "$dir/mix"
cat >mix.exs <<END
defmodule User.MixProject do
  use Mix.Project

  def project, do: [app: :user, version: "1.0.0", deps: deps()]

  defp deps, do: [{:eslaver, git: "file://$repository", branch: "main"}]
end
END
# The rebar3 of the system, as Mix would fetch one of its own.
export MIX_HOME="$dir/mix/home" MIX_REBAR3="$(command -v rebar3)"
mix deps.get >/dev/null
mix compile
mix run -e '
options = %{master_port: 1, dbfilename: :undefined, callback: self()}
{:ok, pid} = :eslaver.start_link(options)
%{state: _} = :eslaver.info(pid)
:ok = :eslaver.stop(pid)
IO.puts("it works")'
