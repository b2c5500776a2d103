%% Prints the leader of a leaderboard whenever it changes, until Enter is pressed. Events tell when
%% to look, and the mirror is where to look: both come from one replication, so that the handler of
%% an event can already read what the event has changed.
%%
%%     ERL_LIBS=_build/default/lib escript examples/new_leader.erl [Port]
-module(new_leader).
-mode(compile).
-behaviour(eslaver_handler).
-export([main/1, init/1, handle_event/2]).

main([]) ->
    main(["6379"]);
main([Port]) ->
    {ok, _} = eslaver_mirror:start_link(#{
        name => game,
        master_port => list_to_integer(Port),
        callback => {handler, ?MODULE, nobody}
    }),
    _ = io:get_line(""),
    eslaver_mirror:stop(game).

init(Leader) ->
    {ok, Leader}.

handle_event({loading, eof}, Leader) -> look(Leader);
handle_event({stream, [$z | _], [<<"scores">> | _]}, Leader) -> look(Leader);
handle_event(_Other, Leader) -> {ok, Leader}.

look(Leader) ->
    case eslaver_mirror:zrange(game, <<"scores">>, 0, 0, #{rev => true}) of
        [Leader] ->
            {ok, Leader};
        [New] ->
            Name = eslaver_mirror:hget(game, <<"user:", New/binary>>, <<"name">>),
            io:format("leader: ~0p~n", [{New, Name}]),
            {ok, New};
        [] ->
            {ok, nobody}
    end.
