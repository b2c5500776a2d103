%% Histories: tables of what servers tell, and a model of servers that fail over.
-module(eslaver_histories_tests).

-include_lib("eunit/include/eunit.hrl").

-define(RUNS, 300).
-define(STEPS, 120).
-define(SERVERS, 4).
%% The tokens that a run keeps.
-define(TOKENS, 60).

id(Letter) -> binary:copy(<<Letter>>, 40).

master(Id) ->
    #{
        role => master,
        replid => Id,
        replid2 => undefined,
        second_offset => undefined,
        backlog_first => 1
    }.

without_backlog(Peer) -> Peer#{backlog_first := undefined}.

master(Id, Parent, Second) ->
    (master(Id))#{replid2 := Parent, second_offset := Second}.

replica(Id, Parent, Second) ->
    (master(Id, Parent, Second))#{role := replica}.

%% Steps: {Id, Offset of the position that is continued, or {full, Offset}, what the node has told}.
followed(Steps) ->
    {_, Histories} = lists:foldl(
        fun({Id, At, Peer}, {Before, Histories}) ->
            {Id, synced(Id, Before, At, eslaver_histories:told(Peer, Histories))}
        end,
        {none, eslaver_histories:new()},
        Steps
    ),
    Histories.

synced(Id, _Before, {full, Offset}, Histories) ->
    eslaver_histories:begun(place(Id, Offset), Histories);
synced(Id, Before, Offset, Histories) ->
    eslaver_histories:continued(Id, place(Before, Offset), Histories).

place(Id, Offset) -> #{replid => Id, offset => Offset, db => 0}.

