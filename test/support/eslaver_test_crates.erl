%% The examples of the Rust crates, as programs.
-module(eslaver_test_crates).

-export([build/2, run/2]).

%% Builds an example of a crate, for run/2, beside the NIF and with the features of its crates: what
%% both have in common is built once.
-spec build(Crate :: string(), Example :: string()) -> ok.
build(Crate, Example) ->
    Crates = ["-p eslaver_nif -p ", Crate, " --example ", Example],
    Build = ["native/cargo.sh build --quiet --release --locked ", Crates],
    {ok, _} = shell(["cd '", root(), "' && ", Build, " --target-dir '", target(), "'"]),
    ok.

%% What the example has written to its outputs.
-spec run(Example :: string(), Args :: [string()]) ->
    {ok, binary()} | {error, Status :: pos_integer(), binary()}.
run(Example, Args) ->
    Program = filename:join([target(), "release", "examples", Example]),
    shell(lists:join(" ", [["'", Word, "'"] || Word <- [Program | Args]])).

target() ->
    filename:absname(os:getenv("CARGO_TARGET_DIR", "target"), root()).

%% The repository, from where this is compiled.
root() ->
    string:trim(os:cmd("cd -P '" ++ code:lib_dir(eslaver) ++ "/src/..' && pwd")).

shell(Command) ->
    Port = open_port({spawn_executable, "/bin/sh"}, [
        {args, ["-c", Command]}, binary, exit_status, stderr_to_stdout
    ]),
    said(Port, <<>>).

said(Port, Said) ->
    receive
        {Port, {data, More}} -> said(Port, <<Said/binary, More/binary>>);
        {Port, {exit_status, 0}} -> {ok, Said};
        {Port, {exit_status, Status}} -> {error, Status, Said}
    end.
