%% @doc Logs through {@link //kernel/logger}: reports, each with a sentence.
%%
%% The metadata has no domain, since the default handler drops unknown domains. Events of eslaver
%% have `eslaver => true' there, and `replica' and `master'.
%% @private
-module(eslaver_log).

-export([report/3, replica/1, path/1, format/1]).

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

%% @doc The reference to the calling process, a replica with this name.
-spec replica(undefined | {local, atom()} | {global, term()} | {via, module(), term()}) ->
    eslaver:replica().
replica(undefined) -> self();
replica({local, Name}) -> Name;
replica(Name) -> Name.

%% @doc A path as UTF-8, even if its bytes are not.
-spec path(binary()) -> binary().
path(Path) ->
    case unicode:characters_to_binary(Path) of
        Text when is_binary(Text) -> Text;
        _ -> <<<<Byte/utf8>> || <<Byte>> <= Path>>
    end.

%% @doc The sentence of a report.
-spec format(logger:report()) -> {io:format(), [term()]}.
format(#{master := Master} = Report) ->
    {Format, Args} = sentence(Report),
    {"eslaver, master ~ts: " ++ Format, [Master | Args]};
format(#{replica := Replica} = Report) ->
    {Format, Args} = sentence(Report),
    {"eslaver, replica ~0tp: " ++ Format, [Replica | Args]}.

sentence(#{what := link_up, resync := partial, offset := Offset}) ->
    {"link is up, the stream resumes at offset ~b", [Offset]};
sentence(#{what := link_up, resync := full, why := Why}) ->
    {"link is up, full sync (~ts)", [Why]};
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
sentence(#{what := not_started, reason := Reason}) ->
    {"the replica that feeds the mirror cannot be started (~0tP); retrying", [Reason, 20]};
sentence(#{what := bad_position, path := Path, text := Text}) ->
    {"the position in ~ts cannot be used (~ts); the next sync will be a full one", [Path, Text]};
sentence(#{what := position_not_kept, path := Path, text := Text}) ->
    {"the position cannot be kept in ~ts (~ts)", [Path, Text]};
sentence(#{what := position_not_locked, path := Path, text := Text}) ->
    Format = "~ts.lock cannot be locked (~ts): make sure that no other replica uses ~ts",
    {Format, [Path, Text, Path]};
sentence(#{what := replay, file := File}) ->
    {"unreachable, loading the RDB file ~ts of an earlier run", [File]};
sentence(#{what := replay_failed, text := Text}) ->
    {"the RDB file of an earlier run cannot be loaded: ~ts", [Text]};
sentence(#{what := dump_failed, text := Text}) ->
    {"~ts; the sync continues without it", [Text]};
sentence(#{what := left_out, text := Text}) ->
    {"the snapshot contains ~ts, which is skipped; logged once for each snapshot", [Text]};
sentence(#{what := callback_failed, event := Event, class := Class, reason := Reason}) ->
    {"the callback raised ~ts:~tp at event ~ts", [Class, Reason, Event]};
sentence(#{what := not_mirrored, command := Name, reason := Reason}) ->
    Format =
        "~0tp cannot be mirrored (~0tP); the keys it writes are unknown until they are overwritten; "
        "logged once",
    {Format, [Name, Reason, 20]};
sentence(#{what := hook_failed, event := Event, class := Class, reason := Reason}) ->
    {"the hooks raised ~ts:~0tP at ~0tp; logged once", [Class, Reason, 30, Event]}.
