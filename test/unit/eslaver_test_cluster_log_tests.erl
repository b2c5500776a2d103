%% What the cluster suites find wrong in what was told: nothing where all is well, and each fault.
-module(eslaver_test_cluster_log_tests).

-include_lib("eunit/include/eunit.hrl").

-define(META, #{db => 0, shard => <<"a">>, slot => 1, origin => user}).

%% Two counters' worth of each kind, written after a snapshot.
notes() ->
    All = fun(Numbers) -> [{Number, acknowledged} || Number <- Numbers] end,
    #{
        <<"c:1:1">> => All([1, 4, 9]),
        <<"l:1:1">> => All([2, 5, 10]),
        <<"h:1:1">> => All([3, 6, 11]),
        <<"g:1:1">> => [{7, acknowledged}, {deleted, acknowledged}, {12, acknowledged}],
        <<"x:1:1">> => All([8, 13]),
        <<"s:1:1">> => All([20])
    }.

contents() ->
    String = fun(Number) -> #{type => string, value => integer_to_binary(Number)} end,
    #{
        {0, <<"c:1:1">>} => String(3),
        {0, <<"l:1:1">>} => #{type => list, value => [<<"2">>, <<"5">>, <<"10">>]},
        {0, <<"h:1:1">>} => #{type => hash, value => [{<<"n">>, <<"11">>}]},
        {0, <<"g:1:1">>} => String(12),
        {0, <<"s:1:1">>} => String(20)
    }.

events() ->
    [numbered(Number, Event) || {Number, Event} <- lists:enumerate(plain_events())].

