%% @doc The consumer groups of a stream, in one ordered_set with keys of several sizes:
%%
%% `{{Id, Group}, LastId, EntriesRead, Pending}', `{{Id, Group, Consumer}, SeenAt, ActiveAt,
%% Pending}', `{{Id, Group, Ms, Seq}, Consumer, DeliveredAt, Deliveries}' for each pending entry,
%% and `{{Id, Group, Consumer, Ms, Seq}}' for the same by consumer. Keys are ordered by size first,
%% so each kind is a range of its own.
%% @private
-module(eslaver_mirror_stream_groups).

-export([patterns/1]).
-export([create/5, destroy/3, set_last/4, set_read/4]).
-export([create_consumer/4, delete_consumer/4, consumer_times/5]).
-export([claim/4, release/4, is_referenced/3, unreference/3]).
-export([all/2, group/3, consumers/3, consumer/4, pending/4, fold_pending/5, edges/3]).
-export_type([group/0, consumer/0, pending/0, read/0]).

-type store() :: eslaver_mirror_store:store().
-type id() :: eslaver_mirror_store:id().
-type entry_id() :: eslaver_mirror_stream_id:id().
-type name() :: binary().
-type read() :: non_neg_integer() | undefined.
%% How many entries a group has read, if that is known.
-type group() :: {name(), entry_id(), read(), Pending :: non_neg_integer()}.
-type consumer() :: {
    name(), SeenAt :: integer(), ActiveAt :: integer() | undefined, Pending :: non_neg_integer()
}.
-type pending() :: {
    entry_id(),
    Consumer :: name() | nobody,
    DeliveredAt :: integer(),
    Deliveries :: non_neg_integer()
}.
%% An entry that `XNACK' gave back is pending for nobody, and was delivered at 0.

%% @doc Patterns for all rows of a stream.
-spec patterns(id() | '_') -> [ets:match_pattern()].
patterns(Id) ->
    [
        {{Id, '_'}, '_', '_', '_'},
        {{Id, '_', '_'}, '_', '_', '_'},
        {{Id, '_', '_', '_'}, '_', '_', '_'},
        {{Id, '_', '_', '_', '_'}}
    ].

%% For the writer.

