%% @doc Checks filters, which the option `filter' and {@link eslaver:subscribe/2} take, and converts
%% them for the native half.
%% @private
-module(eslaver_filter).

-export([parse/2, parse_types/1, keys/0, types/0]).
-export_type([input/0, filter/0, type/0]).

-type type() :: eslaver_types:value_type().
%% Of a key's value.

-type input() :: eslaver_types:filter().
%% Globs are those of the servers' `KEYS'. A missing key filters nothing; an empty list lets nothing
%% through. `origin' leaves out of events what a cluster does to move its slots.

-type filter() :: #{
    keys := undefined | [binary()],
    commands := undefined | [binary()],
    types := undefined | [type()],
    dbs := undefined | [non_neg_integer()],
    origin := undefined | user
}.
%% Checked; commands are in lower case.

-define(KEYS, [keys, commands, types, dbs, origin]).
-define(TYPES, [string, list, set, zset, hash, stream, module, array, gcra, path_hash]).

%% @doc Checks a filter, which may have the keys `Known'.
-spec parse([atom()], term()) -> {ok, filter()} | {error, Key :: term(), Value :: term()}.
parse(Known, Input) ->
    case eslaver_option_map:from(Input) of
        {ok, Map} ->
            Nothing = maps:from_keys(?KEYS, undefined),
            parse(maps:to_list(eslaver_option_map:defined(Map)), Known, Nothing);
        _ ->
            {error, filter, Input}
    end.

parse([], _Known, Filter) ->
    {ok, Filter};
parse([{Key, Value} | Rest], Known, Filter) ->
    case lists:member(Key, Known) andalso (Value =:= undefined orelse value(Key, Value)) of
        true -> parse(Rest, Known, Filter);
        {ok, Good} -> parse(Rest, Known, Filter#{Key := Good});
        _ -> {error, Key, Value}
    end.

%% @doc All keys.
-spec keys() -> [atom()].
keys() -> ?KEYS.

%% @doc All types.
-spec types() -> [type()].
types() -> ?TYPES.

%% @doc Checks a filter of the option `filter', which may have every key.
-spec parse_types(term()) -> {ok, filter()} | error.
parse_types(Input) ->
    case parse(?KEYS, Input) of
        {ok, Filter} -> {ok, Filter};
        {error, _, _} -> error
    end.

value(keys, Glob) when is_binary(Glob) -> {ok, [Glob]};
value(keys, [First | _] = Glob) when is_integer(First) -> all([Glob], fun eslaver_text:parse/1);
value(keys, Globs) -> all(Globs, fun eslaver_text:parse/1);
value(commands, Names) -> all(Names, fun command/1);
value(types, Types) -> all(Types, fun(Type) -> keep(Type, lists:member(Type, ?TYPES)) end);
value(dbs, Dbs) -> all(Dbs, fun(Db) -> keep(Db, is_db(Db)) end);
value(origin, user) -> {ok, user};
value(origin, _Other) -> error.

is_db(Db) -> is_integer(Db) andalso Db >= 0 andalso Db < 1 bsl 31.

keep(Value, true) -> {ok, Value};
keep(_Value, false) -> error.

all(Values, Check) when is_list(Values) ->
    try
        {ok, [Good || Value <- Values, {ok, Good} <- [checked(Check(Value))]]}
    catch
        throw:bad -> error;
        %% a list that does not end as one
        error:_ -> error
    end;
all(_Values, _Check) ->
    error.

checked({ok, _} = Good) -> Good;
checked(error) -> throw(bad).

command(Name) when is_atom(Name) -> command(atom_to_binary(Name));
command(Name) ->
    case eslaver_text:parse(Name) of
        {ok, <<_, _/binary>> = Text} -> {ok, eslaver_text:lower(Text)};
        _ -> error
    end.
