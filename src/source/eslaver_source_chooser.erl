%% @doc Asks the replicas of a group what they have, all at the same time, and chooses one
%% ({@link eslaver_source_choice}). A process of its own, so that the replica's server never waits.
%% @private
-module(eslaver_source_chooser).

-export([start/3, stop/1]).
-export_type([access/0, chooser/0]).

%% How long a replica may take to connect and to answer, in ms.
-define(CONNECT_LIMIT, 1000).
-define(ANSWER_LIMIT, 500).
%% How long the others are waited for once there is one to choose, in ms.
-define(PATIENCE, 200).

-type access() :: #{
    user := binary() | undefined,
    password := eslaver_control:secret(),
    tls := undefined | eslaver_nif:tls()
}.
%% How to get in.

-type chooser() :: {pid(), Monitor :: reference()}.

%% @doc Begins to choose, for the calling process. It gets `{eslaver_source, Pid, {chosen, Choice}}'
%% unless the chooser, which it monitors, ends before.
-spec start([eslaver_nif:address()], eslaver_position:safe() | undefined, access()) -> chooser().
start(Addresses, Position, Access) ->
    User = self(),
    Pid = proc_lib:spawn(fun() ->
        User ! {eslaver_source, self(), {chosen, choose(Addresses, Position, Access)}}
    end),
    {Pid, erlang:monitor(process, Pid)}.

%% @doc Ends a chooser, if it has not ended.
-spec stop(chooser()) -> ok.
stop({Pid, Monitor}) ->
    true = erlang:demonitor(Monitor, [flush]),
    true = exit(Pid, shutdown),
    ok.

choose(Addresses, Position, Access) ->
    Self = self(),
    Asked = [
        {
            proc_lib:spawn_link(fun() -> Self ! {self(), ask(Access#{address => Address})} end),
            Address
        }
     || Address <- Addresses
    ],
    Deadline = eslaver_clock:now_ms() + ?CONNECT_LIMIT + ?ANSWER_LIMIT,
    answers(maps:from_list(Asked), [], Position, Deadline).

answers(Missing, Candidates, Position, _Deadline) when map_size(Missing) =:= 0 ->
    eslaver_source_choice:best(Position, Candidates);
answers(Missing, Candidates, Position, Deadline) ->
    receive
        {Pid, Said} when is_map_key(Pid, Missing) ->
            {Address, Others} = maps:take(Pid, Missing),
            Next = [{Address, Said} | Candidates],
            answers(Others, Next, Position, sooner(Next, Position, Deadline))
    after max(Deadline - eslaver_clock:now_ms(), 0) ->
        Mute = [{Address, {error, <<"it does not answer">>}} || Address <- maps:values(Missing)],
        eslaver_source_choice:best(Position, Mute ++ Candidates)
    end.

sooner(Candidates, Position, Deadline) ->
    case eslaver_source_choice:best(Position, Candidates) of
        {ok, _} -> min(Deadline, eslaver_clock:now_ms() + ?PATIENCE);
        {none, _} -> Deadline
    end.

ask(Target) ->
    case eslaver_control:connect(Target, ?CONNECT_LIMIT) of
        {ok, Control} ->
            Question = eslaver_replication_info:question(),
            case eslaver_control:call([Question], ?ANSWER_LIMIT, Control) of
                {ok, [Answer], Open} ->
                    ok = eslaver_control:close(Open),
                    eslaver_replication_info:read(Answer);
                {error, {_, Text}} ->
                    {error, Text}
            end;
        {error, {_, Text}} ->
            {error, Text}
    end.