%% @doc Adds a group. It raises if the group exists.
-spec create(store(), id(), name(), entry_id(), read()) -> ok.
create(#{groups := Groups}, Id, Name, Last, Read) ->
    true = ets:insert_new(Groups, {{Id, Name}, Last, Read, 0}),
    ok.

-spec destroy(store(), id(), name()) -> ok.
destroy(#{groups := Groups}, Id, Name) ->
    true = ets:delete(Groups, {Id, Name}),
    Patterns = [
        {{Id, Name, '_'}, '_', '_', '_'},
        {{Id, Name, '_', '_'}, '_', '_', '_'},
        {{Id, Name, '_', '_', '_'}}
    ],
    lists:foreach(fun(Pattern) -> ets:match_delete(Groups, Pattern) end, Patterns).

-spec set_last(store(), id(), name(), entry_id()) -> ok.
set_last(#{groups := Groups}, Id, Name, Last) ->
    true = ets:update_element(Groups, {Id, Name}, {2, Last}),
    ok.

-spec set_read(store(), id(), name(), read()) -> ok.
set_read(#{groups := Groups}, Id, Name, Read) ->
    true = ets:update_element(Groups, {Id, Name}, {3, Read}),
    ok.

%% @doc Adds a consumer to an existing group, unless the group has it.
-spec create_consumer(store(), id(), {Group :: name(), Consumer :: name()}, SeenAt :: integer()) ->
    ok.
create_consumer(#{groups := Groups}, Id, {Group, Consumer}, SeenAt) ->
    true = ets:member(Groups, {Id, Group}),
    _ = ets:insert_new(Groups, {{Id, Group, Consumer}, SeenAt, undefined, 0}),
    ok.

%% @doc Removes a consumer and its pending entries.
-spec delete_consumer(store(), id(), Group :: name(), Consumer :: name()) -> ok.
delete_consumer(#{groups := Groups} = Store, Id, Group, Consumer) ->
    lists:foreach(
        fun(EntryId) -> release(Store, Id, Group, EntryId) end,
        owned(Store, Id, Group, Consumer)
    ),
    true = ets:delete(Groups, {Id, Group, Consumer}),
    ok.

%% @doc Sets when an existing consumer was last seen, and when it last got an entry.
-spec consumer_times(
    store(), id(), {name(), name()}, Seen :: integer(), Active :: integer() | undefined
) -> ok.
consumer_times(#{groups := Groups}, Id, {Group, Consumer}, SeenAt, ActiveAt) ->
    true = ets:update_element(Groups, {Id, Group, Consumer}, [{2, SeenAt}, {3, ActiveAt}]),
    ok.

%% @doc Makes an entry pending for one existing consumer, or for nobody.
-spec claim(store(), id(), Group :: name(), pending()) -> ok.
claim(#{groups := Groups}, Id, Group, {{Ms, Seq}, Consumer, DeliveredAt, Deliveries}) ->
    Key = {Id, Group, Ms, Seq},
    case ets:lookup(Groups, Key) of
        [] ->
            count(Groups, {Id, Group}, 1),
            own(Groups, Id, Group, Consumer, {Ms, Seq});
        [{_, Consumer, _, _}] ->
            ok;
        [{_, Owner, _, _}] ->
            disown(Groups, Id, Group, Owner, {Ms, Seq}),
            own(Groups, Id, Group, Consumer, {Ms, Seq})
    end,
    true = ets:insert(Groups, {Key, Consumer, DeliveredAt, Deliveries}),
    ok.

own(_Groups, _Id, _Group, nobody, _EntryId) ->
    ok;
own(Groups, Id, Group, Consumer, {Ms, Seq}) ->
    true = ets:insert(Groups, {{Id, Group, Consumer, Ms, Seq}}),
    count(Groups, {Id, Group, Consumer}, 1).

disown(_Groups, _Id, _Group, nobody, _EntryId) ->
    ok;
disown(Groups, Id, Group, Consumer, {Ms, Seq}) ->
    true = ets:delete(Groups, {Id, Group, Consumer, Ms, Seq}),
    count(Groups, {Id, Group, Consumer}, -1).

%% Rows of groups and of consumers both have the number of pending entries last.
count(Groups, Key, More) ->
    _ = ets:update_counter(Groups, Key, {4, More}),
    ok.

%% @doc Makes an entry no longer pending in a group. Returns whether it was.
-spec release(store(), id(), Group :: name(), entry_id()) -> boolean().
release(#{groups := Groups}, Id, Group, {Ms, Seq}) ->
    case ets:take(Groups, {Id, Group, Ms, Seq}) of
        [{_, Consumer, _, _}] ->
            disown(Groups, Id, Group, Consumer, {Ms, Seq}),
            count(Groups, {Id, Group}, -1),
            true;
        [] ->
            false
    end.

%% @doc Whether an entry is pending in any group, or still unread by one.
-spec is_referenced(store(), id(), entry_id()) -> boolean().
is_referenced(#{groups := Groups} = Store, Id, {Ms, Seq} = EntryId) ->
    lists:any(
        fun({Group, Last, _, _}) ->
            Last < EntryId orelse ets:member(Groups, {Id, Group, Ms, Seq})
        end,
        all(Store, Id)
    ).

%% @doc Makes an entry no longer pending in any group.
-spec unreference(store(), id(), entry_id()) -> ok.
unreference(Store, Id, EntryId) ->
    lists:foreach(
        fun({Group, _, _, _}) -> release(Store, Id, Group, EntryId) end, all(Store, Id)
    ).

%% For both the writer and readers.

%% @doc The groups, ordered by name.
-spec all(store(), id()) -> [group()].
all(#{groups := Groups}, Id) ->
    ets:select(Groups, [{{{Id, '$1'}, '$2', '$3', '$4'}, [], [{{'$1', '$2', '$3', '$4'}}]}]).

-spec group(store(), id(), name()) -> group() | none.
group(#{groups := Groups}, Id, Name) ->
    case ets:lookup(Groups, {Id, Name}) of
        [{_, Last, Read, Pending}] -> {Name, Last, Read, Pending};
        [] -> none
    end.

%% @doc The consumers of a group, ordered by name.
-spec consumers(store(), id(), Group :: name()) -> [consumer()].
consumers(#{groups := Groups}, Id, Group) ->
    Pattern = {{Id, Group, '$1'}, '$2', '$3', '$4'},
    ets:select(Groups, [{Pattern, [], [{{'$1', '$2', '$3', '$4'}}]}]).

-spec consumer(store(), id(), Group :: name(), Consumer :: name()) -> consumer() | none.
consumer(#{groups := Groups}, Id, Group, Name) ->
    case ets:lookup(Groups, {Id, Group, Name}) of
        [{_, SeenAt, ActiveAt, Pending}] -> {Name, SeenAt, ActiveAt, Pending};
        [] -> none
    end.

-spec pending(store(), id(), Group :: name(), entry_id()) -> pending() | none.
pending(#{groups := Groups}, Id, Group, {Ms, Seq} = EntryId) ->
    case ets:lookup(Groups, {Id, Group, Ms, Seq}) of
        [{_, Consumer, DeliveredAt, Deliveries}] -> {EntryId, Consumer, DeliveredAt, Deliveries};
        [] -> none
    end.

%% @doc The ids of the entries pending for a consumer.
-spec owned(store(), id(), Group :: name(), Consumer :: name()) -> [entry_id()].
owned(#{groups := Groups}, Id, Group, Consumer) ->
    ets:select(Groups, [{{{Id, Group, Consumer, '$1', '$2'}}, [], [{{'$1', '$2'}}]}]).

%% @doc Folds over the entries pending in a group, or for one of its consumers, from one id to
%% another, until the fun returns `stop'.
-spec fold_pending(
    fun((pending(), Acc) -> {go_on | stop, Acc}),
    Acc,
    {store(), id()},
    {Group :: name(), Consumer :: name() | any},
    {From :: entry_id(), To :: entry_id()}
) -> Acc.
fold_pending(Fun, Acc, Stream, {_, Consumer} = Whose, {{Ms, Seq}, To}) ->
    {#{groups := Groups}, Id} = Stream,
    {Group, _} = Whose,
    Before =
        case Consumer of
            any -> {Id, Group, Ms, Seq - 1};
            _ -> {Id, Group, Consumer, Ms, Seq - 1}
        end,
    fold_pending(Fun, Acc, Stream, Whose, To, ets:next(Groups, Before)).

fold_pending(Fun, Acc, {#{groups := Groups} = Store, Id} = Stream, {Group, Consumer}, To, Key) ->
    case entry_id(Key, Id, Group, Consumer) of
        EntryId when EntryId =/= none, EntryId =< To ->
            case Fun(pending(Store, Id, Group, EntryId), Acc) of
                {go_on, Next} ->
                    Following = ets:next(Groups, Key),
                    fold_pending(Fun, Next, Stream, {Group, Consumer}, To, Following);
                {stop, Last} ->
                    Last
            end;
        _ ->
            Acc
    end.

entry_id({Id, Group, Ms, Seq}, Id, Group, any) -> {Ms, Seq};
entry_id({Id, Group, Consumer, Ms, Seq}, Id, Group, Consumer) -> {Ms, Seq};
entry_id(_Key, _Id, _Group, _Consumer) -> none.

%% @doc The first and the last id of the entries pending in a group.
-spec edges(store(), id(), Group :: name()) -> {entry_id(), entry_id()} | none.
edges(#{groups := Groups}, Id, Group) ->
    First = ets:next(Groups, {Id, Group, -1, 0}),
    %% An atom is greater than any number.
    Last = ets:prev(Groups, {Id, Group, infinity, 0}),
    case {entry_id(First, Id, Group, any), entry_id(Last, Id, Group, any)} of
        {none, _} -> none;
        Edges -> Edges
    end.
