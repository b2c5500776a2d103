%% @doc One connection to a master, as a process.
%%
%% Started and linked by {@link eslaver_server}. It does nothing but run the slices of the native
%% decoder one after the other, each on a dirty scheduler and each short, so that no scheduler is
%% ever parked. When the connection ends it tells the server why, and ends normally.
%% @private
-module(eslaver_link).

-export([start_link/2]).
-export([init/3]).

%% @doc Starts a link. The password comes in a fun, so that no crash report can show it.
-spec start_link(eslaver_nif:config(), fun(() -> binary() | undefined)) ->
    {ok, pid(), eslaver_nif:link()} | {error, term()}.
start_link(Config, Password) ->
    proc_lib:start_link(?MODULE, init, [self(), Config, Password]).

-spec init(pid(), eslaver_nif:config(), fun(() -> binary() | undefined)) -> ok.
init(Server, Config, Password) ->
    case open(Config, Password) of
        {ok, Link} ->
            proc_lib:init_ack({ok, self(), Link}),
            run(Server, Link);
        {error, _} = Error ->
            proc_lib:init_ack(Error)
    end.

%% The arguments of a NIF that raises are part of the stack trace, and must not get further.
open(Config, Password) ->
    try
        eslaver_nif:open(Config#{password := Password()})
    catch
        error:{nif_not_loaded, _} = Reason -> {error, Reason};
        error:Reason -> {error, {open, Reason}}
    end.

run(Server, Link) ->
    case eslaver_nif:slice(Link) of
        more ->
            run(Server, Link);
        {closed, _Tag, _Text, _Heals} = Closed ->
            Server ! {eslaver_link, self(), Closed},
            ok;
        _WaitOrNoCredit ->
            receive
                {eslaver_nif, wake} -> run(Server, Link)
            end
    end.
