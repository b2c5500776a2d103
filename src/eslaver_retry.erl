%% @doc When to try a master again, and how loud to say why: pauses grow, and start over with a link
%% that was good; what goes on being wrong is said once. Used by {@link eslaver_server}.
%% @private
-module(eslaver_retry).

-export([new/0, up/2, down/4, info/1]).
-export_type([retry/0, error/0, resync/0]).

%% A link that has been up for so long was a good one, in ms.
-define(STEADY, 10000).

-type error() :: #{reason := atom(), text := binary()}.
-type resync() :: full | partial.

-record(retry, {
    backoff = eslaver_backoff:new() :: eslaver_backoff:backoff(),
    up_since :: undefined | integer(),
    tries = 0 :: non_neg_integer(),
    last_error :: undefined | error()
}).

-opaque retry() :: #retry{}.

-spec new() -> retry().
new() -> #retry{}.

%% @doc The stream flows. A master that goes on costs nothing; a full sync costs it a snapshot, so
%% that one that is lost soon after must not be asked for again at once.
-spec up(resync(), retry()) -> retry().
up(partial, Retry) -> up(Retry#retry{backoff = eslaver_backoff:new()});
up(full, Retry) -> up(Retry).

up(Retry) -> Retry#retry{up_since = now_ms()}.

%% @doc A link is lost, or there was none: how long to wait, and how loud to say why. `Heals' is
%% whether that can get better by itself, `WasUp' whether there was a link.
-spec down(error(), Heals :: boolean(), WasUp :: boolean(), retry()) ->
    {Pause :: pos_integer(), quiet | logger:level(), retry()}.
down(#{reason := Reason} = Error, Heals, WasUp, Retry) ->
    {Pause, Backoff} = eslaver_backoff:next(backoff(Heals, Retry)),
    Level = level(Reason, WasUp, Error =:= Retry#retry.last_error),
    {Pause, Level, Retry#retry{
        backoff = Backoff,
        up_since = undefined,
        tries = Retry#retry.tries + 1,
        last_error = Error
    }}.

backoff(false, #retry{backoff = Backoff}) ->
    eslaver_backoff:slow(Backoff);
backoff(true, #retry{up_since = Since, backoff = Backoff}) ->
    case is_integer(Since) andalso now_ms() - Since > ?STEADY of
        true -> eslaver_backoff:new();
        false -> Backoff
    end.

level(_Reason, false, true) -> quiet;
level(_Reason, false, false) -> warning;
level(Reason, true, _) when Reason =:= closed; Reason =:= timeout; Reason =:= io_error -> notice;
level(_Reason, true, _) -> error.

%% @doc For `info'.
-spec info(retry()) -> map().
info(#retry{tries = Tries, last_error = Error}) ->
    #{reconnects => Tries, last_error => Error}.

now_ms() ->
    erlang:monotonic_time(millisecond).