find_test_() ->
    [A, B, C, X] = [id(Letter) || Letter <- "abcx"],
    Alone = [{A, {full, 60}, master(A)}],
    Failover = Alone ++ [{B, 80, master(B, A, 101)}],
    Twice = Failover ++ [{C, 120, master(C, B, 151)}],
    Unsaid = [{A, {full, 60}, #{}}, {B, 80, #{}}],
    %% the steps, the history in which to look for which offset of which other, and what is found
    Table = [
        {Alone, A, {A, 1 bsl 60}, shared},
        {Alone, A, {X, 1}, unknown},
        {[], A, {X, 1}, unknown},
        {Failover, B, {A, 80}, shared},
        {Failover, B, {A, 100}, shared},
        {Failover, B, {A, 101}, diverged},
        {Failover, A, {B, 100}, shared},
        {Failover, A, {B, 101}, diverged},
        {Failover, B, {X, 5}, unknown},
        {Twice, C, {A, 100}, shared},
        {Twice, C, {A, 101}, diverged},
        {Twice, C, {B, 150}, shared},
        {Twice, C, {B, 151}, diverged},
        %% nothing was written between two failovers
        {Failover ++ [{C, 100, master(C, B, 101)}], C, {A, 101}, diverged},
        %% the second master had less of the first history than the first one
        {Failover ++ [{C, 70, master(C, B, 91)}], C, {A, 90}, shared},
        {Failover ++ [{C, 70, master(C, B, 91)}], C, {A, 91}, diverged},
        %% two that left the same one
        {Failover ++ [{C, {full, 60}, master(C, A, 91)}], C, {B, 90}, shared},
        {Failover ++ [{C, {full, 60}, master(C, A, 91)}], C, {B, 91}, diverged},
        {Failover ++ [{C, {full, 60}, master(C, A, 101)}], C, {B, 101}, diverged},
        %% back at the first one
        {Failover ++ [{A, {full, 60}, master(A)}], A, {B, 100}, shared},
        {Failover ++ [{A, {full, 60}, master(A)}], A, {B, 101}, diverged},
        %% the node has not said anything, or what it said is of before
        {Unsaid, B, {A, 80}, shared},
        {Unsaid, B, {A, 81}, unknown},
        {Unsaid ++ [{B, 200, master(B, A, 101)}], B, {A, 101}, diverged},
        {Alone ++ [{B, 80, replica(A, X, 5)}], B, {A, 80}, shared},
        {Alone ++ [{B, 80, replica(A, X, 5)}], B, {A, 81}, unknown},
        {[{A, {full, 60}, #{}}, {B, {full, 60}, #{}}], B, {A, 1}, unknown},
        %% a replica does not know more than when it was told of the new id
        {Alone ++ [{B, 80, replica(B, A, 91)}], B, {A, 90}, shared},
        {Alone ++ [{B, 80, replica(B, A, 91)}], B, {A, 91}, unknown},
        %% a first sync tells of the history before
        {[{B, {full, 60}, master(B, A, 101)}], B, {A, 100}, shared},
        {[{B, {full, 60}, master(B, A, 101)}], B, {A, 101}, diverged},
        %% replaced by one that has nothing of it
        {Alone ++ [{B, {full, 60}, master(B)}], B, {A, 1}, diverged},
        {Failover ++ [{C, {full, 60}, master(C)}], C, {B, 101}, diverged},
        {Failover ++ [{C, {full, 60}, master(C)}], C, {A, 1}, diverged},
        {Alone ++ [{B, {full, 60}, replica(B, undefined, undefined)}], B, {A, 1}, unknown},
        %% a failover between was missed
        {Alone ++ [{C, {full, 60}, master(C, B, 101)}], C, {A, 100}, unknown},
        {Alone ++ [{C, {full, 60}, master(C, B, 101)}], C, {A, 101}, diverged},
        %% the first replica of a master, before which offsets may stand still
        {[{B, {full, 60}, without_backlog(master(A))}], B, {A, 0}, shared},
        {[{B, {full, 60}, without_backlog(master(A))}], B, {A, 60}, shared},
        {[{B, {full, 60}, without_backlog(master(A))}], B, {A, 61}, diverged},
        {[{B, {full, 60}, master(A)}], B, {A, 0}, unknown},
        {[{B, {full, 60}, (without_backlog(master(A)))#{role := replica}}], B, {A, 60}, unknown},
        {Alone ++ [{C, {full, 60}, without_backlog(master(B))}], C, {A, 0}, diverged},
        %% nonsense of a master
        {[{A, {full, 60}, master(A, A, 9)}], A, {A, 10}, shared},
        {Failover ++ [{A, 90, master(A, B, 95)}], A, {B, 94}, shared}
    ],
    [
        ?_assertEqual(
            {Line, Found}, {Line, eslaver_histories:find(Write, In, followed(Steps))}
        )
     || {Line, {Steps, In, Write, Found}} <- lists:enumerate(Table)
    ].

%% A master that has been met and not followed yet may be followed next: then its writes are there.
told_is_not_followed_test() ->
    [A, B] = [id(Letter) || Letter <- "ab"],
    Met = eslaver_histories:told(master(B, A, 101), followed([{A, {full, 60}, master(A)}])),
    ?assertEqual(unknown, eslaver_histories:find({B, 150}, A, Met)),
    ?assertEqual(
        diverged, eslaver_histories:find({A, 101}, B, eslaver_histories:begun(place(B, 120), Met))
    ).

%% A stranger's histories do not add up: those that matter stay, and those before are unknown.
number_is_bounded_test() ->
    Steps = [
        {N, {full, 60}, master(N, integer_to_binary(I - 1), 10)}
     || I <- lists:seq(1, 1000), N <- [integer_to_binary(I)]
    ],
    Histories = followed(Steps),
    ?assertEqual(shared, eslaver_histories:find({<<"999">>, 9}, <<"1000">>, Histories)),
    ?assertEqual(diverged, eslaver_histories:find({<<"999">>, 10}, <<"1000">>, Histories)),
    ?assertEqual(unknown, eslaver_histories:find({<<"1">>, 9}, <<"1000">>, Histories)),
    ?assert(erts_debug:flat_size(Histories) < 2000).

%% A consumer follows servers as they come and go. Of every token that it was given at any time it
%% is never said that a write is there which is not, nor that one is missing which is there.
model_test_() ->
    {timeout, 120, fun() ->
        Seed = eslaver_test_env:seed(),
        _ = rand:seed(exsss, Seed),
        Counts = lists:foldl(
            fun(_, Counts) -> run(Counts) end, #{}, lists:seq(1, ?RUNS)
        ),
        [?assert(maps:get(Found, Counts) > ?RUNS * 10) || Found <- [shared, diverged, unknown]]
    end}.

-record(run, {
    servers :: eslaver_test_failovers:servers(),
    %% {Id, Offset, Write}: what was the last write of a server at some time.
    tokens = [] :: [{binary(), pos_integer(), pos_integer()}],
    histories = eslaver_histories:new(),
    place = none :: none | {binary(), [pos_integer()]},
    counts :: map()
}).

run(Counts) ->
    Run = #run{servers = eslaver_test_failovers:new(?SERVERS), counts = Counts},
    #run{counts = Next} = lists:foldl(fun(_, Acc) -> step(Acc) end, Run, lists:seq(1, ?STEPS)),
    Next.

step(#run{servers = Servers} = Run) ->
    Name = any(eslaver_test_failovers:names(Servers)),
    case rand:uniform(10) of
        N when N =< 6 -> given(Name, Run#run{servers = eslaver_test_failovers:step(Name, Servers)});
        N when N =< 9 -> checked(consumed(Name, Run));
        10 -> given(Name, Run)
    end.

given(Name, #run{servers = Servers, tokens = Tokens} = Run) ->
    case eslaver_test_failovers:has(Name, Servers) of
        {_, []} ->
            Run;
        {Id, Log} ->
            Token = {Id, length(Log), lists:last(Log)},
            Run#run{tokens = lists:sublist([Token | lists:delete(Token, Tokens)], ?TOKENS)}
    end.

%% The node may not tell, or tell too early.
consumed(Name, #run{servers = Before} = Run) ->
    Said = eslaver_test_failovers:said(Name, Before),
    case rand:uniform(4) of
        1 ->
            consumed(Name, #{}, Run);
        2 ->
            Servers = eslaver_test_failovers:step(Name, Before),
            consumed(Name, Said, Run#run{servers = Servers});
        _ ->
            consumed(Name, Said, Run)
    end.

consumed(Name, Peer, #run{servers = Servers, place = Place, histories = Histories} = Run) ->
    {Id, _} = eslaver_test_failovers:has(Name, Servers),
    Told = eslaver_histories:told(Peer, Histories),
    case {Place, continues(Place, Name, Servers)} of
        {{Old, Has}, {partial, More}} ->
            Some = lists:sublist(More, rand:uniform(length(More) + 1) - 1),
            Run#run{place = {Id, Has ++ Some}, histories = synced(Id, Old, length(Has), Told)};
        {_, {full, All}} ->
            Run#run{place = {Id, All}, histories = synced(Id, none, {full, length(All)}, Told)}
    end.

continues(none, Name, Servers) ->
    eslaver_test_failovers:psync({<<>>, 0}, Name, Servers);
continues({Old, Has}, Name, Servers) ->
    %% a backlog may have too little
    Asked =
        case rand:uniform(6) of
            1 -> <<>>;
            _ -> Old
        end,
    eslaver_test_failovers:psync({Asked, length(Has)}, Name, Servers).

checked(#run{place = {In, Log}, tokens = Tokens, histories = Histories} = Run) ->
    Longest = eslaver_test_failovers:longest(In, Run#run.servers),
    lists:foldl(
        fun({Id, Offset, Write}, #run{counts = Counts} = Acc) ->
            Found = eslaver_histories:find({Id, Offset}, In, Histories),
            [
                ?assertEqual({right, Found}, {verdict(Found, at(Offset, Has), Write), Found})
             || Has <- [Log, Longest]
            ],
            Acc#run{counts = maps:update_with(Found, fun(N) -> N + 1 end, 1, Counts)}
        end,
        Run,
        Tokens
    ).

verdict(_, none, _Write) -> right;
verdict(unknown, _, _Write) -> right;
verdict(shared, Write, Write) -> right;
verdict(diverged, Other, Write) when Other =/= Write -> right;
verdict(_, _, _) -> wrong.

at(Offset, Log) when Offset =< length(Log) -> lists:nth(Offset, Log);
at(_Offset, _Log) -> none.

any(List) -> lists:nth(rand:uniform(length(List)), List).
