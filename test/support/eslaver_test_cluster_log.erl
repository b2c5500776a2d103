%% What was handled (eslaver_test_cluster_handler) beside what was written
%% (eslaver_test_cluster_writers): of each key each write, once and in order, whatever shard it came
%% from. What is tagged as migration does not count.
-module(eslaver_test_cluster_log).

-export([new/0, handler/1, args/1, entries/1, has/2, stick/1, release/1]).
-export([wrong/4, story/2, moved/1, shards/1, ends_with_gone/2, links/1]).
-export_type([log/0, options/0, step/0]).

-opaque log() :: eslaver_test_cluster_handler:args().
%% `losses`: a failover may have lost some of what was acknowledged.
%% `again`: what was handled may come again, as after a kill.
-type options() :: #{losses => boolean(), again => boolean()}.
%% What happened to a key.
-type step() ::
    {loaded, number() | [number()]} | pos_integer() | increased | deleted | {odd, binary()}.

%% In a table of the calling process.
-spec new() -> log().
new() ->
    #{table => ets:new(?MODULE, [public, ordered_set])}.

%% For the option `callback`.
-spec handler(log()) -> {handler, module(), eslaver_test_cluster_handler:args()}.
handler(Log) ->
    {handler, eslaver_test_cluster_handler, Log}.

%% A log of another node, in a directory.
-spec args(eslaver_test_cluster_handler:args()) -> log().
args(Args) -> Args.

-spec entries(log()) -> [eslaver_test_cluster_handler:entry()].
entries(Log) ->
    eslaver_test_cluster_handler:read(Log).

%% Whether a key was written, in the stream or in a snapshot.
-spec has(log(), binary()) -> boolean().
has(Log, Key) ->
    lists:any(
        fun({_, Event}) ->
            case Event of
                {stream, _, [Key | _], _} -> true;
                {loading, _, Key, _, _} -> true;
                _ -> false
            end
        end,
        lists:reverse(entries(Log))
    ).

