%% @doc A callback that keeps state: a module of this behaviour, named as
%% `{handler, Module, Args}'.
%%
%% It runs in the replica's process. It receives events one by one, or with `handle_batch/2' in
%% lists of all that are ready, for sinks that write in bulk. An event counts as handled, and is
%% acknowledged to the master, once the call for it has returned.
%%
%% ```
%% -module(counter).
%% -behaviour(eslaver_handler).
%% -export([init/1, handle_event/2]).
%%
%% init(Table) -> {ok, Table}.
%%
%% handle_event({stream, <<"incr">>, [Key], _Meta}, Table) ->
%%     _ = ets:update_counter(Table, Key, 1, {Key, 0}),
%%     {ok, Table};
%% handle_event(_, Table) ->
%%     {ok, Table}.
%% '''
-module(eslaver_handler).

-export_type([result/0, result/1, context/0]).

-type result() :: result(term()).
%% A result with any state.

-type result(State) ::
    {ok, State}
    | {pause, State}
    | {pause, Milliseconds :: non_neg_integer(), State}
    | {stop, Reason :: term(), State}.
%% Go on; pause the stream until {@link eslaver:continue/1} is called, or for this time at most; or
%% stop the replica. A paused stream holds the master's data back. Calls are answered meanwhile, and
%% the link stays alive.

-type context() :: eslaver_types:context().
%% `#{}', or `#{shard => Shard}' in a cluster, where each shard has a handler of its own. `Shard' is
%% a map with the `id' of the shard.

-callback init(Args :: term()) -> {ok, State :: term()} | {stop, Reason :: term()}.
%% Called when the replica starts. With `stop' the replica does not start.

-callback init(Args :: term(), context()) -> {ok, State :: term()} | {stop, Reason :: term()}.
%% Called instead of `init/1', if exported.

-callback handle_event(eslaver:event(), State :: term()) -> result().
%% Called with each event.

-callback handle_batch([eslaver:event(), ...], State :: term()) -> result().
%% Called instead of `handle_event/2', if exported, with 1 to 1,024 events.

-callback handle_info(Message :: term(), State :: term()) -> result() | {continue, State :: term()}.
%% Called with a message that another process or a timer has sent to the replica's process, which is
%% {@link erlang:self/0} in all these functions: between two events, also while the stream is
%% paused. It leaves a pause as it is; `continue' ends it. The exit of a linked process is not
%% passed to the handler: unless the reason is `normal', the replica ends too.

-callback handle_call(Request :: term(), gen_server:from(), State :: term()) ->
    {reply, Reply :: term(), State :: term()}
    | {stop, Reason :: term(), Reply :: term(), State :: term()}
    | result()
    | {continue, State :: term()}.
%% Called for {@link eslaver:call/3}, at the same times. Without a reply in the result, answer later
%% with {@link gen_server:reply/2}.

-callback terminate(Reason :: term(), State :: term()) -> term().
%% Called when the replica stops in an orderly way.

-optional_callbacks([init/1, init/2, handle_event/2, handle_batch/2]).
-optional_callbacks([handle_info/2, handle_call/3, terminate/2]).
