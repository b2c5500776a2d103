%% @doc One connection to a master, as a process.
%%
%% Started and linked by {@link eslaver_server}. It does nothing but run the slices of the native
%% decoder one after the other, each on a dirty scheduler and each short, so that no scheduler is
%% parked for more than a moment. When the connection ends it tells the server why, and ends
%% normally.
%% @private
-module(eslaver_link).

-export([start_link/3, stop/2]).
-export([init/3]).

-export_type([address/0]).

-type address() ::
    {tcp, binary(), inet:port_number()}
    | {local, Path :: binary()}
    | {file, Path :: binary()}
    | {dump, Path :: binary()}.
%% A master, a snapshot's file, or the dump of an earlier run: of that only a file of our own is read.

%% @doc Starts a link to a master, or to a file instead, to go on from a place. The
%% password stays in its fun, so that no crash report can show it.
-spec start_link(address(), eslaver_place:place() | undefined, eslaver_options:options()) ->
    {ok, {pid(), eslaver_nif:link()}} | {error, term()}.
start_link(Address, Place, #{password := Password, announce_port := Port} = Options) ->
    Given = [
        user,
        announce_ip,
        client_name,
        psync_command,
        rdb_compression,
        dump,
        tls,
        events,
        filter,
        connect_timeout,
        repl_timeout
    ],
    Limits = [proto_max_bulk_len, max_arguments, max_value],
    Config = (maps:with(Given ++ Limits, Options))#{
        address => Address,
        password => undefined,
        listening_port => Port,
        resume => eslaver_place:link(Place),
        server => self()
    },
    proc_lib:start_link(?MODULE, init, [self(), Config, Password]).

%% @doc Ends a link, and takes what it has sent out of the caller's mailbox: that may be megabytes,
%% which a crash report would show.
-spec stop(pid(), eslaver_nif:link()) -> ok.
stop(Pid, Link) ->
    ok = eslaver_nif:close(Link),
    flush(Pid).

%% Its last message comes at once, unless its thread is busy looking up a name.
flush(Pid) ->
    receive
        {eslaver_link, Pid, {closed, _, _, _}} -> ok;
        {eslaver_link, Pid, _} -> flush(Pid)
    after 100 -> ok
    end.

-spec init(pid(), eslaver_nif:config(), eslaver_options:secret()) -> ok.
init(Server, Config, Password) ->
    case open(Config, Password) of
        {ok, Link} ->
            proc_lib:init_ack({ok, {self(), Link}}),
            run(Server, Link);
        {error, _} = Error ->
            %% its end is to be no news for one that traps exits
            true = unlink(Server),
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
