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
    <<_/binary>> = Name = eslaver_nif:library_name(Code),
    Libraries#{Name => Code};
change(<<"delete">>, [Name], Libraries) ->
    maps:remove(Name, Libraries);
change(<<"flush">>, _Mode, _Libraries) ->
    #{};
change(<<"restore">>, [Payload | Policy], Libraries) ->
    {ok, Decoded} = eslaver_nif:decode_functions(Payload),
    Restored = maps:from_list(Decoded),
    case [string:lowercase(Word) || Word <- Policy] of
        [<<"flush">>] -> Restored;
        _ -> maps:merge(Libraries, Restored)
    end.
