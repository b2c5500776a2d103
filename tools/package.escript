#!/usr/bin/env escript
%% Lays out what a package of hex.pm would have, by the rules of rebar3_hex for the list `files' of
%% src/eslaver.app.src: tools/package.escript FOLDER
-mode(compile).

main([Folder]) ->
    ok = file:set_cwd(filename:join(filename:dirname(escript:script_name()), "..")),
    {ok, [{application, eslaver, Keys}]} = file:consult("src/eslaver.app.src"),
    Patterns = proplists:get_value(files, Keys),
    Files = lists:append([below(Path) || Pattern <- Patterns, Path <- filelib:wildcard(Pattern)]),
    lists:foreach(fun(File) -> copy(File, filename:join(Folder, File)) end, Files).

%% Compiled libraries and what editors leave are never packed.
below(Path) ->
    case filelib:is_dir(Path) of
        true ->
            {ok, Names} = file:list_dir(Path),
            lists:append([below(filename:join(Path, Name)) || Name <- Names]);
        false ->
            [Path || re:run(Path, "(~|\\.o|\\.so|\\.swp)$") =:= nomatch]
    end.

copy(File, To) ->
    ok = filelib:ensure_dir(To),
    {ok, _} = file:copy(File, To),
    {ok, Info} = file:read_file_info(File),
    ok = file:write_file_info(To, Info).
