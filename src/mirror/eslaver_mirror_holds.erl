%% @doc Readers of a mirror for whom its writer holds still. {@link hold/1} and {@link release/1}
%% run in the reader, the rest in the mirror's server, which passes on what comes as
%% `{eslaver_mirror_holds, Request}'.
%% @private
-module(eslaver_mirror_holds).

-export([hold/1, release/1]).
-export([new/0, call/3, cast/2, down/2, is_none/1]).
-export_type([holds/0, hold/0, call/0, cast/0]).

%% By their monitors.
-opaque holds() :: #{reference() => pid()}.

-opaque hold() :: {Server :: pid() | atom(), reference()}.

-opaque call() :: hold.
-opaque cast() :: {release, reference()}.

%% @doc The writer holds still until it is released, or the caller ends.
-spec hold(pid() | atom()) -> hold().
hold(Server) ->
    {Server, gen_server:call(Server, {?MODULE, hold}, infinity)}.

%% @doc The writer may go on.
-spec release(hold()) -> ok.
release({Server, Hold}) ->
    gen_server:cast(Server, {?MODULE, {release, Hold}}).

%% @doc No reader.
-spec new() -> holds().
new() ->
    #{}.

%% @doc One more reader, and its answer.
-spec call(call(), pid(), holds()) -> {reference(), holds()}.
call(hold, Reader, Holds) ->
    Hold = monitor(process, Reader),
    {Hold, Holds#{Hold => Reader}}.

%% @doc A reader is done.
-spec cast(cast(), holds()) -> holds().
cast({release, Hold}, Holds) ->
    true = demonitor(Hold, [flush]),
    down(Hold, Holds).

%% @doc A monitored process has ended, perhaps a reader.
-spec down(reference(), holds()) -> holds().
down(Monitor, Holds) ->
    maps:remove(Monitor, Holds).

%% @doc Whether the writer may write.
-spec is_none(holds()) -> boolean().
is_none(Holds) ->
    map_size(Holds) =:= 0.
