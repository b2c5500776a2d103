%% @doc Streams in a mirror's tables: the stream's body, and what concerns both entries and groups.
%% @private
-module(eslaver_mirror_stream).

-behaviour(eslaver_mirror_type).

-export([load/3, copy/2, discard/3]).
-export([new/0, add/4, delete/4, trim/4, entries_read_to/3, next_read/4]).
-export([length/2, range/5, has_deleted_from/2]).

-export_type([body/0, policy/0, limit/0]).

-type store() :: eslaver_mirror_store:store().
-type entry_id() :: eslaver_mirror_stream_id:id().

-type body() :: #{
    id := eslaver_mirror_store:id(),
    length := non_neg_integer(),
    %% The last id given, even if its entry has been deleted.
    last_id := entry_id(),
    %% The greatest id deleted by `XDEL'.
    max_deleted_id := entry_id(),
    entries_added := non_neg_integer(),
    idmp := eslaver_mirror_stream_idmp:state()
}.

-type policy() :: keepref | delref | acked.
%% What deleting an entry means for groups in which it is pending: it stays pending (`keepref'), it
%% is no longer pending (`delref'), or it is deleted only when all groups have acknowledged it
%% (`acked').

-type limit() :: {maxlen, non_neg_integer()} | {minid, entry_id()}.

-define(FIRST, {0, 0}).
-define(LAST, {16#FFFFFFFFFFFFFFFF, 16#FFFFFFFFFFFFFFFF}).

%% For the behaviour.

%% @private
-spec load(store(), map(), map()) -> body().
load(Store, #{entries := Entries, last_id := Last, groups := Groups} = Value, _Meta) ->
    #{id := Id} = New = new(),
    lists:foreach(
        fun({EntryId, Fields}) ->
            ok = eslaver_mirror_stream_entries:insert(Store, Id, parse(EntryId), Fields)
        end,
        Entries
    ),
    Length = erlang:length(Entries),
    Body = New#{
        length := Length,
        last_id := parse(Last),
        max_deleted_id := parse(maps:get(max_deleted_id, Value, <<"0-0">>)),
        entries_added := maps:get(entries_added, Value, Length)
    },
    HasCounts = maps:is_key(entries_added, Value),
    lists:foreach(fun(Group) -> load_group(Store, Body, Group, HasCounts) end, Groups),
    Idmp = eslaver_mirror_stream_idmp:load(Store, Id, maps:get(idmp, Value, undefined)),
    Body#{idmp := Idmp}.

%% Before Redis 7.0 a snapshot has no counts; since then they are missing if the master does not
%% know them.
load_group(Store, #{id := Id} = Body, #{name := Name, last_id := LastText} = Group, HasCounts) ->
    Last = parse(LastText),
    Read =
        case Group of
            #{entries_read := Number} -> Number;
            #{} when HasCounts -> undefined;
            #{} -> entries_read_to(Store, Body, Last)
        end,
    ok = eslaver_mirror_stream_groups:create(Store, Id, Name, Last, Read),
    lists:foreach(
        fun(Consumer) -> load_consumer(Store, Id, Name, Consumer) end,
        maps:get(
            consumers, Group
        )
    ),
    lists:foreach(
        fun(#{id := Entry, delivered_at := At, deliveries := Count} = Delivered) ->
            Pending = {parse(Entry), maps:get(consumer, Delivered, nobody), At, Count},
            ok = eslaver_mirror_stream_groups:claim(Store, Id, Name, Pending)
        end,
        maps:get(pending, Group)
    ).

load_consumer(Store, Id, Group, #{name := Name, seen_at := SeenAt} = Consumer) ->
    ok = eslaver_mirror_stream_groups:create_consumer(Store, Id, {Group, Name}, SeenAt),
    ActiveAt =
        case Consumer of
            #{active_at := At} when At >= 0 -> At;
            #{} -> undefined
        end,
    eslaver_mirror_stream_groups:consumer_times(Store, Id, {Group, Name}, SeenAt, ActiveAt).

parse(Text) ->
    eslaver_mirror_stream_id:parse(Text).

%% @private
-spec copy(store(), body()) -> body().
copy(#{entries := Entries, groups := Groups}, #{id := Id} = Body) ->
    New = eslaver_mirror_store:id(),
    Make = fun(Row) -> setelement(1, Row, setelement(1, element(1, Row), New)) end,
    ok = eslaver_mirror_rows:copy(Entries, {{Id, '_', '_'}, '_'}, Make),
    lists:foreach(
        fun(Pattern) -> ok = eslaver_mirror_rows:copy(Groups, Pattern, Make) end,
        eslaver_mirror_stream_groups:patterns(Id)
    ),
    Body#{id := New}.

%% @private
-spec discard(store(), body(), pos_integer()) -> done | {more, body()}.
discard(#{entries := Entries, groups := Groups}, #{id := Id} = Body, Limit) ->
    OfGroups = [{Groups, Pattern} || Pattern <- eslaver_mirror_stream_groups:patterns(Id)],
    discard_from([{Entries, {{Id, '_', '_'}, '_'}} | OfGroups], Limit, Body).

discard_from([{Table, Pattern} | Others], Limit, Body) ->
    case eslaver_mirror_rows:discard(Table, Pattern, Limit) of
        done -> discard_from(Others, Limit, Body);
        more -> {more, Body}
    end;
discard_from([], _Limit, _Body) ->
    done.

%% For the writer.

%% @doc A stream that never had an entry.
-spec new() -> body().
new() ->
    #{
        id => eslaver_mirror_store:id(),
        length => 0,
        last_id => ?FIRST,
        max_deleted_id => ?FIRST,
        entries_added => 0,
        idmp => eslaver_mirror_stream_idmp:new()
    }.

%% @doc Adds an entry, whose id must be greater than all before.
-spec add(store(), body(), entry_id(), eslaver_mirror_stream_entries:fields()) -> body().
add(Store, #{id := Id, last_id := Last, length := Length} = Body, EntryId, Fields) when
    EntryId > Last
->
    #{entries_added := Added} = Body,
    ok = eslaver_mirror_stream_entries:insert(Store, Id, EntryId, Fields),
    Body#{length := Length + 1, last_id := EntryId, entries_added := Added + 1}.

%% @doc Deletes entries.
-spec delete(store(), body(), [entry_id()], policy()) -> body().
delete(Store, Body, EntryIds, Policy) ->
    lists:foldl(
        fun(EntryId, Acc) ->
            case delete_one(Store, Acc, EntryId, Policy) of
                {true, #{max_deleted_id := Max} = Next} ->
                    Next#{max_deleted_id := max(Max, EntryId)};
                {false, Same} ->
                    Same
            end
        end,
        Body,
        EntryIds
    ).

delete_one(Store, #{id := Id, length := Length} = Body, EntryId, Policy) ->
    case may_delete(Store, Id, EntryId, Policy) of
        true ->
            case eslaver_mirror_stream_entries:delete(Store, Id, EntryId) of
                true -> {true, Body#{length := Length - 1}};
                false -> {false, Body}
            end;
        false ->
            {false, Body}
    end.

may_delete(_Store, _Id, _EntryId, keepref) ->
    true;
may_delete(Store, Id, EntryId, delref) ->
    ok = eslaver_mirror_stream_groups:unreference(Store, Id, EntryId),
    true;
may_delete(Store, Id, EntryId, acked) ->
    not eslaver_mirror_stream_groups:is_referenced(Store, Id, EntryId).

%% @doc Deletes the first entries, down to the limit.
-spec trim(store(), body(), limit(), policy()) -> body().
trim(Store, #{id := Id} = Body, Limit, Policy) ->
    eslaver_mirror_stream_entries:fold_ids(
        fun(EntryId, Acc) ->
            case is_within(Limit, EntryId, Acc) of
                true ->
                    {stop, Acc};
                false ->
                    {_, Next} = delete_one(Store, Acc, EntryId, Policy),
                    {go_on, Next}
            end
        end,
        Body,
        {Store, Id},
        {?FIRST, ?LAST}
    ).

is_within({maxlen, Most}, _EntryId, #{length := Length}) -> Length =< Most;
is_within({minid, Least}, EntryId, _Body) -> EntryId >= Least.

%% @doc How many entries had been added up to this id; `undefined' if that cannot be known.
-spec entries_read_to(store(), body(), entry_id()) -> eslaver_mirror_stream_groups:read().
entries_read_to(_Store, #{entries_added := 0}, _EntryId) ->
    0;
entries_read_to(_Store, #{length := 0, last_id := Last, entries_added := Added}, EntryId) when
    EntryId =< Last
->
    Added;
entries_read_to(_Store, #{max_deleted_id := Deleted}, EntryId) when
    EntryId =/= ?FIRST, EntryId < Deleted
->
    undefined;
entries_read_to(_Store, #{last_id := EntryId, entries_added := Added}, EntryId) ->
    Added;
entries_read_to(_Store, #{last_id := Last}, EntryId) when EntryId > Last ->
    undefined;
entries_read_to(Store, #{id := Id, max_deleted_id := Deleted} = Body, EntryId) ->
    #{length := Length, entries_added := Added} = Body,
    case eslaver_mirror_stream_entries:first(Store, Id) of
        First when Deleted =/= ?FIRST, Deleted >= First -> undefined;
        First when EntryId < First -> Added - Length;
        EntryId -> Added - Length + 1;
        _ -> undefined
    end.

%% @doc How many entries a group has read including this one, given that it had read `Read' up to
%% `Last'.
-spec next_read(
    store(), body(), {Last :: entry_id(), eslaver_mirror_stream_groups:read()}, entry_id()
) -> eslaver_mirror_stream_groups:read().
next_read(Store, #{id := Id} = Body, {Last, Read}, EntryId) when is_integer(Read) ->
    First = eslaver_mirror_stream_entries:first(Store, Id),
    case Last >= First andalso not has_deleted_from(Body, Last) of
        true -> Read + 1;
        false -> entries_read_to(Store, Body, EntryId)
    end;
next_read(Store, Body, {_Last, undefined}, EntryId) ->
    entries_read_to(Store, Body, EntryId).

%% For readers.

%% @doc Whether entries with this or a greater id may have been deleted.
-spec has_deleted_from(body(), entry_id()) -> boolean().
has_deleted_from(#{length := 0}, _EntryId) -> false;
has_deleted_from(#{max_deleted_id := ?FIRST}, _EntryId) -> false;
has_deleted_from(#{max_deleted_id := Deleted}, EntryId) -> EntryId =< Deleted.

-spec length(store(), body()) -> non_neg_integer().
length(_Store, #{length := Length}) ->
    Length.

%% @doc The entries from one end of a range to the other, forward or backward.
-spec range(store(), body(), entry_id(), entry_id(), non_neg_integer() | infinity) ->
    [eslaver_mirror_stream_entries:entry()].
range(Store, #{id := Id}, From, To, Count) ->
    eslaver_mirror_stream_entries:range(Store, Id, From, To, Count).