numbered(Number, {stream, Name, Args, Meta}) -> {stream, Name, Args, Meta#{offset => Number}};
numbered(_Number, Event) -> Event.

plain_events() ->
    [
        {loading, string, <<"c:1:1">>, <<"1">>, ?META},
        {loading, list, <<"l:1:1">>, [<<"2">>], ?META},
        {loading, hash, <<"h:1:1">>, [{<<"n">>, <<"3">>}], ?META},
        {loading, string, <<"s:1:1">>, <<"20">>, ?META},
        stream(<<"set">>, [<<"g:1:1">>, <<"7">>]),
        stream(<<"incr">>, [<<"c:1:1">>]),
        stream(<<"rpush">>, [<<"l:1:1">>, <<"5">>]),
        stream(<<"hset">>, [<<"h:1:1">>, <<"n">>, <<"6">>]),
        stream(<<"del">>, [<<"g:1:1">>]),
        stream(<<"set">>, [<<"x:1:1">>, <<"8">>, <<"PXAT">>, <<"9">>]),
        stream(<<"del">>, [<<"x:1:1">>]),
        migration(<<"restore-asking">>, [<<"l:1:1">>, <<"0">>, <<"...">>]),
        migration(<<"del">>, [<<"l:1:1">>]),
        stream(<<"rpush">>, [<<"l:1:1">>, <<"10">>]),
        stream(<<"incr">>, [<<"c:1:1">>]),
        stream(<<"hset">>, [<<"h:1:1">>, <<"n">>, <<"11">>]),
        stream(<<"set">>, [<<"g:1:1">>, <<"12">>]),
        stream(<<"set">>, [<<"x:1:1">>, <<"13">>, <<"PXAT">>, <<"9">>])
    ].

stream(Name, Args) ->
    {stream, Name, Args, ?META#{offset => 0}}.

migration(Name, Args) ->
    {stream, Name, Args, ?META#{offset => 0, origin => migration}}.

wrong(Events) ->
    wrong(Events, notes(), #{}).

wrong(Events, Notes, Options) ->
    Table = ets:new(log, [ordered_set, public]),
    true = ets:insert(Table, [{{1, N}, Event} || {N, Event} <- lists:enumerate(Events)]),
    Log = eslaver_test_cluster_log:args(#{table => Table}),
    Wrong = eslaver_test_cluster_log:wrong(Log, Notes, contents(), Options),
    true = ets:delete(Table),
    lists:usort([Key || {Key, _} <- Wrong]).

all_is_well_test() ->
    ?assertEqual([], wrong(events())).

%% Of each event that is missing, that comes twice, or that comes too early.
each_fault_test_() ->
    [
        {lists:flatten(io_lib:format("~p: ~0p", [Fault, lists:sublist(Args, 2)])),
            ?_assertEqual([hd(Args)], wrong(fault(Fault, Event)))}
     || {stream, _, Args, #{origin := user}} = Event <- events(),
        Fault <- [missing, twice, swapped],
        is_seen(Fault, Event)
    ].

%% What expires and what is deleted by that cannot be told apart; the first write of a key may be
%% older than the snapshot; and one `INCR` is like another.
is_seen(_, {stream, <<"del">>, [<<"x:", _/binary>>], _}) -> false;
is_seen(swapped, {stream, _, [<<"c:", _/binary>> | _], _}) -> false;
is_seen(swapped, {stream, _, [<<"x:", _/binary>> | _], _}) -> false;
is_seen(missing, {stream, <<"set">>, [<<"x:1:1">>, <<"8">> | _], _}) -> false;
is_seen(swapped, Event) -> next(Event) =/= none;
is_seen(_, _) -> true.

fault(missing, Event) ->
    events() -- [Event];
fault(twice, Event) ->
    {Before, After} = lists:splitwith(fun(Other) -> Other =/= Event end, events()),
    Before ++ [Event | After];
fault(swapped, Event) ->
    Next = next(Event),
    [
        case Other of
            Event -> Next;
            Next -> Event;
            _ -> Other
        end
     || Other <- events()
    ].

%% The next write of the same key.
next({stream, _, [Key | _], _} = Event) ->
    [Event | After] = lists:dropwhile(fun(Other) -> Other =/= Event end, events()),
    case [Other || {stream, _, [K | _], #{origin := user}} = Other <- After, K =:= Key] of
        [Next | _] -> Next;
        [] -> none
    end.

%% What only moves is no user's.
migration_untagged_test() ->
    Untagged = [
        case Event of
            {stream, Name, Args, #{origin := migration}} -> numbered(0, stream(Name, Args));
            _ -> Event
        end
     || Event <- events()
    ],
    ?assertEqual([<<"l:1:1">>], wrong(Untagged)).

%% Told of though nobody wrote it.
foreign_test() ->
    Still = stream(<<"set">>, [<<"s:1:1">>, <<"20">>]),
    Odd = stream(<<"rename">>, [<<"g:1:1">>, <<"other">>]),
    ?assertEqual([<<"s:1:1">>], wrong(events() ++ [Still])),
    ?assertEqual([<<"g:1:1">>], wrong(events() ++ [Odd])).

%% What was not answered may be missing.
unknown_test() ->
    Notes = (notes())#{<<"h:1:1">> := [{3, acknowledged}, {6, unknown}, {11, acknowledged}]},
    ?assertEqual([], wrong(events(), Notes, #{})),
    Without = fault(missing, second_of_hash()),
    ?assertEqual([], wrong(Without, Notes, #{})).

second_of_hash() ->
    [First | _] = [Event || {stream, <<"hset">>, _, _} = Event <- events()],
    First.

%% After a kill some may come again, in their order.
again_test() ->
    Again = events() ++ lists:nthtail(10, events()),
    ?assert(length(wrong(Again)) > 2),
    ?assertEqual([], wrong(Again, notes(), #{again => true})).

%% A failover may lose what was acknowledged, but nothing goes back.
losses_test() ->
    Lost = fault(missing, second_of_hash()),
    ?assertEqual([], wrong(Lost, notes(), #{losses => true})),
    Back = fault(swapped, second_of_hash()),
    ?assertEqual([<<"h:1:1">>], wrong(Back, notes(), #{losses => true})).
