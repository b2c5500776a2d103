%% @doc Logs through {@link //kernel/logger}: reports, each with a sentence.
%%
%% The metadata has no domain, since the default handler drops unknown domains. Events of eslaver
%% have `eslaver => true' there, and `replica' and `master'.
%% @private
-module(eslaver_log).

-export([report/3, address/1, path/1, in_hand/1, format/1]).

-include_lib("kernel/include/logger.hrl").

%% @doc Logs a report, which has at least the key `replica'. The sentences below list the reports
%% and their other keys.
-spec report(logger:level(), atom(), map()) -> ok.
report(Level, What, Report) ->
    About = maps:with([replica, master], Report),
    ?LOG(Level, Report#{what => What}, About#{
        eslaver => true,
        report_cb => fun ?MODULE:format/1
    }).

%% @doc The address of a master as text.
-spec address({tcp, Host :: binary(), inet:port_number()} | {local, Path :: binary()}) -> binary().
address({tcp, Host, Port}) -> eslaver_text:format("~ts:~b", [Host, Port]);
address({local, Path}) -> path(Path).

%% @doc A path as UTF-8, even if its bytes are not.
-spec path(binary()) -> binary().
path(Path) ->
    case unicode:characters_to_binary(Path) of
        Text when is_binary(Text) -> Text;
        _ -> <<<<Byte/utf8>> || <<Byte>> <= Path>>
    end.

%% @doc What the callback has in hand, and what that may mean.
-spec in_hand(map()) -> iodata().
in_hand(#{event := #{type := Type, for := For}}) ->
    Format = "; the callback has had ~ts in hand for ~b ms: it is slow, or hangs",
    eslaver_text:format(Format, [Type, For]);
in_hand(_Nothing) ->
    "".

%% @doc The sentence of a report.
-spec format(logger:report()) -> {io:format(), [term()]}.
format(#{replica := Replica, master := Master} = Report) ->
    {Format, Args} = sentence(Report),
    {"eslaver, ~ts, master ~ts: " ++ Format, [called(Replica), Master | Args]};
format(#{replica := Replica} = Report) ->
    {Format, Args} = sentence(Report),
    {"eslaver, ~ts: " ++ Format, [called(Replica) | Args]}.

called({Cluster, <<Shard/binary>>}) when Cluster =/= global ->
    eslaver_text:format("replica ~0tp, shard ~ts", [Cluster, Shard]);
called(Replica) ->
    eslaver_text:format("replica ~0tp", [Replica]).

sentence(#{what := link_up, resync := partial, why := failover, offset := Offset}) ->
    {"link is up, the stream resumes at offset ~b, at another node", [Offset]};
sentence(#{what := link_up, resync := partial, offset := Offset}) ->
    {"link is up, the stream resumes at offset ~b", [Offset]};
sentence(#{what := link_up, resync := full, why := Why, asked := {<<_/binary>>, Offset}}) ->
    {"link is up, full sync instead of resuming at offset ~b (~ts)", [Offset, full(Why)]};
sentence(#{what := link_up, resync := full, why := Why}) ->
    {"link is up, full sync (~ts)", [full(Why)]};
sentence(#{what := lagging, lag := Lag, behind_for := For} = Report) ->
    {"~b bytes are not handled, and not everything has been for ~b ms~ts", [
        Lag, For, in_hand(Report)
    ]};
sentence(#{what := caught_up, lag := Lag}) ->
    {"it has caught up, ~b bytes are not handled", [Lag]};
sentence(#{what := master_offset_unknown, reason := Reason, text := Text}) ->
    {"cannot ask the master for its offset (~ts): ~ts; logged once", [Reason, Text]};
sentence(#{what := loading, percent := Percent, keys := Keys, keys_per_second := Rate}) ->
    {"snapshot loading, ~b %, ~b keys, ~b keys/s", [Percent, Keys, Rate]};
sentence(#{what := loading, bytes := Bytes, keys := Keys, keys_per_second := Rate}) ->
    {"snapshot loading, ~b bytes, ~b keys, ~b keys/s", [Bytes, Keys, Rate]};
sentence(#{what := loaded, keys := Keys, bytes := Bytes, seconds := Seconds}) ->
    {"snapshot loaded, ~b keys, ~b bytes in ~.1f s", [Keys, Bytes, Seconds]};
sentence(#{what := link_down, reason := Reason, text := Text}) ->
    {"link is down (~ts): ~ts", [Reason, Text]};
sentence(#{what := no_link, reason := Reason, text := Text}) ->
    {"no link (~ts): ~ts; retrying", [Reason, Text]};
sentence(#{what := moved, to := Address}) ->
    {"connecting to ~ts instead", [Address]};
sentence(#{what := sentinel_failed, reason := Reason, text := Text}) ->
    {"asking without one of its Sentinels (~ts): ~ts; logged once", [Reason, Text]};
sentence(#{what := cluster_unseen, reason := Reason, text := Text}) ->
    {"cannot ask which nodes the cluster has (~ts): ~ts; retrying", [Reason, Text]};
sentence(#{what := shards_failed, class := Class, reason := Reason}) ->
    {"the option shards raised ~ts:~0tP for this shard; its choice stays", [Class, Reason, 20]};
sentence(#{what := address_failed, address := Address}) ->
    {"the option addresses gives no {Host, Port} for ~ts, which is used as it is", [Address]};
sentence(#{what := migration_late, shard := Shard, others := [Shard], limit := Limit}) ->
    {
        "shard ~ts: its master has not said for ~b ms which slots it has; deletions pass now, so "
        "keys of slots that move may be missing for a moment",
        [Shard, Limit]
    };
sentence(#{what := migration_late, shard := Shard, others := Others, limit := Limit}) ->
    {
        "shard ~ts: waited ~b ms for slots to arrive at ~ts; deletions pass now, so keys may be "
        "missing until it has caught up",
        [Shard, Limit, lists:join(", ", Others)]
    };
sentence(#{what := not_started, reason := Reason}) ->
    {"cannot start the replica that feeds the mirror (~0tP); retrying", [Reason, 20]};
sentence(#{what := bad_position, text := Text} = Report) ->
    {"cannot use the position in ~ts (~ts); the next sync will be full", [place(Report), Text]};
sentence(#{what := position_not_kept, text := Text} = Report) ->
    {"cannot save the position in ~ts (~ts)", [place(Report), Text]};
sentence(#{what := position_not_locked, path := Path, text := Text}) ->
    Format = "cannot lock ~ts.lock (~ts); make sure that no other replica uses ~ts",
    {Format, [Path, Text, Path]};
sentence(#{what := replay, file := File}) ->
    {"unreachable; loading the RDB file ~ts of an earlier run", [File]};
sentence(#{what := replay_failed, text := Text}) ->
    {"cannot load the RDB file of an earlier run: ~ts", [Text]};
sentence(#{what := rdb_file_failed, text := Text}) ->
    {"~ts; the sync continues without it", [Text]};
sentence(#{what := left_out, text := Text}) ->
    {"the snapshot contains ~ts, which is skipped; logged once per snapshot", [Text]};
sentence(#{what := callback_failed, event := Event, class := Class, reason := Reason}) ->
    {"the callback raised ~ts:~0tp at event ~ts", [Class, Reason, Event]};
sentence(#{what := callback_skipped, event := Event, class := Class, reason := Reason} = Report) ->
    {
        "the callback raised ~ts:~0tp at ~0tp in ~0tp, which is skipped; events skipped so far: ~b",
        [Class, Reason, Event, maps:get(calls, Report), maps:get(skipped, Report)]
    };
sentence(#{what := restarted, count := Count, text := Text, pause := Pause}) ->
    {"started anew after failure ~b (~ts); connecting in ~b ms", [Count, Text, Pause]};
sentence(#{what := callback_gone, reason := Reason}) ->
    {"the callback's process has ended (~0tP); the mirror goes on without it", [Reason, 20]};
sentence(#{what := not_mirrored, command := Name, reason := Reason}) ->
    {
        "cannot mirror ~0tp (~0tP); its keys are unknown until they are overwritten; "
        "logged once",
        [Name, Reason, 20]
    };
sentence(#{what := projection_failed, table := Table, class := Class, reason := Reason} = Report) ->
    {
        "the projection's map for the table ~0tp failed with ~ts:~0tp in ~0tp; its key has no row; "
        "logged once",
        [Table, Class, Reason, maps:get(calls, Report)]
    };
sentence(#{what := restored, path := Path, keys := Keys, bytes := Bytes, seconds := Seconds}) ->
    {"restored ~b keys from ~ts, ~b bytes in ~.1f s", [Keys, Path, Bytes, Seconds]};
sentence(#{what := not_restored, path := Path, text := Text}) ->
    {"cannot restore the mirror from ~ts (~ts); the next sync will be full", [Path, Text]};
sentence(#{what := not_saved, path := Path, text := Text}) ->
    {"cannot save the mirror in ~ts (~ts); logged once", [Path, Text]};
sentence(#{what := telemetry_failed, event := Event, class := Class, reason := Reason} = Report) ->
    {
        "the telemetry function raised ~ts:~0tp in ~0tp at ~0tp; logged once",
        [Class, Reason, maps:get(calls, Report), Event]
    }.

place(#{path := Path}) -> Path;
place(#{store := Module}) -> eslaver_text:format("the store ~ts", [Module]).

full(first) -> "first sync";
full(no_position) -> "no position to resume from";
full(no_psync) -> "the master does not support PSYNC";
full(backlog) -> "the master no longer has what follows: raise its repl-backlog-size";
full(diverged) -> "the master lacks events that were already handled";
full(empty_master) -> "the master has lost its data";
full(restarted) -> "the master has begun another history";
full(failover) -> "another master, with another history";
full(unknown) -> "the master does not tell its history".
