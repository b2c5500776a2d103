%% @doc Sets in a mirror's tables: a row `{{Id, Hash, Member}}' for each member that does not
%% expire, `{{Id, Hash, Member}, ExpireAt}' for each other (of Redis 8.12 and Valkey 9.2), and
%% `{Id, Size, Timed}' as the body, with rows of times as of {@link eslaver_mirror_timed}. The
%% writer counts expired members until the master removes them; readers leave them out.
%% @private
-module(eslaver_mirror_set).

-behaviour(eslaver_mirror_type).

-import(eslaver_mirror_timed, [is_met/3, retime/5, expired/3, clock/0]).

-export([load/3, copy/2, discard/3]).
-export([new/0, from_list/2, add/4, remove/3, expire/5, expiry/3, certain/2, certain_row/2]).
-export([size/2, expire_times/3, is_member/3, are_members/3]).
-export([fold/4, members/2, random/2, random/3, scan/3]).
-export([intersection/3, union/2, difference/2]).

-export_type([body/0, expiry/0]).

-type body() :: eslaver_mirror_timed:body().
-type expiry() :: eslaver_mirror_timed:expiry().
-type store() :: eslaver_mirror_store:store().
-type member() :: binary().

%% How far a master's clock may be ahead of this one, in ms.
-define(SKEW, 1000).

%% For the behaviour.

%% @private
-spec load(store(), [member()], map()) -> body() | empty.
load(Store, Members, Meta) ->
    Body = add(Store, new(), Members),
    or_empty(
        lists:foldl(
            fun({Member, At}, Acc) -> expire(Store, Acc, [Member], At, always) end,
            Body,
            maps:get(member_expire_at, Meta, [])
        )
    ).

