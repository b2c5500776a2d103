%% @doc Hashes in a mirror's tables: a row `{{Id, Hash, Field}, Value, ExpireAt}' for each field,
%% and `{Id, Size, Timed}' as the body, with rows of times as of {@link eslaver_mirror_timed}. The
%% writer counts expired fields until the master removes them; readers leave them out.
%% @private
-module(eslaver_mirror_hash).

-behaviour(eslaver_mirror_type).

-import(eslaver_mirror_timed, [is_met/3, retime/5, expired/3, clock/0]).

-export([load/3, copy/2, discard/3]).
-export([new/0, set/4, remove/3, find/3, expire/5]).
-export([size/2, get/3, get_many/3, expire_times/3, fields/2, values/2, pairs/2]).
-export([random/3, scan/3]).

-export_type([body/0, expiry/0]).

-type body() :: eslaver_mirror_timed:body().
-type store() :: eslaver_mirror_store:store().
-type field() :: binary().
-type expiry() :: eslaver_mirror_timed:expiry().

%% For the behaviour.

%% @private
-spec load(store(), [{field(), binary()}], map()) -> body() | empty.
load(Store, Pairs, Meta) ->
    Body = set(Store, new(), Pairs, infinity),
    Expiries = maps:get(field_expire_at, Meta, []),
    or_empty(
        lists:foldl(
            fun({Field, At}, Acc) -> expire(Store, Acc, [Field], At, always) end, Body, Expiries
        )
    ).

%% @private
-spec copy(store(), body()) -> body().
copy(#{hashes := Hashes}, {Id, Size, Timed} = Body) ->
    New = eslaver_mirror_store:id(),
    MakeField = fun({{_, Hash, Field}, Value, At}) -> {{New, Hash, Field}, Value, At} end,
    ok = eslaver_mirror_rows:copy(Hashes, {{Id, '_', '_'}, '_', '_'}, MakeField),
    ok = eslaver_mirror_timed:copy(Hashes, Body, New),
    {New, Size, Timed}.

%% @private
-spec discard(store(), body(), pos_integer()) -> done | {more, body()}.
discard(#{hashes := Hashes}, {Id, _, _} = Body, Limit) ->
    eslaver_mirror_timed:discard(Hashes, [{{Id, '_', '_'}, '_', '_'}], Body, Limit).

%% For the writer.

%% @doc The body of an empty hash.
-spec new() -> body().
new() ->
    {eslaver_mirror_store:id(), 0, 0}.

%% @doc Sets fields, which expire at `Expiry' or keep their expiry.
-spec set(store(), body(), [{field(), binary()}], expiry() | keep) -> body().
set(#{hashes := Hashes}, Body, Pairs, Expiry) ->
    lists:foldl(
        fun({Field, Value}, Acc) -> set_one(Hashes, Acc, Field, Value, Expiry) end, Body, Pairs
    ).

set_one(Hashes, {Id, Size, 0}, Field, Value, Expiry) when Expiry =:= infinity; Expiry =:= keep ->
    Row = {eslaver_mirror_bag:key(Id, Field), Value, infinity},
    case ets:insert_new(Hashes, Row) of
        true ->
            {Id, Size + 1, 0};
        false ->
            true = ets:insert(Hashes, Row),
            {Id, Size, 0}
    end;
set_one(Hashes, {Id, Size, Timed}, Field, Value, Expiry) ->
    Key = eslaver_mirror_bag:key(Id, Field),
    {Added, Old} =
        case ets:lookup(Hashes, Key) of
            [] -> {1, infinity};
            [{_, _, There}] -> {0, There}
        end,
    New =
        case Expiry of
            keep -> Old;
            _ -> Expiry
        end,
    true = ets:insert(Hashes, {Key, Value, New}),
    {Id, Size + Added, Timed + retime(Hashes, Id, Field, Old, New)}.

%% @doc Removes fields.
-spec remove(store(), body(), [field()]) -> body() | empty.
remove(#{hashes := Hashes}, Body, Fields) ->
    or_empty(
        lists:foldl(fun(Field, Acc) -> remove_one(Hashes, Acc, Field) end, Body, Fields)
    ).

remove_one(Hashes, {Id, Size, Timed} = Body, Field) ->
    case ets:take(Hashes, eslaver_mirror_bag:key(Id, Field)) of
        [] -> Body;
        [{_, _, Old}] -> {Id, Size - 1, Timed + retime(Hashes, Id, Field, Old, infinity)}
    end.

or_empty({_, 0, _}) -> empty;
or_empty(Body) -> Body.

%% @doc The value of a field, expired or not.
-spec find(store(), body(), field()) -> binary() | none.
find(#{hashes := Hashes}, {Id, _, _}, Field) ->
    case ets:lookup(Hashes, eslaver_mirror_bag:key(Id, Field)) of
        [{_, Value, _}] -> Value;
        [] -> none
    end.

%% @doc Changes the expiry of those fields that exist and meet the condition.
-spec expire(store(), body(), [field()], expiry(), eslaver_mirror_timed:condition()) -> body().
expire(#{hashes := Hashes}, Body, Fields, Expiry, Condition) ->
    lists:foldl(
        fun(Field, {Id, Size, Timed} = Acc) ->
            Key = eslaver_mirror_bag:key(Id, Field),
            case ets:lookup(Hashes, Key) of
                [{_, _, Old}] ->
                    case is_met(Condition, Old, Expiry) of
                        true ->
                            true = ets:update_element(Hashes, Key, {3, Expiry}),
                            {Id, Size, Timed + retime(Hashes, Id, Field, Old, Expiry)};
                        false ->
                            Acc
                    end;
                [] ->
                    Acc
            end
        end,
        Body,
        Fields
    ).

%% For readers.

%% @doc The number of fields that have not expired.
-spec size(store(), body()) -> non_neg_integer().
size(#{hashes := Hashes}, {_, Size, _} = Body) when is_integer(Size) ->
    Size - expired(Hashes, Body, clock()).

-spec get(store(), body(), field()) -> binary() | undefined.
get(#{hashes := Hashes}, {Id, _, _}, Field) ->
    case ets:lookup(Hashes, eslaver_mirror_bag:key(Id, Field)) of
        [{_, Value, infinity}] ->
            Value;
        [{_, Value, At}] ->
            case At > clock() of
                true -> Value;
                false -> undefined
            end;
        [] ->
            undefined
    end.

-spec get_many(store(), body() | none, [field()]) -> [binary() | undefined].
get_many(_Store, none, Fields) ->
    [undefined || _ <- Fields];
get_many(Store, Body, Fields) ->
    [get(Store, Body, Field) || Field <- Fields].

%% @doc The expiry of each of these fields.
-spec expire_times(store(), body() | none, [field()]) -> [expiry() | none].
expire_times(_Store, none, Fields) ->
    [none || _ <- Fields];
expire_times(#{hashes := Hashes}, {Id, _, _}, Fields) ->
    Now = clock(),
    [
        case ets:lookup(Hashes, eslaver_mirror_bag:key(Id, Field)) of
            [{_, _, At}] when At > Now -> At;
            _ -> none
        end
     || Field <- Fields
    ].

-spec fields(store(), body()) -> [field()].
fields(Store, Body) ->
    live(Store, Body, '$1').

-spec values(store(), body()) -> [binary()].
values(Store, Body) ->
    live(Store, Body, '$2').

-spec pairs(store(), body()) -> [{field(), binary()}].
pairs(Store, Body) ->
    live(Store, Body, {{'$1', '$2'}}).

live(#{hashes := Hashes}, {Id, _, 0}, Result) ->
    ets:select(Hashes, [{{{Id, '_', '$1'}, '$2', '_'}, [], [Result]}]);
live(#{hashes := Hashes}, {Id, _, _}, Result) ->
    ets:select(Hashes, [{{{Id, '_', '$1'}, '$2', '$3'}, [{'>', '$3', clock()}], [Result]}]).

%% @doc `Count' different random fields with their values; with a negative count, `-Count' fields
%% that may repeat.
-spec random(store(), body() | none, integer()) -> [{field(), binary()}].
random(_Store, none, _Count) ->
    [];
random(#{hashes := Hashes} = Store, {Id, Size, _} = Body, Count) ->
    case expired(Hashes, Body, clock()) of
        0 ->
            Keys = eslaver_mirror_bag:sample(Hashes, Id, Size, Count),
            [{Field, ets:lookup_element(Hashes, Key, 2)} || {_, _, Field} = Key <- Keys];
        _ ->
            %% Slow, but not for long: the master removes expired fields.
            eslaver_mirror_bag:some(pairs(Store, Body), Count)
    end.

%% @doc About `Count' fields with their values from a cursor on, and the next cursor, 0 at the end.
-spec scan(store(), body(), {Cursor :: non_neg_integer(), Count :: pos_integer()}) ->
    {non_neg_integer(), [{field(), binary()}]}.
scan(#{hashes := Hashes}, {Id, _, _}, {Cursor, Count}) ->
    {Next, Keys} = eslaver_mirror_bag:from(Hashes, Id, Cursor, Count),
    Now = clock(),
    Pairs = [
        {Field, Value}
     || {_, _, Field} = Key <- Keys, {_, Value, At} <- ets:lookup(Hashes, Key), At > Now
    ],
    {Next, Pairs}.
