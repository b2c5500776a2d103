%% @doc Applies the commands that write the consumer groups of streams.
%% @private
-module(eslaver_mirror_stream_group_commands).

-export([commands/0, apply/3]).

-define(LAST, {16#FFFFFFFFFFFFFFFF, 16#FFFFFFFFFFFFFFFF}).
%% How many entries `XAUTOCLAIM' claims by default, and how many it looks at for each.
-define(COUNT, 100).
-define(ATTEMPTS, 10).
%% The deliveries of an entry that must not be delivered again.
-define(MOST_DELIVERIES, 16#7FFFFFFFFFFFFFFF).

%% @private
-spec commands() -> [binary()].
commands() ->
    [
        <<"xgroup">>,
        <<"xack">>,
        <<"xackdel">>,
        <<"xclaim">>,
        <<"xautoclaim">>,
        <<"xreadgroup">>,
        <<"xnack">>
    ].

%% @private
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"xgroup">>, [Subcommand, Key, Group | Args], Ctx) ->
    group(string:lowercase(Subcommand), Key, Group, Args, Ctx);
apply(<<"xack">>, [Key, Group | EntryIds], #{store := Store} = Ctx) ->
    #{id := Id} = body(Ctx, Key),
    _ = acknowledge(Store, Id, Group, [parse(EntryId) || EntryId <- EntryIds]),
    ok;
apply(<<"xackdel">>, [Key, Group | Args], #{store := Store} = Ctx) ->
    #{id := Id} = Body = body(Ctx, Key),
    {Policy, EntryIds} = eslaver_mirror_stream_args:ids(Args),
    Acknowledged = acknowledge(Store, Id, Group, EntryIds),
    After = eslaver_mirror_stream:delete(Store, Body, Acknowledged, Policy),
    eslaver_mirror_keys:update(Ctx, Key, After);
apply(<<"xclaim">>, [Key, Group, Consumer, MinIdle | Args], Ctx) ->
    #{id := Id} = body(Ctx, Key),
    {EntryIds, Options} = claim_options(Args, [], Ctx),
    claim(Ctx, Id, {Group, Consumer}, EntryIds, Options#{min_idle => binary_to_integer(MinIdle)});
apply(<<"xautoclaim">>, [Key, Group, Consumer, MinIdle, Start | Args], Ctx) ->
    #{id := Id} = body(Ctx, Key),
    Options = autoclaim_options(Args, #{}),
    autoclaim(Ctx, Id, {Group, Consumer}, parse(Start), Options#{
        min_idle => binary_to_integer(MinIdle)
    });
apply(<<"xreadgroup">>, Args, Ctx) ->
    #{group := Whose, streams := Streams} = Options = read_options(Args, #{}),
    {Keys, Starts} = lists:split(length(Streams) div 2, Streams),
    lists:foreach(
        fun({Key, Start}) -> read(Ctx, body(Ctx, Key), Whose, Start, Options) end,
        lists:zip(Keys, Starts)
    );
apply(<<"xnack">>, [Key, Group, Mode | Args], #{store := Store} = Ctx) ->
    #{id := Id} = body(Ctx, Key),
    {_, _, _, _} = eslaver_mirror_stream_groups:group(Store, Id, Group),
    Options = nack_options(Args, #{mode => string:lowercase(Mode), is_forced => false}),
    lists:foreach(
        fun(EntryId) -> give_back(Store, Id, Group, EntryId, Options) end,
        maps:get(entry_ids, Options)
    ).

body(Ctx, Key) ->
    #{} = eslaver_mirror_keys:body(Ctx, Key, stream).

parse(EntryId) ->
    eslaver_mirror_stream_id:parse(EntryId).

%% XGROUP

group(<<"create">>, Key, Group, [Last | Args], #{store := Store} = Ctx) ->
    eslaver_mirror_keys:change(Ctx, Key, stream, fun eslaver_mirror_stream:new/0, fun(Body) ->
        #{id := Id} = Body,
        ok = eslaver_mirror_stream_groups:create(
            Store, Id, Group, last(Last, Body), entries_read(Args, Body, Store)
        ),
        Body
    end);
group(<<"setid">>, Key, Group, [Last | Args], #{store := Store} = Ctx) ->
    #{id := Id} = Body = body(Ctx, Key),
    ok = eslaver_mirror_stream_groups:set_last(Store, Id, Group, last(Last, Body)),
    eslaver_mirror_stream_groups:set_read(Store, Id, Group, entries_read(Args, Body, Store));
group(<<"destroy">>, Key, Group, [], #{store := Store} = Ctx) ->
    #{id := Id} = body(Ctx, Key),
    eslaver_mirror_stream_groups:destroy(Store, Id, Group);
group(<<"createconsumer">>, Key, Group, [Consumer], #{store := Store, now := Now} = Ctx) ->
    #{id := Id} = body(Ctx, Key),
    eslaver_mirror_stream_groups:create_consumer(Store, Id, {Group, Consumer}, Now);
group(<<"delconsumer">>, Key, Group, [Consumer], #{store := Store} = Ctx) ->
    #{id := Id} = body(Ctx, Key),
    eslaver_mirror_stream_groups:delete_consumer(Store, Id, Group, Consumer).

last(<<"$">>, #{last_id := Last}) -> Last;
last(Text, _Body) -> parse(Text).

%% Since Redis 8.4 the count is limited to the entries added.
entries_read([], _Body, _Store) ->
    undefined;
entries_read([Name | Args], #{entries_added := Added} = Body, Store) ->
    #{redis_version := Version} = Store,
    case {string:lowercase(Name), Args} of
        {<<"mkstream">>, _} ->
            entries_read(Args, Body, Store);
        {<<"entriesread">>, [<<"-1">> | Rest]} ->
            entries_read(Rest, Body, Store);
        {<<"entriesread">>, [Read | _]} when is_tuple(Version), Version >= {8, 4} ->
            min(binary_to_integer(Read), Added);
        {<<"entriesread">>, [Read | _]} ->
            binary_to_integer(Read)
    end.

acknowledge(Store, Id, Group, EntryIds) ->
    [
        EntryId
     || EntryId <- EntryIds, eslaver_mirror_stream_groups:release(Store, Id, Group, EntryId)
    ].

%% XCLAIM

%% The ids come first; the first argument that is no id is an option.
claim_options([<<Digit, _/binary>> = EntryId | Args], EntryIds, Ctx) when
    Digit >= $0, Digit =< $9
->
    claim_options(Args, [parse(EntryId) | EntryIds], Ctx);
claim_options(Args, EntryIds, #{now := Now}) ->
    {lists:reverse(EntryIds), claim_options(Args, Now)}.

claim_options([], _Now) ->
    #{};
claim_options([Name | Args], Now) ->
    case {string:lowercase(Name), Args} of
        {<<"force">>, _} ->
            (claim_options(Args, Now))#{is_forced => true};
        {<<"justid">>, _} ->
            (claim_options(Args, Now))#{is_just_id => true};
        {<<"idle">>, [Idle | Rest]} ->
            (claim_options(Rest, Now))#{delivered_at => Now - binary_to_integer(Idle)};
        {<<"time">>, [Time | Rest]} ->
            (claim_options(Rest, Now))#{delivered_at => binary_to_integer(Time)};
        {<<"retrycount">>, [Count | Rest]} ->
            (claim_options(Rest, Now))#{deliveries => binary_to_integer(Count)};
        {<<"lastid">>, [Last | Rest]} ->
            (claim_options(Rest, Now))#{last_id => parse(Last)}
    end.

claim(#{store := Store, now := Now} = Ctx, Id, {Group, _} = Whose, EntryIds, Options) ->
    {_, Last, _, _} = eslaver_mirror_stream_groups:group(Store, Id, Group),
    NewLast = max(Last, maps:get(last_id, Options, Last)),
    ok = eslaver_mirror_stream_groups:set_last(Store, Id, Group, NewLast),
    ok = eslaver_mirror_stream_groups:create_consumer(Store, Id, Whose, Now),
    Claimed = [EntryId || EntryId <- EntryIds, claim_one(Ctx, Id, Whose, EntryId, Options)],
    see(Ctx, Id, Whose, Claimed).

claim_one(#{store := Store} = Ctx, Id, {Group, _} = Whose, EntryId, Options) ->
    Pending = eslaver_mirror_stream_groups:pending(Store, Id, Group, EntryId),
    case {eslaver_mirror_stream_entries:is_member(Store, Id, EntryId), Pending} of
        {_, none} when not is_map_key(is_forced, Options) ->
            false;
        {false, none} ->
            false;
        {false, _} ->
            claim_gone(Ctx, Id, Whose, EntryId, Options);
        {true, none} ->
            claim_it(Ctx, Id, Whose, {EntryId, 1}, Options);
        {true, {_, _, DeliveredAt, Count}} ->
            is_idle(Ctx, DeliveredAt, Options) andalso
                claim_it(Ctx, Id, Whose, {EntryId, Count}, Options)
    end.

%% If the entry has been deleted, masters before Redis 7.0 replicate that it is claimed, later ones
%% that it is no longer pending; both by XCLAIM.
claim_gone(#{store := Store}, Id, {Group, Consumer}, EntryId, Options) ->
    #{redis_version := {_, _} = Version} = Store,
    case Version < {7, 0} of
        true ->
            #{delivered_at := DeliveredAt, deliveries := Count} = Options,
            Claimed = {EntryId, Consumer, DeliveredAt, Count},
            ok = eslaver_mirror_stream_groups:claim(Store, Id, Group, Claimed),
            true;
        false ->
            _ = eslaver_mirror_stream_groups:release(Store, Id, Group, EntryId),
            false
    end.

claim_it(#{store := Store, now := Now}, Id, {Group, Consumer}, {EntryId, Count}, Options) ->
    Deliveries =
        case Options of
            #{deliveries := Given} when Given >= 0 -> Given;
            #{is_just_id := true} -> Count;
            #{} -> Count + 1
        end,
    DeliveredAt = maps:get(delivered_at, Options, Now),
    Claimed = {EntryId, Consumer, DeliveredAt, Deliveries},
    ok = eslaver_mirror_stream_groups:claim(Store, Id, Group, Claimed),
    true.

is_idle(#{now := Now}, DeliveredAt, #{min_idle := MinIdle}) ->
    MinIdle =< 0 orelse Now - DeliveredAt >= MinIdle.

%% Updates when a consumer was last seen, and when it last got an entry.
see(#{store := Store, now := Now}, Id, {Group, Consumer} = Whose, Got) ->
    {_, _, ActiveAt, _} = eslaver_mirror_stream_groups:consumer(Store, Id, Group, Consumer),
    Active =
        case Got of
            [] -> ActiveAt;
            [_ | _] -> Now
        end,
    eslaver_mirror_stream_groups:consumer_times(Store, Id, Whose, Now, Active).

%% XNACK

nack_options([], Options) ->
    Options;
nack_options([Name | Args], Options) ->
    case {string:lowercase(Name), Args} of
        {<<"ids">>, [Count | Rest]} ->
            {EntryIds, Others} = lists:split(binary_to_integer(Count), Rest),
            nack_options(Others, Options#{entry_ids => [parse(EntryId) || EntryId <- EntryIds]});
        {<<"retrycount">>, [Count | Rest]} ->
            nack_options(Rest, Options#{deliveries => binary_to_integer(Count)});
        {<<"force">>, _} ->
            nack_options(Args, Options#{is_forced := true})
    end.

%% With FORCE an entry becomes pending even if it was not, as long as the stream has it.
give_back(Store, Id, Group, EntryId, #{is_forced := IsForced} = Options) ->
    case eslaver_mirror_stream_groups:pending(Store, Id, Group, EntryId) of
        {_, _, _, Count} ->
            pend(Store, Id, Group, EntryId, Count, Options);
        none ->
            case IsForced andalso eslaver_mirror_stream_entries:is_member(Store, Id, EntryId) of
                true -> pend(Store, Id, Group, EntryId, 0, Options);
                false -> ok
            end
    end.

pend(Store, Id, Group, EntryId, Count, Options) ->
    Deliveries =
        case Options of
            #{deliveries := Given} -> Given;
            #{mode := <<"silent">>} -> max(0, Count - 1);
            #{mode := <<"fail">>} -> Count;
            #{mode := <<"fatal">>} -> ?MOST_DELIVERIES
        end,
    eslaver_mirror_stream_groups:claim(Store, Id, Group, {EntryId, nobody, 0, Deliveries}).

%% XAUTOCLAIM

autoclaim_options([], Options) ->
    Options;
autoclaim_options([Name | Args], Options) ->
    case {string:lowercase(Name), Args} of
        {<<"count">>, [Count | Rest]} ->
            autoclaim_options(Rest, Options#{count => binary_to_integer(Count)});
        {<<"justid">>, _} ->
            autoclaim_options(Args, Options#{is_just_id => true})
    end.

autoclaim(#{store := Store, now := Now} = Ctx, Id, {Group, _} = Whose, Start, Options) ->
    ok = eslaver_mirror_stream_groups:create_consumer(Store, Id, Whose, Now),
    Count = maps:get(count, Options, ?COUNT),
    {_, _, Claimed} = eslaver_mirror_stream_groups:fold_pending(
        fun
            (_, {Left, Attempts, _} = Acc) when Left =:= 0; Attempts =:= 0 ->
                {stop, Acc};
            ({EntryId, _, _, _} = Pending, {Left, Attempts, Claimed}) ->
                case autoclaim_one(Ctx, Id, Whose, Pending, Options) of
                    claimed -> {go_on, {Left - 1, Attempts - 1, [EntryId | Claimed]}};
                    deleted -> {go_on, {Left - 1, Attempts - 1, Claimed}};
                    busy -> {go_on, {Left, Attempts - 1, Claimed}}
                end
        end,
        {Count, Count * ?ATTEMPTS, []},
        {Store, Id},
        {Group, any},
        {Start, ?LAST}
    ),
    see(Ctx, Id, Whose, Claimed).

autoclaim_one(#{store := Store} = Ctx, Id, {Group, _} = Whose, Pending, Options) ->
    {EntryId, _, DeliveredAt, Count} = Pending,
    case eslaver_mirror_stream_entries:is_member(Store, Id, EntryId) of
        false ->
            _ = eslaver_mirror_stream_groups:release(Store, Id, Group, EntryId),
            deleted;
        true ->
            case is_idle(Ctx, DeliveredAt, Options) of
                true ->
                    true = claim_it(Ctx, Id, Whose, {EntryId, Count}, Options),
                    claimed;
                false ->
                    busy
            end
    end.

%% XREADGROUP

read_options([Name | Args], Options) ->
    case {string:lowercase(Name), Args} of
        {<<"group">>, [Group, Consumer | Rest]} ->
            read_options(Rest, Options#{group => {Group, Consumer}});
        {<<"count">>, [Count | Rest]} ->
            read_options(Rest, Options#{count => binary_to_integer(Count)});
        {<<"block">>, [_ | Rest]} ->
            read_options(Rest, Options);
        {<<"noack">>, _} ->
            read_options(Args, Options#{is_acknowledged => true});
        {<<"streams">>, _} ->
            Options#{streams => Args}
    end.

%% Only `>' delivers entries. A read of the history changes nothing but the consumer's times.
read(#{store := Store, now := Now} = Ctx, #{id := Id} = Body, Whose, <<">">>, Options) ->
    {Group, _} = Whose,
    ok = eslaver_mirror_stream_groups:create_consumer(Store, Id, Whose, Now),
    {_, Last, _, _} = eslaver_mirror_stream_groups:group(Store, Id, Group),
    Entries =
        case eslaver_mirror_stream_id:next(Last) of
            none ->
                [];
            Next ->
                Count = maps:get(count, Options, infinity),
                eslaver_mirror_stream_entries:range(Store, Id, Next, ?LAST, Count)
        end,
    EntryIds = [EntryId || {EntryId, _} <- Entries],
    lists:foreach(fun(EntryId) -> deliver(Ctx, Body, Whose, EntryId, Options) end, EntryIds),
    see(Ctx, Id, Whose, EntryIds);
read(#{store := Store, now := Now} = Ctx, #{id := Id}, Whose, _Start, _Options) ->
    ok = eslaver_mirror_stream_groups:create_consumer(Store, Id, Whose, Now),
    see(Ctx, Id, Whose, []).

deliver(#{store := Store} = Ctx, #{id := Id} = Body, {Group, _} = Whose, EntryId, Options) ->
    {_, Last, Read, _} = eslaver_mirror_stream_groups:group(Store, Id, Group),
    NewRead = eslaver_mirror_stream:next_read(Store, Body, {Last, Read}, EntryId),
    ok = eslaver_mirror_stream_groups:set_last(Store, Id, Group, EntryId),
    ok = eslaver_mirror_stream_groups:set_read(Store, Id, Group, NewRead),
    case Options of
        #{is_acknowledged := true} -> true;
        #{} -> claim_it(Ctx, Id, Whose, {EntryId, 1}, #{deliveries => 1})
    end.
