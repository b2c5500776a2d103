%% @doc The entries of a stream: rows `{{Id, Ms, Seq}, [{Field, Value}]}' of an ordered_set.
%% @private
-module(eslaver_mirror_stream_entries).

-export([insert/4, delete/3, is_member/3, find/3, first/2, last/2, range/5, fold_ids/4]).
-export_type([entry/0, fields/0]).

-type store() :: eslaver_mirror_store:store().
-type id() :: eslaver_mirror_store:id().
-type entry_id() :: eslaver_mirror_stream_id:id().
-type fields() :: [{Field :: binary(), Value :: binary()}].
-type entry() :: {entry_id(), fields()}.

%% @doc Adds an entry. It raises if the entry exists.
-spec insert(store(), id(), entry_id(), fields()) -> ok.
insert(#{entries := Entries}, Id, {Ms, Seq}, Fields) ->
    true = ets:insert_new(Entries, {{Id, Ms, Seq}, Fields}),
    ok.

%% @doc Removes an entry. Returns whether it existed.
-spec delete(store(), id(), entry_id()) -> boolean().
delete(#{entries := Entries}, Id, {Ms, Seq}) ->
    ets:take(Entries, {Id, Ms, Seq}) =/= [].

-spec is_member(store(), id(), entry_id()) -> boolean().
is_member(#{entries := Entries}, Id, {Ms, Seq}) ->
    ets:member(Entries, {Id, Ms, Seq}).

-spec find(store(), id(), entry_id()) -> entry() | none.
find(#{entries := Entries}, Id, {Ms, Seq} = EntryId) ->
    case ets:lookup(Entries, {Id, Ms, Seq}) of
        [{_, Fields}] -> {EntryId, Fields};
        [] -> none
    end.

-spec first(store(), id()) -> entry_id() | none.
first(#{entries := Entries}, Id) ->
    own(Id, ets:next(Entries, {Id, -1, 0})).

%% An atom is greater than any number.
-spec last(store(), id()) -> entry_id() | none.
last(#{entries := Entries}, Id) ->
    own(Id, ets:prev(Entries, {Id, infinity, 0})).

own(Id, {Id, Ms, Seq}) -> {Ms, Seq};
own(_Id, _) -> none.

%% @doc At most `Count' entries from one id to another, forward or backward.
-spec range(store(), id(), From :: entry_id(), To :: entry_id(), Count :: integer() | infinity) ->
    [entry()].
range(Store, Id, From, To, Count) ->
    {_, Entries} = fold_ids(
        fun
            (_EntryId, {0, _} = Acc) ->
                {stop, Acc};
            (EntryId, {Left, Found}) ->
                {go_on, {less(Left), [find(Store, Id, EntryId) | Found]}}
        end,
        {Count, []},
        {Store, Id},
        {From, To}
    ),
    lists:reverse(Entries).

less(infinity) -> infinity;
less(Count) -> Count - 1.

%% @doc Folds over the ids from one to another, until the fun returns `stop'.
-spec fold_ids(
    fun((entry_id(), Acc) -> {go_on | stop, Acc}),
    Acc,
    {store(), id()},
    {From :: entry_id(), To :: entry_id()}
) -> Acc.
fold_ids(Fun, Acc, {#{entries := Entries}, Id}, {{Ms, Seq} = From, To}) when From =< To ->
    Step = fun(Key) -> ets:next(Entries, Key) end,
    fold_ids(Fun, Acc, Step, Id, Step({Id, Ms, Seq - 1}), fun(EntryId) -> EntryId =< To end);
fold_ids(Fun, Acc, {#{entries := Entries}, Id}, {{Ms, Seq}, To}) ->
    Step = fun(Key) -> ets:prev(Entries, Key) end,
    fold_ids(Fun, Acc, Step, Id, Step({Id, Ms, Seq + 1}), fun(EntryId) -> EntryId >= To end).

fold_ids(Fun, Acc, Step, Id, {Id, Ms, Seq} = Key, IsWithin) ->
    case IsWithin({Ms, Seq}) of
        true ->
            case Fun({Ms, Seq}, Acc) of
                {go_on, Next} -> fold_ids(Fun, Next, Step, Id, Step(Key), IsWithin);
                {stop, Last} -> Last
            end;
        false ->
            Acc
    end;
fold_ids(_Fun, Acc, _Step, _Id, _OtherKey, _IsWithin) ->
    Acc.
