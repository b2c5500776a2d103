%% @doc Whether a replica, a mirror or a cluster is as it should be, from its info: for probes. If
%% not, what is wrong, since when, and what to do about it.
%% @private
-module(eslaver_health).

-export([check/1]).
-export_type([why/0]).

-type why() :: #{state := atom(), since := integer(), text := binary()}.
%% `since' is in ms since the epoch.

%% @doc Checks what an info says.
-spec check(map()) -> ok | {error, why()}.
check(#{shards := Shards} = Info) when map_size(Shards) =:= 0 ->
    {error, why(connecting, now_ms(), no_shard(Info))};
check(#{shards := Shards} = Info) ->
    Checked = [{Id, check_shard(Shard)} || {Id, Shard} <- maps:to_list(Shards)],
    case [{Id, Why} || {Id, {error, Why}} <- Checked] of
        [{Id, #{text := Text} = Why} | _] ->
            {error, Why#{text := eslaver_text:format("shard ~ts: ~ts", [Id, Text])}};
        [] ->
            covered(Info)
    end;
check(#{status := fresh}) ->
    ok;
check(#{status := Status} = Info) ->
    mirror(Status, Info);
check(#{state := streaming, lagging := false}) ->
    ok;
check(#{state := streaming} = Info) ->
    {error, why(lagging, now_ms() - maps:get(behind_for, Info), lag(Info))};
check(#{state := State, since := Since} = Info) ->
    {error, why(State, Since, text(State, Info))}.

why(State, Since, Text) ->
    #{state => State, since => Since, text => iolist_to_binary(Text)}.

now_ms() -> erlang:system_time(millisecond).

%% Of a cluster

no_shard(#{last_error := #{text := Text}}) ->
    ["no node of the cluster can be asked: ", Text, "; check that the nodes named in the option "
        "cluster run and can be reached"];
no_shard(_Info) ->
    "the nodes of the cluster are being asked".

check_shard(Shard) when map_size(Shard) =< 3 ->
    {error, why(connecting, now_ms(), "its process is being started")};
check_shard(Shard) ->
    check(Shard).

%% The data of all shards may be fresh while a slot has none.
covered(#{status := loading}) ->
    {error, why(loading, now_ms(), "there are slots that no shard serves")};
covered(_Info) ->
    ok.

%% Of a mirror

mirror(Status, #{replica := #{state := State, since := Since} = Replica}) when
    State =/= streaming
->
    {error, why(Status, Since, text(State, Replica))};
mirror(Status, #{start_error := Error}) when Error =/= undefined ->
    Text = eslaver_text:format("its replica cannot be started: ~0tP", [Error, 20]),
    {error, why(Status, now_ms(), Text)};
mirror(Status, #{incomplete := true, stale_for := For}) ->
    Text = "a command may have changed any key; a full sync is awaited",
    {error, why(Status, now_ms() - For, Text)};
mirror(Status, #{replica := #{master_link := down}, stale_for := For}) ->
    Text = "the replica that is followed has lost its own master",
    {error, why(Status, now_ms() - For, Text)};
mirror(stale, #{stale_for := For, behind_for := BehindFor} = Info) when BehindFor > 0 ->
    {error, why(stale, now_ms() - For, lag(Info))};
mirror(Status, #{stale_for := For, replica := Replica}) when map_size(Replica) =:= 0 ->
    {error, why(Status, now_ms() - For, "its replica is being started")};
mirror(Status, #{stale_for := For}) ->
    {error, why(Status, now_ms() - For, "what has been loaded is being taken in")}.

%% Of a replica

text(loading, Info) ->
    ["the snapshot is being loaded", far(Info), why_full(Info)];
text(waiting_for_snapshot, _Info) ->
    "the master prepares the snapshot";
text(_State, #{last_error := #{reason := Reason, text := Text}} = Info) ->
    eslaver_text:format("no link to ~ts (~ts): ~ts~ts~ts", [
        source(Info), Reason, Text, advice(Reason), next(Info)
    ]);
text(_State, Info) ->
    ["connecting to ", source(Info)].

source(#{source := undefined, master := Master}) -> Master;
source(#{source := Source}) -> Source.

next(#{next_try_in := undefined}) -> "";
next(#{next_try_in := In}) -> eslaver_text:format("; next attempt in ~b ms", [In]).

far(#{progress := #{percent := Percent}}) -> eslaver_text:format(", ~b %", [Percent]);
far(#{keys := Keys}) -> eslaver_text:format(", ~b keys so far", [Keys]).

why_full(#{last_sync := #{why := backlog}}) ->
    ": the master no longer had what follows; raise its repl-backlog-size";
why_full(_Info) ->
    "".

lag(#{lag := Lag, behind_for := For} = Info) ->
    eslaver_text:format("not everything has been handled for ~b ms~ts~ts", [
        For, bytes(Lag), eslaver_log:in_hand(Info)
    ]).

bytes(undefined) -> "";
bytes(Bytes) -> eslaver_text:format(", ~b bytes are unhandled", [Bytes]).

advice(Reason) when Reason =:= cannot_connect; Reason =:= no_address; Reason =:= unreachable ->
    "; check that the master runs, and that its host and port are right";
advice(Reason) when Reason =:= wrong_password; Reason =:= password_needed ->
    "; set the options master_auth and master_user as the master has them";
advice(Reason) when Reason =:= closed; Reason =:= timeout; Reason =:= io_error ->
    "; check that the master runs, and the network";
advice(loading) ->
    "; it will be followed once it has loaded its data";
advice(_Reason) ->
    "".
