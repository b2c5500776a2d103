%% @doc When to try a master again, and at which level to log why: pauses grow, and start over after
%% a good link; an error is logged once until there is a link.
%% @private
-module(eslaver_retry).

-export([new/0, failed/2, up/2, moved/1, down/4, up_for/1, info/1]).
-export_type([retry/0, error/0, dated/0, resync/0]).

%% A link that was up for this long counts as good, in ms.
-define(STEADY, 10000).
%% The most errors that are remembered.
-define(ERRORS, 10).

-type error() :: #{reason := atom(), text := binary()}.
-type dated() :: #{reason := atom(), text := binary(), at := integer()}.
%% With its time, in ms since the epoch.

-type resync() :: full | partial.

-record(retry, {
    backoff = eslaver_backoff:new() :: eslaver_backoff:backoff(),
    %% The link that is up, and since when.
    up :: undefined | {resync(), Since :: integer()},
    tries = 0 :: non_neg_integer(),
    %% How often an earlier life of the replica has failed.
    restarts = 0 :: non_neg_integer(),
    %% Why there is no link, or why an earlier life has failed, until there is a link.
    last_error :: undefined | dated(),
    %% Since the last link: several nodes may be tried in turn.
    errors = [] :: [error()]
}).

-opaque retry() :: #retry{}.

-spec new() -> retry().
new() -> #retry{}.

%% @doc An earlier life of the replica has failed.
-spec failed(eslaver_restarts:failed(), retry()) -> retry().
failed(#{count := Count, error := Error, at := At}, Retry) ->
    Ago = eslaver_clock:now_ms() - At,
    Retry#retry{restarts = Count, last_error = dated(Error, Ago)}.

dated(Error, Ago) -> Error#{at => erlang:system_time(millisecond) - Ago}.

%% @doc The link is up.
-spec up(resync(), retry()) -> retry().
up(Resync, Retry) ->
    Retry#retry{up = {Resync, eslaver_clock:now_ms()}, errors = [], last_error = undefined}.

%% @doc Commands have arrived. This makes a link with a partial resync a good one, however soon it
%% is lost: before, the master may have had nothing but `+CONTINUE' to send, and might send that for
%% ever. A full sync costs the master a snapshot, so one that is lost soon after must not be
%% requested again at once.
-spec moved(retry()) -> retry().
moved(#retry{up = {partial, _}} = Retry) -> Retry#retry{backoff = eslaver_backoff:new()};
moved(Retry) -> Retry.

%% @doc A link is lost, or could not be made: how long to wait, and the level to log at. `Heals' is
%% whether that can get better by itself, `WasUp' whether there was a link.
-spec down(error(), Heals :: boolean(), WasUp :: boolean(), retry()) ->
    {Pause :: pos_integer(), quiet | logger:level(), retry()}.
down(#{reason := Reason} = Error, Heals, WasUp, #retry{errors = Errors} = Retry) ->
    {Pause, Backoff} = pause(Reason, Heals, Retry),
    Level = level(Reason, WasUp, lists:member(Error, Errors)),
    {Pause, Level, Retry#retry{
        backoff = Backoff,
        up = undefined,
        tries = Retry#retry.tries + 1,
        last_error = dated(Error, 0),
        errors = lists:sublist([Error | lists:delete(Error, Errors)], ?ERRORS)
    }}.

%% The next attempt would get about the same snapshot, for which the master forks.
pause(Reason, false, #retry{backoff = Backoff}) when
    Reason =:= unsupported; Reason =:= bad_snapshot; Reason =:= max_memory; Reason =:= panicked
->
    eslaver_backoff:slowest(Backoff);
pause(_Reason, false, _Retry) ->
    eslaver_backoff:slow();
pause(Reason, true, #retry{backoff = Backoff}) when
    Reason =:= replica; Reason =:= master; Reason =:= behind; Reason =:= empty_master
->
    eslaver_backoff:quick(Backoff);
pause(_Reason, true, #retry{up = {_, Since}, backoff = Backoff}) ->
    case eslaver_clock:now_ms() - Since > ?STEADY of
        true -> eslaver_backoff:next(eslaver_backoff:new());
        false -> eslaver_backoff:next(Backoff)
    end;
pause(_Reason, true, #retry{backoff = Backoff}) ->
    eslaver_backoff:next(Backoff).

level(_Reason, false, true) -> quiet;
level(behind, false, false) -> notice;
level(_Reason, false, false) -> warning;
level(Reason, true, _) when Reason =:= closed; Reason =:= timeout; Reason =:= io_error -> notice;
level(_Reason, true, _) -> error.

%% @doc For how many ms the link has been up.
-spec up_for(retry()) -> non_neg_integer().
up_for(#retry{up = undefined}) -> 0;
up_for(#retry{up = {_, Since}}) -> eslaver_clock:now_ms() - Since.

%% @doc For `info'.
-spec info(retry()) -> map().
info(#retry{tries = Tries, restarts = Restarts, last_error = Error}) ->
    #{reconnects => Tries, restarts => Restarts, last_error => Error}.
