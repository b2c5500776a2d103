%% @doc What a mirror shows of itself ({@link eslaver_board}), and what `info' makes of it, with
%% what the keyspace and the replica show.
%% @private
-module(eslaver_mirror_facts).
-behaviour(eslaver_board).

-export([info/1]).
-export_type([facts/0]).

-type facts() :: #{
    keyspace := eslaver_nif:keyspace(),
    persist := map(),
    restarts := non_neg_integer(),
    projections := [eslaver_mirror_projection:shown()],
    start_error := term(),
    replica := pid() | undefined
}.

%% @doc The info of these facts.
-spec info(facts()) -> map().
info(#{keyspace := Keyspace, persist := Persist, projections := Projections} = Facts) ->
    Replica = replica(Facts),
    {_Ticket, Lag, BehindFor, Rate, _} =
        eslaver_nif:backlog_info(eslaver_nif:keyspace_backlog(Keyspace)),
    lists:foldl(fun maps:merge/2, eslaver_nif:keyspace_info(Keyspace), [
        Persist,
        maps:with([restarts, start_error], Facts),
        #{
            projections => maps:from_list([
                eslaver_mirror_projection:info(One)
             || One <- Projections
            ]),
            replica => Replica,
            lag => lag(Lag, Replica),
            behind_for => BehindFor,
            events_per_second => Rate
        }
    ]).

%% Without a link nobody knows how much there is.
lag(Lag, #{state := streaming}) -> Lag;
lag(_Lag, _Replica) -> undefined.

replica(#{replica := Replica}) ->
    case eslaver_board:read(Replica) of
        {ok, Info} -> Info;
        none -> #{}
    end.