%% @private
-spec copy(store(), body()) -> body().
copy(#{sets := Sets}, {_, Size, Timed} = Body) ->
    New = eslaver_mirror_store:id(),
    Make = fun(Row) -> setelement(1, Row, setelement(1, element(1, Row), New)) end,
    lists:foreach(
        fun(Pattern) -> ok = eslaver_mirror_rows:copy(Sets, Pattern, Make) end, patterns(Body)
    ),
    ok = eslaver_mirror_timed:copy(Sets, Body, New),
    {New, Size, Timed}.

%% The rows of its members.
patterns({Id, _, 0}) -> [{{Id, '_', '_'}}];
patterns({Id, _, _}) -> [{{Id, '_', '_'}}, {{Id, '_', '_'}, '_'}].

%% @private
-spec discard(store(), body(), pos_integer()) -> done | {more, body()}.
discard(#{sets := Sets}, Body, Limit) ->
    eslaver_mirror_timed:discard(Sets, patterns(Body), Body, Limit).

%% For the writer.

%% @doc The body of an empty set.
-spec new() -> body().
new() ->
    {eslaver_mirror_store:id(), 0, 0}.

%% @doc A set of these members.
-spec from_list(store(), [member()]) -> body() | empty.
from_list(Store, Members) ->
    or_empty(add(Store, new(), Members)).

%% @doc Adds members. Existing ones keep their expiry.
-spec add(store(), body(), [member()]) -> body().
add(#{sets := Sets}, {Id, Size, Timed}, Members) ->
    {Id, add_new(Sets, Id, Members, Size), Timed}.

add_new(_Sets, _Id, [], Size) ->
    Size;
add_new(Sets, Id, [Member | Members], Size) ->
    case ets:insert_new(Sets, {eslaver_mirror_bag:key(Id, Member)}) of
        true -> add_new(Sets, Id, Members, Size + 1);
        false -> add_new(Sets, Id, Members, Size)
    end.

%% @doc Adds members, which expire at `Expiry' or keep their expiry.
-spec add(store(), body(), [member()], expiry() | keep) -> body().
add(Store, Body, Members, keep) ->
    add(Store, Body, Members);
add(Store, Body, Members, Expiry) ->
    expire(Store, add(Store, Body, Members), Members, Expiry, always).

%% @doc Removes members.
-spec remove(store(), body(), [member()]) -> body() | empty.
remove(#{sets := Sets}, Body, Members) ->
    or_empty(lists:foldl(fun(Member, Acc) -> remove_one(Sets, Acc, Member) end, Body, Members)).

remove_one(Sets, {Id, Size, Timed} = Body, Member) ->
    case ets:take(Sets, eslaver_mirror_bag:key(Id, Member)) of
        [] -> Body;
        [{_}] -> {Id, Size - 1, Timed};
        [{_, At}] -> {Id, Size - 1, Timed + retime(Sets, Id, Member, At, infinity)}
    end.

or_empty({_, 0, _}) -> empty;
or_empty(Body) -> Body.

%% @doc Changes the expiry of those members that exist and meet the condition.
-spec expire(store(), body(), [member()], expiry(), eslaver_mirror_timed:condition()) -> body().
expire(#{sets := Sets}, Body, Members, Expiry, Condition) ->
    lists:foldl(
        fun(Member, Acc) -> expire_one(Sets, Acc, Member, Expiry, Condition) end, Body, Members
    ).

expire_one(Sets, {Id, Size, Timed} = Body, Member, Expiry, Condition) ->
    Key = eslaver_mirror_bag:key(Id, Member),
    case ets:lookup(Sets, Key) of
        [] ->
            Body;
        [Row] ->
            Old = row_expiry(Row),
            case is_met(Condition, Old, Expiry) of
                true ->
                    true = ets:insert(Sets, row(Key, Expiry)),
                    {Id, Size, Timed + retime(Sets, Id, Member, Old, Expiry)};
                false ->
                    Body
            end
    end.

row(Key, infinity) -> {Key};
row(Key, At) -> {Key, At}.

row_expiry({_}) -> infinity;
row_expiry({_, At}) -> At.

%% @doc The expiry of a member, expired or not.
-spec expiry(store(), body(), member()) -> expiry() | none.
expiry(#{sets := Sets}, {Id, _, _}, Member) ->
    case ets:lookup(Sets, eslaver_mirror_bag:key(Id, Member)) of
        [Row] -> row_expiry(Row);
        [] -> none
    end.

%% @doc Returns the set if no member has expired, even by the clock of a master that is ahead of
%% this node's; else raises. Only the master knows which expired members a command has seen that
%% reads the whole set.
-spec certain(store(), body()) -> body().
certain(#{sets := Sets}, Body) ->
    0 = expired(Sets, Body, clock() + ?SKEW),
    Body.

%% @doc As {@link certain/2}, of a key's row. Values of other types are returned as they are.
-spec certain_row(store(), Row) -> Row when Row :: eslaver_mirror_store:row() | none.
certain_row(Store, {_, set, Body, _} = Row) ->
    _ = certain(Store, Body),
    Row;
certain_row(_Store, Row) ->
    Row.

%% For readers.

%% @doc The number of members that have not expired.
-spec size(store(), body()) -> non_neg_integer().
size(#{sets := Sets}, {_, Size, _} = Body) when is_integer(Size) ->
    Size - expired(Sets, Body, clock()).

%% @doc The expiry of each of these members.
-spec expire_times(store(), body() | none, [member()]) -> [expiry() | none].
expire_times(_Store, none, Members) ->
    [none || _ <- Members];
expire_times(Store, Body, Members) ->
    Now = clock(),
    [
        case expiry(Store, Body, Member) of
            At when At > Now -> At;
            _ -> none
        end
     || Member <- Members
    ].

-spec is_member(store(), body(), member()) -> boolean().
is_member(#{sets := Sets}, {Id, _, 0}, Member) ->
    ets:member(Sets, eslaver_mirror_bag:key(Id, Member));
is_member(Store, Body, Member) ->
    expire_times(Store, Body, [Member]) =/= [none].

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
members(#{sets := Sets}, {Id, _, Timed}) ->
    ets:select(Sets, [{{{Id, '_', '$1'}}, [], ['$1']}]) ++ timed(Sets, Id, Timed).

timed(_Sets, _Id, 0) -> [];
timed(Sets, Id, _) -> ets:select(Sets, [{{{Id, '_', '$1'}, '$2'}, [{'>', '$2', clock()}], ['$1']}]).

%% @doc A random member, or `undefined'.
-spec random(store(), body()) -> member() | undefined.
random(Store, Body) ->
    case random(Store, Body, 1) of
        [Member] -> Member;
        [] -> undefined
    end.

%% @doc `Count' different random members; with a negative count, `-Count' members that may repeat.
-spec random(store(), body() | none, integer()) -> [member()].
random(_Store, none, _Count) ->
    [];
random(#{sets := Sets} = Store, {Id, Size, _} = Body, Count) ->
    case expired(Sets, Body, clock()) of
        0 ->
            [member(Key) || Key <- eslaver_mirror_bag:sample(Sets, Id, Size, Count)];
        _ ->
            %% Slow, but not for long: the master removes expired members.
            eslaver_mirror_bag:some(members(Store, Body), Count)
    end.

member({_Id, _Hash, Member}) ->
    Member.

%% @doc About `Count' members from a cursor on, and the next cursor, 0 at the end.
-spec scan(store(), body(), {Cursor :: non_neg_integer(), Count :: pos_integer()}) ->
    {non_neg_integer(), [member()]}.
scan(#{sets := Sets} = Store, {Id, _, Timed} = Body, {Cursor, Count}) ->
    {Next, Keys} = eslaver_mirror_bag:from(Sets, Id, Cursor, Count),
    Members = [member(Key) || Key <- Keys],
    case Timed of
        0 -> {Next, Members};
        _ -> {Next, [Member || Member <- Members, is_member(Store, Body, Member)]}
    end.

%% @doc The members that all sets have (`none' is an empty one), at most `Limit' unless that is 0.
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

%% @doc The members that any set has.
-spec union(store(), [body() | none]) -> [member()].
union(Store, Bodies) ->
    lists:usort(lists:append([members(Store, Body) || Body <- Bodies])).

%% @doc The members that the first set has and no other.
-spec difference(store(), [body() | none, ...]) -> [member()].
difference(Store, [First | Others]) ->
    There = [Body || Body <- Others, Body =/= none],
    IsOwn = fun(Member) ->
        not lists:any(fun(Body) -> is_member(Store, Body, Member) end, There)
    end,
    lists:filter(IsOwn, members(Store, First)).
