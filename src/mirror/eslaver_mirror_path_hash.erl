%% @doc Path hashes (Valkey 9.2) in a mirror's tables: a row `{{Id, Path}, #{Field => Value}}' for
%% each path. A path hash may exist without paths.
%% @private
-module(eslaver_mirror_path_hash).

-behaviour(eslaver_mirror_type).

-export([load/3, copy/2, discard/3]).
-export([new/0, set/4, remove_path/3, remove_fields/4, remove_prefix/3]).
-export([count/2, fields/3, longest/3, prefixes/3, scan/4]).
-export_type([body/0]).

-type body() :: {eslaver_mirror_store:id(), Count :: non_neg_integer()}.
-type store() :: eslaver_mirror_store:store().
-type path() :: binary().
-type fields() :: #{Field :: binary() => Value :: binary()}.

%% For the behaviour.

%% @private
-spec load(store(), [{path(), [{binary(), binary()}]}], map()) -> body().
load(Store, Paths, _Meta) ->
    lists:foldl(fun({Path, Pairs}, Body) -> set(Store, Body, Path, Pairs) end, new(), Paths).

%% @private
-spec copy(store(), body()) -> body().
copy(#{items := Items}, {Id, Count}) ->
    New = eslaver_mirror_store:id(),
    Make = fun({{_, Path}, Fields}) -> {{New, Path}, Fields} end,
    ok = eslaver_mirror_rows:copy(Items, {{Id, '_'}, '_'}, Make),
    {New, Count}.

%% @private
-spec discard(store(), body(), pos_integer()) -> done | {more, body()}.
discard(#{items := Items}, {Id, _} = Body, Limit) ->
    case eslaver_mirror_rows:discard(Items, {{Id, '_'}, '_'}, Limit) of
        done -> done;
        more -> {more, Body}
    end.

%% For the writer.

%% @doc The body of an empty path hash.
-spec new() -> body().
new() ->
    {eslaver_mirror_store:id(), 0}.

%% @doc Sets fields of a path.
-spec set(store(), body(), path(), [{binary(), binary()}]) -> body().
set(#{items := Items} = Store, {Id, Count} = Body, Path, Pairs) ->
    Old = fields(Store, Body, Path),
    true = ets:insert(Items, {{Id, Path}, maps:merge(Old, maps:from_list(Pairs))}),
    {Id, Count + added(Old)}.

added(Old) when map_size(Old) =:= 0 -> 1;
added(_Old) -> 0.

%% @doc Removes a path.
-spec remove_path(store(), body(), path()) -> body().
remove_path(#{items := Items}, {Id, Count} = Body, Path) ->
    case ets:take(Items, {Id, Path}) of
        [_] -> {Id, Count - 1};
        [] -> Body
    end.

%% @doc Removes fields of a path, and the path if no field is left.
-spec remove_fields(store(), body(), path(), [binary()]) -> body().
remove_fields(#{items := Items} = Store, {Id, _} = Body, Path, Names) ->
    Old = fields(Store, Body, Path),
    case maps:without(Names, Old) of
        Old ->
            Body;
        Left when map_size(Left) =:= 0 ->
            remove_path(Store, Body, Path);
        Left ->
            true = ets:insert(Items, {{Id, Path}, Left}),
            Body
    end.

%% @doc Removes the paths with a prefix.
-spec remove_prefix(store(), body(), Prefix :: binary()) -> body().
remove_prefix(Store, Body, Prefix) ->
    {_, Paths} = scan(Store, Body, {first, Prefix}, infinity),
    lists:foldl(fun({Path, _}, Acc) -> remove_path(Store, Acc, Path) end, Body, Paths).

%% For readers.

%% @doc The number of paths.
-spec count(store(), body()) -> non_neg_integer().
count(_Store, {_, Count}) ->
    Count.

%% @doc The fields of a path, none if it is missing.
-spec fields(store(), body() | none, path()) -> fields().
fields(_Store, none, _Path) ->
    #{};
fields(#{items := Items}, {Id, _}, Path) ->
    case ets:lookup(Items, {Id, Path}) of
        [{_, Fields}] -> Fields;
        [] -> #{}
    end.

%% @doc The longest path that is a prefix of a text.
-spec longest(store(), body(), binary()) -> path() | undefined.
longest(Store, Body, Query) ->
    longest(Store, Body, Query, byte_size(Query)).

longest(_Store, _Body, _Query, -1) ->
    undefined;
longest(Store, Body, Query, Size) ->
    Path = binary:part(Query, 0, Size),
    case is_path(Store, Body, Path) of
        true -> Path;
        false -> longest(Store, Body, Query, Size - 1)
    end.

%% @doc All paths that are prefixes of a text, the shortest first.
-spec prefixes(store(), body(), binary()) -> [path()].
prefixes(Store, Body, Query) ->
    [
        Path
     || Size <- lists:seq(0, byte_size(Query)),
        Path <- [binary:part(Query, 0, Size)],
        is_path(Store, Body, Path)
    ].

is_path(#{items := Items}, {Id, _}, Path) ->
    ets:member(Items, {Id, Path}).

%% @doc At most `Count' paths with a prefix, in order, from the first one or after a given one; and
%% the last of these if there are more.
-spec scan(
    store(),
    body(),
    {first | {behind, path()}, Prefix :: binary()},
    Count :: pos_integer() | infinity
) -> {path() | done, [{path(), fields()}]}.
scan(#{items := Items} = Store, {Id, _} = Body, {From, Prefix}, Count) ->
    First =
        case From of
            first -> first(Items, Id, Prefix);
            {behind, Path} -> ets:next(Items, {Id, max(Path, Prefix)})
        end,
    scan(Store, Body, Prefix, Count, First, []).

first(Items, Id, Prefix) ->
    case ets:member(Items, {Id, Prefix}) of
        true -> {Id, Prefix};
        false -> ets:next(Items, {Id, Prefix})
    end.

scan(#{items := Items} = Store, {Id, _} = Body, Prefix, Left, {Id, Path} = Key, Found) ->
    case begins(Path, Prefix) of
        true when Left =:= 0 ->
            [{Last, _} | _] = Found,
            {Last, lists:reverse(Found)};
        true ->
            Next = [{Path, fields(Store, Body, Path)} | Found],
            scan(Store, Body, Prefix, less(Left), ets:next(Items, Key), Next);
        false ->
            {done, lists:reverse(Found)}
    end;
scan(_Store, _Body, _Prefix, _Left, _OtherKey, Found) ->
    {done, lists:reverse(Found)}.

begins(Path, Prefix) ->
    binary:longest_common_prefix([Path, Prefix]) =:= byte_size(Prefix).

less(infinity) -> infinity;
less(Count) -> Count - 1.
