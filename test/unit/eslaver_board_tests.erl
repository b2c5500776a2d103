%% Boards: what a process shows, while it does nothing, and what is left of it.
-module(eslaver_board_tests).
-behaviour(eslaver_board).

-include_lib("eunit/include/eunit.hrl").

-export([info/1]).

info(Facts) -> #{facts => Facts}.

%% A process that shows these terms, one for each message, and answers none.
shows() ->
    Test = self(),
    Process = spawn_link(fun() ->
        Board = eslaver_board:new(?MODULE),
        Test ! {self(), ready},
        show(Test, Board)
    end),
    ready(Process).

show(Test, Board) ->
    receive
        {show, Term} ->
            Next = eslaver_board:show(Term, Board),
            ?assertEqual(#{facts => Term}, eslaver_board:own(Next)),
            Test ! {self(), ready},
            show(Test, Next)
    end.

ready(Process) ->
    receive
        {Process, ready} -> Process
    end.

has_shown(Term, Process) ->
    Process ! {show, Term},
    Process = ready(Process),
    ok.

read_test() ->
    Process = shows(),
    ?assertEqual(none, eslaver_board:read(Process)),
    ?assertEqual(starting, eslaver_board:look(Process)),
    ok = has_shown(first, Process),
    true = erlang:suspend_process(Process),
    ?assertEqual({ok, #{facts => first}}, eslaver_board:read(Process)),
    ?assertEqual({ok, first}, eslaver_board:facts(Process)),
    true = erlang:resume_process(Process),
    Large = #{list => lists:seq(1, 1000), bytes => binary:copy(<<"x">>, 1000), call => fun info/1},
    [ok = has_shown(Term, Process) || Term <- [Large, Large, [], Large]],
    ?assertEqual({ok, #{facts => Large}}, eslaver_board:read(Process)).

gone_test() ->
    Process = shows(),
    ok = has_shown(it, Process),
    true = unlink(Process),
    Monitor = monitor(process, Process),
    true = exit(Process, kill),
    receive
        {'DOWN', Monitor, process, Process, killed} -> ok
    end,
    ?assertEqual(none, eslaver_board:read(Process)),
    ?assertEqual(none, eslaver_board:facts(Process)),
    ?assertEqual(none, eslaver_board:read(undefined)).

%% Many at once find each its own.
many_test() ->
    Processes = [shows() || _ <- lists:seq(1, 50)],
    [ok = has_shown({it, Process}, Process) || Process <- Processes],
    [?assertEqual({ok, {it, P}}, eslaver_board:facts(P)) || P <- Processes].
