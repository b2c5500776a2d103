%% @doc Sets in a mirror's tables: a row `{{Id, Hash, Member}}' for each member, and `{Id, Size}'
%% as the body. Used by {@link eslaver_mirror_set_commands} and {@link eslaver_mirror}, and by what
%% reads sets as a source: sorted sets and `SORT'.
%% @private
-module(eslaver_mirror_set).

-behaviour(eslaver_mirror_type).

-export([load/3, copy/2, discard/3]).
-export([new/0, from_list/2, add/3, remove/3]).
-export([size/2, is_member/3, are_members/3, fold/4, members/2, random/2, random/3, scan/3]).
-export([intersection/3, union/2, difference/2]).

-export_type([body/0]).

-type body() :: {eslaver_mirror_store:id(), Size :: non_neg_integer()}.
-type store() :: eslaver_mirror_store:store().
-type member() :: binary().

%% Of the type.

%% @private
-spec load(store(), [member()], map()) -> body() | empty.
load(Store, Members, _Meta) ->
    from_list(Store, Members).

%% @private
-spec copy(store(), body()) -> body().
copy(#{sets := Sets}, {Id, Size}) ->
    New = eslaver_mirror_store:id(),
    Make = fun({{_, Hash, Member}}) -> {{New, Hash, Member}} end,
    ok = eslaver_mirror_rows:copy(Sets, {{Id, '_', '_'}}, Make),
    {New, Size}.

%% @private
-spec discard(store(), body(), pos_integer()) -> done | {more, body()}.
discard(#{sets := Sets}, {Id, _} = Body, Limit) ->
    case eslaver_mirror_rows:discard(Sets, {{Id, '_', '_'}}, Limit) of
        done -> done;
        more -> {more, Body}
    end.

%% For the writer.

%% @doc The body of a set to be filled.
-spec new() -> body().
new() ->
    {eslaver_mirror_store:id(), 0}.

%% @doc A set of these.
-spec from_list(store(), [member()]) -> body() | empty.
from_list(Store, Members) ->
    or_empty(add(Store, new(), Members)).

%% @doc With these members.
-spec add(store(), body(), [member()]) -> body().
add(#{sets := Sets}, {Id, Size}, Members) ->
    {Id, add(Sets, Id, Members, Size)}.

add(_Sets, _Id, [], Size) ->
    Size;
add(Sets, Id, [Member | Members], Size) ->
    case ets:insert_new(Sets, {eslaver_mirror_bag:key(Id, Member)}) of
        true -> add(Sets, Id, Members, Size + 1);
        false -> add(Sets, Id, Members, Size)
    end.

%% @doc Without these members.
-spec remove(store(), body(), [member()]) -> body() | empty.
remove(#{sets := Sets}, {Id, Size}, Members) ->
    or_empty({Id, remove(Sets, Id, Members, Size)}).

remove(_Sets, _Id, [], Size) ->
    Size;
remove(Sets, Id, [Member | Members], Size) ->
    case ets:take(Sets, eslaver_mirror_bag:key(Id, Member)) of
        [] -> remove(Sets, Id, Members, Size);
        [_] -> remove(Sets, Id, Members, Size - 1)
    end.

or_empty({_, 0}) -> empty;
or_empty(Body) -> Body.

%% For readers.

-spec size(store(), body()) -> non_neg_integer().
size(_Store, {_, Size}) ->
    Size.

-spec is_member(store(), body(), member()) -> boolean().
is_member(#{sets := Sets}, {Id, _}, Member) ->
    ets:member(Sets, eslaver_mirror_bag:key(Id, Member)).

-spec are_members(store(), body() | none, [member()]) -> [boolean()].
are_members(_Store, none, Members) ->
    [false || _ <- Members];
are_members(Store, Body, Members) ->
    [is_member(Store, Body, Member) || Member <- Members].

%% @doc Folds over the members, in no order.
-spec fold(store(), body(), fun((member(), Acc) -> Acc), Acc) -> Acc.
fold(Store, Body, Fun, Acc) ->
    lists:foldl(Fun, Acc, members(Store, Body)).

-spec members(store(), body() | none) -> [member()].
members(_Store, none) ->
    [];
members(#{sets := Sets}, {Id, _}) ->
    ets:select(Sets, [{{{Id, '_', '$1'}}, [], ['$1']}]).

%% @doc A member by chance.
-spec random(store(), body()) -> member().
random(#{sets := Sets}, {Id, Size}) ->
    member(eslaver_mirror_bag:random(Sets, Id, Size)).

%% @doc So many, different ones; with a negative count any.
-spec random(store(), body() | none, integer()) -> [member()].
random(_Store, none, _Count) ->
    [];
random(#{sets := Sets}, {Id, Size}, Count) ->
    [member(Key) || Key <- eslaver_mirror_bag:sample(Sets, Id, Size, Count)].

member({_Id, _Hash, Member}) ->
    Member.

%% @doc About `Count' members from a cursor on, and the next cursor, or 0.
-spec scan(store(), body(), {Cursor :: non_neg_integer(), Count :: pos_integer()}) ->
    {non_neg_integer(), [member()]}.
scan(#{sets := Sets}, {Id, _}, {Cursor, Count}) ->
    {Next, Keys} = eslaver_mirror_bag:from(Sets, Id, Cursor, Count),
    {Next, [member(Key) || Key <- Keys]}.

%% @doc What is in all of several sets, of which `none' is an empty one; no more than `Limit',
%% where 0 is no limit.
-spec intersection(store(), [body() | none, ...], Limit :: non_neg_integer()) -> [member()].
intersection(Store, Bodies, Limit) ->
    case lists:member(none, Bodies) of
        true ->
            [];
        false ->
            [Smallest | Others] = lists:keysort(2, Bodies),
            common(Store, members(Store, Smallest), Others, Limit)
    end.

common(Store, Members, Others, Limit) ->
    IsCommon = fun(Member) ->
        lists:all(fun(Body) -> is_member(Store, Body, Member) end, Others)
    end,
    case Limit of
        0 -> lists:filter(IsCommon, Members);
        _ -> first(Limit, IsCommon, Members)
    end.

first(0, _Is, _Members) ->
    [];
first(_Limit, _Is, []) ->
    [];
first(Limit, Is, [Member | Members]) ->
    case Is(Member) of
        true -> [Member | first(Limit - 1, Is, Members)];
        false -> first(Limit, Is, Members)
    end.

%% @doc What is in any.
-spec union(store(), [body() | none]) -> [member()].
union(Store, Bodies) ->
    lists:usort(lists:append([members(Store, Body) || Body <- Bodies])).

%% @doc What is in the first and in no other.
-spec difference(store(), [body() | none, ...]) -> [member()].
difference(Store, [First | Others]) ->
    There = [Body || Body <- Others, Body =/= none],
    IsOwn = fun(Member) ->
        not lists:any(fun(Body) -> is_member(Store, Body, Member) end, There)
    end,
    lists:filter(IsOwn, members(Store, First)).