%% The callbacks are stuck in what comes next, until they are released.
-spec stick(log()) -> ok.
stick(#{table := Table}) ->
    true = ets:insert(Table, {stuck, true}),
    ok.

-spec release(log()) -> ok.
release(#{table := Table}) ->
    true = ets:delete(Table, stuck),
    ok.

%% What is not as it must be.
-spec wrong(
    log(), eslaver_test_cluster_notes:notes(), eslaver_test_content:content(), options()
) -> [{Key :: binary(), Why :: term()}].
wrong(Log, Notes, Contents, Options) ->
    Steps = steps(fresh(entries(Log), Options)),
    Keys = lists:usort(maps:keys(Notes) ++ maps:keys(Steps)),
    [
        {Key, Why}
     || Key <- Keys,
        Why <- [
            judged(
                eslaver_test_cluster_writers:parse(Key),
                maps:get(Key, Steps, []),
                maps:get(Key, Notes, []),
                maps:get({0, Key}, Contents, none),
                maps:get(losses, Options, false)
            )
        ],
        Why =/= ok
    ].

%% Where nothing may come again, what does is seen.
fresh(Entries, #{again := true}) ->
    {Fresh, _} = lists:foldl(
        fun({_, Event} = Entry, {Kept, Seen}) ->
            case place(Event) of
                none -> {[Entry | Kept], Seen};
                Place when is_map_key(Place, Seen) -> {Kept, Seen};
                Place -> {[Entry | Kept], Seen#{Place => true}}
            end
        end,
        {[], #{}},
        Entries
    ),
    lists:reverse(Fresh);
fresh(Entries, _Options) ->
    Entries.

place({stream, Name, Args, #{shard := Shard, offset := Offset}}) -> {Shard, Offset, Name, Args};
place(_) -> none.

%% What happened to each key.
steps(Entries) ->
    Grouped = lists:foldl(
        fun({_, Event}, Acc) ->
            lists:foldl(
                fun({Key, Step}, Keys) ->
                    maps:update_with(Key, fun(More) -> [Step | More] end, [Step], Keys)
                end,
                Acc,
                parts(Event)
            )
        end,
        #{},
        Entries
    ),
    maps:map(fun(_, Steps) -> lists:reverse(Steps) end, Grouped).

parts({loading, _Type, _Key, _Value, #{origin := migration}}) ->
    [];
parts({loading, Type, Key, Value, #{db := _}}) ->
    [{Key, {loaded, numbers(Type, Value)}} || is_ours(Key)];
parts({stream, _Name, _Args, #{origin := migration}}) ->
    [];
parts({stream, Name, Args, #{}}) ->
    [{Key, Step} || {Key, Step} <- written(Name, Args), is_ours(Key)];
parts(_) ->
    [].

is_ours(Key) ->
    eslaver_test_cluster_writers:parse(Key) =/= other.

numbers(list, Values) -> [binary_to_integer(Value) || Value <- Values];
numbers(hash, [{<<"n">>, Value}]) -> binary_to_integer(Value);
numbers(string, Value) -> binary_to_integer(Value).

written(<<"incr">>, [Key]) ->
    [{Key, increased}];
written(<<"rpush">>, [Key | Values]) ->
    [{Key, binary_to_integer(Value)} || Value <- Values];
written(<<"hset">>, [Key, <<"n">>, Value]) ->
    [{Key, binary_to_integer(Value)}];
written(<<"set">>, [Key, Value | _]) ->
    [{Key, binary_to_integer(Value)} || is_ours(Key)];
written(<<"mset">>, [Key, Value | More]) ->
    [{Key, binary_to_integer(Value)} | written(<<"mset">>, More)];
written(<<"mset">>, []) ->
    [];
written(Name, Keys) when Name =:= <<"del">>; Name =:= <<"unlink">> ->
    [{Key, deleted} || Key <- Keys];
written(<<"pexpireat">>, _) ->
    [];
written(Name, [Key | _]) ->
    [{Key, {odd, Name}}];
written(_, []) ->
    [].

judged(Kind, Steps, Notes, Item, Losses) ->
    {First, Since} = since_load(Steps),
    Odd = [Step || {odd, _} = Step <- Since],
    case Odd of
        [] -> of_kind(Kind, First, Since, Notes, Item, Losses);
        _ -> {odd, Odd}
    end.

%% The last that was loaded, and what came then.
since_load(Steps) ->
    {Since, Before} = lists:splitwith(
        fun
            ({loaded, _}) -> false;
            (_) -> true
        end,
        lists:reverse(Steps)
    ),
    First =
        case Before of
            [{loaded, Value} | _] -> Value;
            [] -> none
        end,
    {First, lists:reverse(Since)}.

of_kind(c, First, Since, _Notes, Item, Losses) ->
    Count = number(First) + length([increased || increased <- Since]),
    Has = binary_to_integer(maps:get(value, Item)),
    Deleted = [deleted || deleted <- Since],
    case {Count, Deleted} of
        {Has, []} -> ok;
        {More, []} when Losses, More > Has -> ok;
        _ -> {counted, Count, Deleted, {cluster, Has}}
    end;
of_kind(Kind, First, Since, Notes, Item, Losses) when Kind =:= l; Kind =:= t ->
    Has = [binary_to_integer(Value) || Value <- maps:get(value, Item)],
    All = list(First) ++ Since,
    Lasting = [Number || {Number, _} <- Notes],
    case Losses of
        false when All =:= Has -> ok;
        true ->
            case {lists:usort(All) =:= All, Has -- All, All -- Lasting} of
                {true, [], []} -> ok;
                {Sorted, Missing, Foreign} ->
                    {list, {sorted, Sorted}, {missing, Missing}, {foreign, Foreign}}
            end;
        false -> {list, apart(All, Has)}
    end;
of_kind(s, First, Since, Notes, _Item, _Losses) ->
    case {Notes, Since} of
        {[{First, _}], []} -> ok;
        %% the snapshot of a replica may be from before it
        {[{Number, _}], [Number]} when First =:= none -> ok;
        _ -> {still, First, Since, Notes}
    end;
of_kind(x, First, Since, Notes, _Item, Losses) ->
    told(x, First, [Number || Number <- Since, Number =/= deleted], Notes, Losses);
of_kind(Kind, First, Since, Notes, _Item, Losses) ->
    told(Kind, First, Since, Notes, Losses).

told(Kind, First, Since, Notes, Losses) ->
    Expected = expected(Kind, First, Notes),
    case lists:any(fun(Some) -> is_told(Since, Some, Losses) end, Expected) of
        true -> ok;
        false -> {told, First, shown(Since), {written, shown(hd(Expected))}}
    end.

number(none) -> 0;
number(Number) -> Number.

list(none) -> [];
list(List) -> List.

%% What may have been noted after the snapshot, which had this number, or none: then the key was
%% deleted, or had expired.
expected(Kind, none, Notes) ->
    [Notes | [Rest || [Last | Rest] <- suffixes(Notes), Kind =:= x orelse is_end(Last)]];
expected(_Kind, First, Notes) ->
    case lists:dropwhile(fun({Number, _}) -> Number =/= First end, Notes) of
        [_ | Rest] -> [Rest];
        [] -> [Notes]
    end.

is_end({deleted, _}) -> true;
is_end({_, Was}) -> Was =:= unknown.

suffixes([]) -> [];
suffixes([_ | Rest] = List) -> [List | suffixes(Rest)].

%% The same steps in the same order. Those that are unknown, or that a failover lost, may be left
%% out.
is_told([], [], _) -> true;
is_told([Step | Steps], [{Step, _} | Notes], Losses) -> is_told(Steps, Notes, Losses);
is_told(Steps, [{_, unknown} | Notes], Losses) -> is_told(Steps, Notes, Losses);
is_told(Steps, [{_, acknowledged} | Notes], true) -> is_told(Steps, Notes, true);
is_told(_, _, _) -> false.

%% Where they begin to differ.
apart([Same | Some], [Same | Others]) -> apart(Some, Others);
apart(Told, Has) -> {{told, lists:sublist(Told, 8)}, {cluster, lists:sublist(Has, 8)}}.

shown(Steps) ->
    lists:nthtail(max(0, length(Steps) - 12), Steps).

%% For people: what was handled of a key, with the moves of its slot, links and shards.
-spec story(log(), Key :: binary()) -> iodata().
story(Log, Key) ->
    Slot = eslaver_test_cluster:slot(Key),
    [
        io_lib:format("~b ms: ~0tp~n", [Time div 1_000_000, Event])
     || {{Time, _}, Event} <- entries(Log), is_of(Event, Key, Slot)
    ].

is_of({stream, _, Args, #{}}, Key, _Slot) -> lists:member(Key, Args);
is_of({loading, _, Key, _, _}, Key, _Slot) -> true;
is_of({slots, moved, #{ranges := Ranges}}, _Key, Slot) ->
    eslaver_test_cluster_nodes:in(Slot, Ranges);
is_of({link, _, _}, _Key, _Slot) -> true;
is_of({shard, _, _}, _Key, _Slot) -> true;
is_of(_, _Key, _Slot) -> false.

%% What was told of slots that moved, in order.
-spec moved(log()) -> [#{ranges := list(), from := term(), to := term(), _ => _}].
moved(Log) ->
    [Move || {_, {slots, moved, Move}} <- entries(Log)].

%% What was told of shards, in order.
-spec shards(log()) -> [{up | gone, Shard :: binary()}].
shards(Log) ->
    [{What, Shard} || {_, {shard, What, #{shard := Shard}}} <- entries(Log)].

%% Whether nothing was told of a shard after it was gone.
-spec ends_with_gone(log(), Shard :: binary()) -> boolean().
ends_with_gone(Log, Shard) ->
    Of = [Event || {_, Event} <- entries(Log), shard_of(Event) =:= Shard],
    element(2, lists:last(Of)) =:= gone.

shard_of({stream, _, _, #{shard := Shard}}) -> Shard;
shard_of({loading, _, _, _, #{shard := Shard}}) -> Shard;
shard_of({shard, _, #{shard := Shard}}) -> Shard;
shard_of(_) -> none.

%% How each link began.
-spec links(log()) -> [{full | partial, Why :: atom()}].
links(Log) ->
    [{Resync, Why} || {_, {link, up, #{resync := Resync, why := Why}}} <- entries(Log)].
