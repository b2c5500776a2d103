%% @doc Applies the commands that write sorted sets. Masters replicate blocking pops, and pops from
%% the first of several keys, rewritten or verbatim.
%% @private
-module(eslaver_mirror_zset_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

%% @private
-spec commands() -> [binary()].
commands() ->
    [
        <<"zadd">>,
        <<"zincrby">>,
        <<"zrem">>,
        <<"zremrangebyrank">>,
        <<"zremrangebyscore">>,
        <<"zremrangebylex">>,
        <<"zpopmin">>,
        <<"zpopmax">>,
        <<"bzpopmin">>,
        <<"bzpopmax">>,
        <<"zmpop">>,
        <<"bzmpop">>,
        <<"zunionstore">>,
        <<"zinterstore">>,
        <<"zdiffstore">>,
        <<"zrangestore">>,
        <<"zmove">>,
        <<"bzmove">>,
        <<"zmovemember">>
    ].

%% @private
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"zadd">>, [Key | Args], Ctx) ->
    {Flags, Members} = flags(Args),
    add(Ctx, Key, Flags, Members);
apply(<<"zincrby">>, [Key, Increment, Member], Ctx) ->
    add(Ctx, Key, [incr], [Increment, Member]);
apply(<<"zrem">>, [Key | Members], Ctx) ->
    change(Ctx, Key, fun(Store, Zset) -> eslaver_mirror_zset:remove(Store, Zset, Members) end);
apply(<<"zremrangebyrank">>, Args, Ctx) ->
    remove_range(Ctx, index, Args);
apply(<<"zremrangebyscore">>, Args, Ctx) ->
    remove_range(Ctx, score, Args);
apply(<<"zremrangebylex">>, Args, Ctx) ->
    remove_range(Ctx, lex, Args);
apply(<<"zpopmin">>, [Key | Count], Ctx) ->
    pop(Ctx, Key, forward, count(Count));
apply(<<"zpopmax">>, [Key | Count], Ctx) ->
    pop(Ctx, Key, backward, count(Count));
apply(<<"bzpopmin">>, Args, Ctx) ->
    pop_first(Ctx, lists:droplast(Args), forward, 1);
apply(<<"bzpopmax">>, Args, Ctx) ->
    pop_first(Ctx, lists:droplast(Args), backward, 1);
apply(<<"zmpop">>, [Number | Args], Ctx) ->
    {Keys, [End | Count]} = lists:split(binary_to_integer(Number), Args),
    pop_first(Ctx, Keys, way(string:lowercase(End)), count(Count));
apply(<<"bzmpop">>, [_Timeout | Args], Ctx) ->
    ?MODULE:apply(<<"zmpop">>, Args, Ctx);
apply(<<"zunionstore">>, Args, Ctx) ->
    store(Ctx, fun eslaver_mirror_zset_algebra:union/3, Args);
apply(<<"zinterstore">>, Args, Ctx) ->
    store(Ctx, fun eslaver_mirror_zset_algebra:intersection/3, Args);
