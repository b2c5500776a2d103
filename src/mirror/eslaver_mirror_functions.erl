%% @doc The libraries of a master's functions, as `FUNCTION' changes them. A mirror runs none: their
%% effects come as commands.
%% @private
-module(eslaver_mirror_functions).

-export([change/2]).

-type libraries() :: #{Name :: binary() => Code :: binary()}.

%% @doc Applies `FUNCTION' with these arguments.
-spec change([binary()], libraries()) -> libraries().
change([Subcommand | Args], Libraries) ->
    change(string:lowercase(Subcommand), Args, Libraries).

change(<<"load">>, Args, Libraries) ->
    Code = lists:last(Args),
    Libraries#{name(Code) => Code};
change(<<"delete">>, [Name], Libraries) ->
    maps:remove(Name, Libraries);
change(<<"flush">>, _Mode, _Libraries) ->
    #{};
change(<<"restore">>, [Payload | Policy], Libraries) ->
    Restored = restored(Payload),
    case [string:lowercase(Word) || Word <- Policy] of
        [<<"flush">>] -> Restored;
        _ -> maps:merge(Libraries, Restored)
    end.

%% A library begins with a line such as `#!lua name=mylib'.
name(Code) ->
    [Line | _] = binary:split(Code, <<"\n">>),
    {match, [Name]} = re:run(Line, "\\sname=(\\S+)", [{capture, all_but_first, binary}]),
    Name.

%% What `FUNCTION DUMP' answers is a piece of an RDB file, with its version and checksum behind it.
restored(Payload) ->
    Size = byte_size(Payload) - 10,
    <<Functions:Size/binary, Version:16/little, _Checksum:8/binary>> = Payload,
    Rdb = [magic(Version), Functions, 255, <<0:64>>],
    File = filename:join(os:getenv("TMPDIR", "/tmp"), "eslaver_functions_" ++ unforeseen()),
    {ok, Device} = file:open(File, [write, exclusive, raw]),
    try
        ok = file:change_mode(File, 8#600),
        ok = file:write(Device, Rdb),
        ok = file:close(Device),
        {ok, Libraries} = eslaver_rdb:fold(File, fun library/2, #{}),
        Libraries
    after
        file:delete(File)
    end.

%% From 80 on versions are Valkey's.
magic(Version) when Version < 80 -> io_lib:format("REDIS~4..0b", [Version]);
magic(Version) -> io_lib:format("VALKEY~3..0b", [Version]).

library({loading, function, Name, Code, _Meta}, Libraries) -> Libraries#{Name => Code}.

%% Others may write to that folder, too, and must not have taken the name.
unforeseen() ->
    binary_to_list(binary:encode_hex(rand:bytes(16))).
