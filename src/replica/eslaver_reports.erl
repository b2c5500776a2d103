%% @doc What a replica reports of itself: to the log and as telemetry, and how far a load is.
%% @private
-module(eslaver_reports).

-export([new/1, watch/2, dispatch/2, log/5, reconnecting/4]).
-export([kept/3, load/3, load_goes_on/4, progress/1]).
-export_type([reports/0]).

-record(reports, {
    %% How people know the replica.
    label :: term(),
    telemetry :: none | eslaver_telemetry:telemetry(),
    progress = eslaver_progress:none() :: eslaver_progress:progress()
}).

-opaque reports() :: #reports{}.

%% @doc Of the calling process, a replica with these options.
-spec new(eslaver_options:options()) -> reports().
new(#{telemetry := Telemetry} = Options) ->
    Label = label(Options),
    #reports{label = Label, telemetry = eslaver_telemetry:new(Telemetry, who(Options))}.

%% A shard's label has the cluster's name before its own.
who(#{label := {Cluster, Shard}}) -> #{replica => Cluster, shard => Shard};
who(Options) -> #{replica => label(Options)}.

%% @doc Has what goes on beside the calling process watched, as the options say.
-spec watch(eslaver_options:options(), reports()) -> ok.
watch(#{warn_lag := Limit} = Options, #reports{label = Label}) ->
    ok = eslaver_lag_watch:start(Limit, Label),
    eslaver_master_offset:start(Options, Label).

label(#{label := Label}) -> Label;
label(#{name := Name}) -> eslaver_name:replica(Name).

%% @doc For the callback, whose calls are reported.
-spec dispatch(eslaver_options:options(), reports()) ->
    {ok, eslaver_dispatch:dispatch()} | {stop, term()}.
dispatch(Options, #reports{label = Label, telemetry = Telemetry}) ->
    eslaver_dispatch:new(Options, eslaver_shard:context(Options), Label, Telemetry).

%% @doc Logs, and reports as telemetry what has an event there.
-spec log(logger:level(), atom(), map(), Master :: binary(), reports()) -> ok.
log(Level, What, Report, Master, #reports{label = Label, telemetry = Telemetry}) ->
    Full = Report#{replica => Label, master => Master},
    ok = eslaver_log:report(Level, What, Full),
    eslaver_telemetry:report(What, Full, Telemetry).

%% @doc What became of an attempt to keep the position: failures are logged.
-spec kept(Result :: term(), Master :: binary(), reports()) -> ok.
kept({failed, Failure}, Master, Reports) ->
    log(warning, position_not_kept, Failure, Master, Reports);
kept({not_locked, Failure}, Master, Reports) ->
    log(warning, position_not_locked, Failure, Master, Reports);
kept(_Result, _Master, _Reports) ->
    ok.

%% @doc There is no link. The next attempt is in `Pause' ms.
-spec reconnecting(non_neg_integer(), map(), Master :: binary(), reports()) -> ok.
reconnecting(Pause, Info, Master, #reports{telemetry = Telemetry}) ->
    eslaver_telemetry:reconnect(Pause, Info, Master, Telemetry).

%% @doc A load begins, of so many bytes if that is known; it has been handled; or it is interrupted,
%% unless all of it has been handled.
-spec load(eslaver_progress:load(), Master :: binary(), reports()) -> reports().
load({started, Bytes}, _Master, Reports) ->
    Reports#reports{progress = eslaver_progress:start(Bytes)};
load({finished, #{keys := Keys, bytes := Bytes} = News}, Master, Reports) ->
    {Seconds, Next} = eslaver_progress:finish(News, Reports#reports.progress),
    ok = log(notice, loaded, #{keys => Keys, bytes => Bytes, seconds => Seconds}, Master, Reports),
    Reports#reports{progress = Next};
load(abandoned, _Master, #reports{progress = Progress} = Reports) ->
    Reports#reports{progress = eslaver_progress:abandon(Progress)}.

%% @doc The timer that says how far it is. `Counted' are bytes and keys so far.
-spec load_goes_on(reference(), Counted, Master :: binary(), reports()) -> reports() when
    Counted :: {non_neg_integer(), non_neg_integer()}.
load_goes_on(Timer, Counted, Master, #reports{progress = Progress} = Reports) ->
    {Report, Next} = eslaver_progress:report(Timer, Counted, Progress),
    ok =
        case Report of
            none -> ok;
            _ -> log(info, loading, Report, Master, Reports)
        end,
    Reports#reports{progress = Next}.

%% @doc The snapshot, for `info'.
-spec progress(reports()) -> eslaver_progress:progress().
progress(#reports{progress = Progress}) -> Progress.
