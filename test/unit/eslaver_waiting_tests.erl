%% Calls that wait: when each is answered, and that they are forgotten.
-module(eslaver_waiting_tests).

-include_lib("eunit/include/eunit.hrl").

-define(A, <<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">>).
-define(B, <<"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb">>).

%% A is the first history, B the one that left it behind offset 100.
histories(?A) ->
    begun(?A, undefined, undefined, eslaver_histories:new());
histories(?B) ->
    begun(?B, ?A, 101, histories(?A)).

begun(Id, Parent, Second, Histories) ->
    Peer = #{role => master, replid => Id, replid2 => Parent, second_offset => Second},
    eslaver_histories:begun(place(Id, 0), eslaver_histories:told(Peer, Histories)).

place(Replid, Offset) -> #{replid => Replid, offset => Offset, db => 0}.

at(Replid, Offset) -> {place(Replid, Offset), histories(Replid)}.

nowhere() -> {undefined, histories(?A)}.

%% A process that waits, and says how it was answered.
caller() ->
    Test = self(),
    spawn(fun() ->
        receive
            {call, Tag} ->
                receive
                    {Tag, Answer} -> Test ! {self(), Answer}
                end
        end
    end).

call(Goal, Reach, Waiting) ->
    {Caller, Tag, Id} = {caller(), make_ref(), make_ref()},
    Caller ! {call, Tag},
    {Caller, Id, eslaver_waiting:call({await, Id, Goal}, {Caller, Tag}, Reach, Waiting)}.

answer(Caller) -> answer(Caller, 100).

answer(Caller, Timeout) ->
    receive
        {Caller, Answer} -> Answer
    after Timeout -> none
    end.

%% The goal and where the server is at the call, what follows, and the answer.
answers_test_() ->
    Table = [
        {loaded, nowhere(), [{loaded, at(?A, 1)}], ok},
        {loaded, nowhere(), [{reached, 1}], none},
        {{?A, 50}, at(?A, 50), [], ok},
        {{?A, 50}, at(?A, 49), [], none},
        {{?A, 50}, at(?A, 49), [{reached, 49}, {reached, 50}], ok},
        {{?A, 50}, at(?A, 49), [{reached, undefined}, {reached, 49}], none},
        {{any, 50}, at(?A, 49), [{reached, 60}], ok},
        {{any, 50}, nowhere(), [{loaded, at(?A, 50)}], ok},
        {{any, 50}, nowhere(), [{loaded, at(?A, 49)}, {reached, 50}], ok},
        %% it is one of the history that was followed at the call
        {{any, 101}, at(?A, 90), [{loaded, at(?B, 200)}], {error, diverged}},
        {{any, 100}, at(?A, 90), [{loaded, at(?B, 90)}, {reached, 100}], ok},
        {{?A, 100}, at(?B, 99), [{reached, 100}], ok},
        {{?A, 101}, at(?B, 99), [], {error, diverged}},
        {{?A, 101}, at(?A, 99), [{loaded, at(?B, 99)}], {error, diverged}},
        {{?B, 150}, at(?A, 99), [{reached, 200}], none},
        {{?B, 150}, at(?A, 99), [{reached, 200}, {loaded, at(?B, 120)}], none},
        {{?B, 150}, at(?A, 99), [{loaded, at(?B, 120)}, {reached, 150}], ok},
        {{?B, 150}, at(?A, 99), [{loaded, at(?B, 150)}], ok},
        %% a snapshot is loaded
        {{?A, 50}, at(?A, 49), [{reached, undefined}, {loaded, at(?A, 60)}], ok},
        {{?A, 50}, at(?A, 49), [{reached, undefined}, {loaded, at(?A, 40)}, {reached, 50}], ok},
        %% the master has no histories
        {{?A, 50}, at(?A, 49), [{loaded, nowhere()}, {reached, 60}], none}
    ],
    [
        ?_test(begin
            {Caller, _, Called} = call(Goal, Reach, eslaver_waiting:new()),
            Waiting = lists:foldl(fun step/2, Called, Steps),
            ?assertEqual({Line, Answer}, {Line, answer(Caller)}),
            %% nothing is left of a call that has been answered
            Answer =:= none orelse ?assertEqual(none, eslaver_waiting:next(Waiting)),
            ?assertEqual({Line, Answer =/= none}, {Line, is_demonitored(Caller)})
        end)
     || {Line, {Goal, Reach, Steps, Answer}} <- lists:enumerate(Table)
    ].

step({reached, Offset}, Waiting) -> eslaver_waiting:reached(Offset, Waiting);
step({loaded, Reach}, Waiting) -> eslaver_waiting:loaded(Reach, Waiting).

is_demonitored(Caller) ->
    {monitors, Monitors} = process_info(self(), monitors),
    not lists:member({process, Caller}, Monitors) andalso
        receive
            {'DOWN', _, process, Caller, _} -> false
        after 0 -> true
        end.

%% The data is already of another history, of which nothing is known yet.
news_to_come_test() ->
    {_, _, Waiting} = call({?A, 50}, at(?A, 10), eslaver_waiting:new()),
    {Unknown, _} = at(?B, 200),
    {Caller, _, Called} = call({?A, 101}, {Unknown, histories(?A)}, Waiting),
    ?assertEqual(none, answer(Caller, 20)),
    _ = eslaver_waiting:loaded(at(?B, 200), Called),
    ?assertEqual({error, diverged}, answer(Caller)).

loaded_stays_test() ->
    Waiting = eslaver_waiting:loaded(at(?A, 1), eslaver_waiting:new()),
    {Caller, _, _} = call(loaded, nowhere(), Waiting),
    ?assertEqual(ok, answer(Caller)).

%% Whatever their order, each is answered when its offset is reached, and not before.
order_test() ->
    Offsets = [30, 10, 20, 10, 40],
    {Callers, Waiting} = lists:mapfoldl(
        fun(Offset, Acc) ->
            {Caller, _, Next} = call({?A, Offset}, at(?A, 0), Acc),
            {{Offset, Caller}, Next}
        end,
        eslaver_waiting:new(),
        Offsets
    ),
    ?assertEqual({?A, 10}, eslaver_waiting:next(Waiting)),
    Left = lists:foldl(
        fun(Reached, Acc) ->
            Next = eslaver_waiting:reached(Reached, Acc),
            Answered = [Offset || {Offset, Caller} <- Callers, answer(Caller, 20) =:= ok],
            ?assertEqual(lists:sort([O || O <- Offsets, O =:= Reached]), lists:sort(Answered)),
            Next
        end,
        Waiting,
        [10, 20, 30]
    ),
    ?assertEqual({?A, 40}, eslaver_waiting:next(Left)).

given_up_test() ->
    {First, FirstId, One} = call({?A, 10}, at(?A, 0), eslaver_waiting:new()),
    {_, SecondId, Two} = call({?A, 20}, at(?A, 0), One),
    Without = eslaver_waiting:cast({give_up, FirstId}, Two),
    ?assertEqual({?A, 20}, eslaver_waiting:next(Without)),
    ?assertEqual(none, answer(First, 20)),
    Empty = eslaver_waiting:cast({give_up, SecondId}, Without),
    ?assertEqual(none, eslaver_waiting:next(Empty)),
    ?assertEqual(Empty, eslaver_waiting:cast({give_up, SecondId}, Empty)),
    ?assertEqual(Empty, eslaver_waiting:reached(50, Empty)).

ended_test() ->
    {Caller, _, Waiting} = call({?A, 10}, at(?A, 0), eslaver_waiting:new()),
    true = exit(Caller, kill),
    receive
        {'DOWN', Monitor, process, Caller, killed} ->
            ?assertEqual(none, eslaver_waiting:next(eslaver_waiting:down(Monitor, Waiting)))
    after 1000 -> error(no_monitor)
    end,
    ?assertEqual(Waiting, eslaver_waiting:down(make_ref(), Waiting)).
