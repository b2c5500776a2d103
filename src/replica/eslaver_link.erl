%% @doc One connection to a master, as a process.
%%
%% Started and linked by {@link eslaver_server}. It does nothing but run the slices of the native
%% decoder one after the other, each on a dirty scheduler and each short, so that no scheduler is
%% parked for more than a moment. When the connection ends it tells the server why, and ends
%% normally.
%% @private
-module(eslaver_link).
-behaviour(gen_server).

-export([start_link/3, stop/2, flush/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, code_change/3, format_status/1]).
-export_type([batch/0]).

-type batch() :: {
    batch,
    Weight :: non_neg_integer(),
    Events :: [term()],
    eslaver_position:offsets(),
    eslaver_position:batch_end() | undefined
}.
%% What is decoded comes in batches, each with the positions behind its events.

-record(state, {
    server :: pid(),
    link :: eslaver_nif:link(),
    %% With 0 the next slice runs as soon as there is no message, else when there is a reason to.
    pause = 0 :: 0 | infinity
}).

%% @doc Starts a link to a master, to resume from a position, or to a file instead. The password
%% stays in its fun, so that no crash report can show it.
-spec start_link(
    eslaver_nif:address(), eslaver_position:position() | undefined, eslaver_options:options()
) -> {ok, {pid(), eslaver_nif:link()}} | {error, term()}.
start_link(Address, Position, #{password := Password, announce_port := Port} = Options) ->
    Given = [
        user,
        announce_ip,
        client_name,
        psync_command,
        read_from,
        rdb_compression,
        dbfilename,
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
        resume => eslaver_position:link(Position),
        confirm_empty => maps:get(confirm_empty, Options, false),
        hidden_commands => maps:get(hidden_commands, Options, []),
        keyspace => maps:get(keyspace, Options, undefined),
        shard => shard(Options),
        acknowledge => maps:get(acknowledge, Options, handled),
        backlog => backlog(Options),
        server => self()
    },
    Self = self(),
    Ref = make_ref(),
    case gen_server:start_link(?MODULE, {Self, Ref, Config, Password}, []) of
        {ok, Pid} ->
            receive
                {Ref, Link} -> {ok, {Pid, Link}}
            end;
        {error, {shutdown, Reason}} ->
            {error, Reason};
        {error, _} = Error ->
            Error
    end.

%% Told of what arrives.
backlog(#{backlog := Backlog}) -> Backlog;
backlog(#{}) -> eslaver_nif:backlog_new().

%% The shard of a cluster that the link is of, and the node that has to be at its other end.
shard(#{native_shard := Shard} = Options) -> Shard#{node => maps:get(node, Options, undefined)};
shard(#{}) -> undefined.

%% @doc Ends a link, and takes what it has sent out of the caller's mailbox: that may be megabytes,
%% which a crash report would show.
-spec stop(pid(), eslaver_nif:link()) -> ok.
stop(Pid, Link) ->
    ok = eslaver_nif:close(Link),
    flush(Pid).

%% @doc Takes out of the caller's mailbox what earlier links have sent.
-spec flush() -> ok.
flush() ->
    receive
        {?MODULE, _Pid, _} -> flush()
    after 0 -> ok
    end.

%% Its last message comes at once, unless its thread is busy looking up a name.
flush(Pid) ->
    receive
        {eslaver_link, Pid, {closed, _, _, _}} -> ok;
        {eslaver_link, Pid, _} -> flush(Pid)
    after 100 -> ok
    end.

%% @private
-spec init({pid(), reference(), eslaver_nif:config(), eslaver_options:secret()}) ->
    {ok, #state{}, 0} | {stop, {shutdown, term()}}.
init({Server, Ref, Config, Password}) ->
    %% It only hands slices over, which takes next to no time: others that are busy must not delay
    %% it.
    _ = process_flag(priority, high),
    case open(Config, Password) of
        {ok, Link} ->
            Server ! {Ref, Link},
            {ok, #state{server = Server, link = Link}, 0};
        {error, Reason} ->
            %% so that a server that traps exits gets no message of the end
            true = unlink(Server),
            {stop, {shutdown, Reason}}
    end.

%% The arguments of a NIF that raises are part of the stack trace, and must not get further.
open(Config, Password) ->
    try
        eslaver_nif:open(Config#{password := Password()})
    catch
        error:{nif_not_loaded, _} = Reason -> {error, Reason};
        error:Reason -> {error, {open, Reason}}
    end.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}, 0 | infinity}.
handle_call(_Request, _From, #state{pause = Pause} = State) ->
    {reply, {error, unknown_request}, State, Pause}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}, 0 | infinity}.
handle_cast(_Request, #state{pause = Pause} = State) ->
    {noreply, State, Pause}.

%% @private
-spec handle_info(term(), #state{}) ->
    {noreply, #state{}, 0 | infinity} | {stop, normal, #state{}}.
handle_info(timeout, State) ->
    slice(State);
handle_info({eslaver_nif, wake}, State) ->
    slice(State);
handle_info(_Message, #state{pause = Pause} = State) ->
    {noreply, State, Pause}.

slice(#state{server = Server, link = Link} = State) ->
    case eslaver_nif:slice(Link) of
        more ->
            {noreply, State#state{pause = 0}, 0};
        {closed, _Tag, _Text, _Heals} = Closed ->
            Server ! {?MODULE, self(), Closed},
            {stop, normal, State};
        _WaitOrNoCredit ->
            {noreply, State#state{pause = infinity}, infinity}
    end.

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

% @private
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(fun(#state{server = Server}) -> #{server => Server} end, Status).