apply(<<"zdiffstore">>, Args, Ctx) ->
    Difference = fun(Store, Sources, #{}) ->
        eslaver_mirror_zset_algebra:difference(Store, Sources)
    end,
    store(Ctx, Difference, Args);
apply(<<"zrangestore">>, [To, From, Start, Stop | Options], Ctx) ->
    store_range(Ctx, To, From, {Start, Stop}, range_options(Options));
apply(<<"zmove">>, [From, To, End], Ctx) ->
    move(Ctx, From, To, fun(Store, Zset) ->
        Selection = {{index, 0, 0}, way(string:lowercase(End)), none},
        Span = eslaver_mirror_zset_range:select(Store, Zset, Selection),
        [Entry] = eslaver_mirror_zset:fold(Store, Zset, fun keep/2, [], {Span, forward}),
        Entry
    end);
apply(<<"bzmove">>, [From, To, End, _Timeout], Ctx) ->
    ?MODULE:apply(<<"zmove">>, [From, To, End], Ctx);
apply(<<"zmovemember">>, [From, To, Member], Ctx) ->
    move(Ctx, From, To, fun(Store, Zset) ->
        {eslaver_mirror_zset:score(Store, Zset, Member), Member}
    end).

keep(Entry, Entries) ->
    [Entry | Entries].

%% The member keeps its score, whatever score it had at the target.
move(_Ctx, Same, Same, _Choose) ->
    ok;
move(#{store := Store} = Ctx, From, To, Choose) ->
    Zset = eslaver_mirror_keys:existing(Ctx, From, zset),
    _ = eslaver_mirror_keys:body(Ctx, To, zset),
    {Score, Member} = Choose(Store, Zset),
    true = Score =/= undefined,
    ok = eslaver_mirror_keys:settle(
        Ctx, From, eslaver_mirror_zset:remove(Store, Zset, [Member])
    ),
    eslaver_mirror_keys:change(Ctx, To, zset, fun eslaver_mirror_zset:new/0, fun(Other) ->
        eslaver_mirror_zset:put(Store, Other, Member, Score)
    end).

change(#{store := Store} = Ctx, Key, Change) ->
    Zset = eslaver_mirror_keys:existing(Ctx, Key, zset),
    eslaver_mirror_keys:settle(Ctx, Key, Change(Store, Zset)).

%% Adding.

flags([Arg | Args] = All) ->
    case flag(Arg) of
        none ->
            {[], All};
        Flag ->
            {Flags, Rest} = flags(Args),
            {[Flag | Flags], Rest}
    end.

%% Of the characters that a score can begin with, only letters can begin a flag.
flag(<<C, _/binary>> = Arg) when C > $9 ->
    case string:lowercase(Arg) of
        <<"nx">> -> nx;
        <<"xx">> -> xx;
        <<"gt">> -> gt;
        <<"lt">> -> lt;
        <<"ch">> -> ch;
        <<"incr">> -> incr;
        _ -> none
    end;
flag(_) ->
    none.

add(#{store := Store} = Ctx, Key, Flags, Members) ->
    eslaver_mirror_keys:change(Ctx, Key, zset, fun eslaver_mirror_zset:new/0, fun(Zset) ->
        Next = add_all(Store, Zset, Flags, Members),
        case eslaver_mirror_zset:size(Store, Next) of
            0 -> empty;
            _ -> Next
        end
    end).

add_all(_Store, Zset, _Flags, []) ->
    Zset;
add_all(Store, Zset, Flags, [Text, Member | Members]) ->
    Score = eslaver_mirror_score:parse(Text),
    Next =
        case Flags of
            [] -> eslaver_mirror_zset:put(Store, Zset, Member, Score);
            _ -> add_one(Store, Zset, Flags, Member, Score)
        end,
    add_all(Store, Next, Flags, Members).

add_one(Store, Zset, Flags, Member, Given) ->
    Old = eslaver_mirror_zset:score(Store, Zset, Member),
    Score =
        case Old =/= undefined andalso lists:member(incr, Flags) of
            true -> eslaver_mirror_score:add(Given, Old);
            false -> Given
        end,
    case Score =/= nan andalso lists:all(fun(Flag) -> allows(Flag, Old, Score) end, Flags) of
        true -> eslaver_mirror_zset:put(Store, Zset, Member, Score);
        false when Score =/= nan -> Zset
    end.

allows(nx, Old, _Score) -> Old =:= undefined;
allows(xx, Old, _Score) -> Old =/= undefined;
allows(gt, Old, Score) -> Old =:= undefined orelse Score > Old;
allows(lt, Old, Score) -> Old =:= undefined orelse Score < Old;
allows(_, _Old, _Score) -> true.

%% Removing.

remove_range(Ctx, By, [Key, Low, High]) ->
    Range = eslaver_mirror_zset_range:parse(By, forward, Low, High),
    change(Ctx, Key, fun(Store, Zset) ->
        remove(Store, Zset, {Range, forward, none})
    end).

remove(Store, Zset, Selection) ->
    eslaver_mirror_zset:remove_span(Store, Zset, select(Store, Zset, Selection)).

select(Store, Zset, Selection) ->
    true = eslaver_mirror_zset_range:is_certain(Store, Zset, Selection),
    eslaver_mirror_zset_range:select(Store, Zset, Selection).

pop(Ctx, Key, Way, Most) ->
    change(Ctx, Key, fun(Store, Zset) ->
        remove(Store, Zset, {{index, 0, Most - 1}, Way, none})
    end).

pop_first(Ctx, Keys, Way, Count) ->
    {Key, _Zset} = eslaver_mirror_keys:first(Ctx, Keys, zset),
    pop(Ctx, Key, Way, Count).

count([]) -> 1;
count(Args) -> binary_to_integer(lists:last(Args)).

way(<<"min">>) -> forward;
way(<<"max">>) -> backward.

%% Storing results.

store(#{store := Store} = Ctx, Operation, [To, Number | Args]) ->
    {Keys, Options} = lists:split(binary_to_integer(Number), Args),
    Rows = [
        eslaver_mirror_set:certain_row(Store, eslaver_mirror_keys:find(Ctx, Key))
     || Key <- Keys
    ],
    {ok, Sources} = eslaver_mirror_zset_algebra:sources(Rows),
    Entries = Operation(Store, Sources, options(length(Keys), Options, #{})),
    put(Ctx, To, Entries).

put(#{store := Store} = Ctx, To, Entries) ->
    eslaver_mirror_keys:put(Ctx, To, zset, eslaver_mirror_zset:from_list(Store, Entries), infinity).

options(_Number, [], Options) ->
    Options;
options(Number, [Name | Args], Options) ->
    case string:lowercase(Name) of
        <<"weights">> ->
            {Weights, Rest} = lists:split(Number, Args),
            Parsed = [eslaver_mirror_score:parse(Weight) || Weight <- Weights],
            options(Number, Rest, Options#{weights => Parsed});
        <<"aggregate">> ->
            [How | Rest] = Args,
            options(Number, Rest, Options#{aggregate => aggregate(string:lowercase(How))})
    end.

aggregate(<<"sum">>) -> sum;
aggregate(<<"min">>) -> min;
aggregate(<<"max">>) -> max;
aggregate(<<"count">>) -> count.

store_range(#{store := Store} = Ctx, To, From, {Start, Stop}, {By, Way, Limit}) ->
    Entries =
        case eslaver_mirror_keys:body(Ctx, From, zset) of
            none ->
                [];
            Zset ->
                Range = eslaver_mirror_zset_range:parse(By, Way, Start, Stop),
                Span = select(Store, Zset, {Range, Way, Limit}),
                eslaver_mirror_zset:fold(Store, Zset, fun keep/2, [], {Span, backward})
        end,
    put(Ctx, To, Entries).

range_options(Args) ->
    range_options(Args, {index, forward, none}).

range_options([], Options) ->
    Options;
range_options([Name | Args], {By, Way, Limit}) ->
    case string:lowercase(Name) of
        <<"byscore">> ->
            range_options(Args, {score, Way, Limit});
        <<"bylex">> ->
            range_options(Args, {lex, Way, Limit});
        <<"rev">> ->
            range_options(Args, {By, backward, Limit});
        <<"limit">> ->
            [Offset, Count | Rest] = Args,
            Parsed = {binary_to_integer(Offset), binary_to_integer(Count)},
            range_options(Rest, {By, Way, Parsed})
    end.
