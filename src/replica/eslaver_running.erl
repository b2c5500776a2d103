%% @doc Asks replicas and mirrors that may not run, for {@link eslaver} and {@link eslaver_mirror}.
%% @private
-module(eslaver_running).

-export([ask/2, call/3]).

%% @doc The result of a function that asks a server, unless that does not run, or ends meanwhile.
-spec ask(fun((...) -> Result), [term()]) -> Result | {error, not_running}.
ask(Function, Args) ->
    try
        apply(Function, Args)
    catch
        exit:{Reason, {gen_server, _, _}} when Reason =/= timeout, Reason =/= calling_self ->
            {error, not_running};
        exit:noproc ->
            {error, not_running}
    end.

%% @doc The reply of a server, unless that does not run, or is stopped meanwhile. If it fails, so
%% does the caller.
-spec call(eslaver_name:replica(), term(), timeout()) -> term().
call(Server, Request, Timeout) ->
    try
        gen_server:call(Server, Request, Timeout)
    catch
        exit:{Reason, {gen_server, call, _}} when
            Reason =:= noproc; Reason =:= normal; Reason =:= shutdown; Reason =:= killed
        ->
            {error, not_running};
        exit:{{Reason, _}, {gen_server, call, _}} when Reason =:= shutdown; Reason =:= nodedown ->
            {error, not_running}
    end.
