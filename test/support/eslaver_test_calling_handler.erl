%% A handler that hears messages and answers calls. Its state is the keys of what was set since it
%% was last asked, which it flushes to a process at a message; the key `pause' pauses it, the key
%% `bad' has it raise.
-module(eslaver_test_calling_handler).
-behaviour(eslaver_handler).

-export([init/1, handle_event/2, handle_info/2, handle_call/3]).

-type state() :: {pid(), [binary()]}.

-spec init(pid()) -> {ok, state()}.
init(Pid) ->
    Pid ! {handler, self()},
    {ok, {Pid, []}}.

-spec handle_event(eslaver:event(), state()) -> eslaver_handler:result().
handle_event({stream, "set", [<<"pause">> | _]}, State) -> {pause, State};
handle_event({stream, "set", [<<"bad">> | _] = Args}, _State) -> error({bad, Args});
handle_event({stream, "set", [Key | _]}, {Pid, Keys}) -> {ok, {Pid, Keys ++ [Key]}};
handle_event(_Event, State) -> {ok, State}.

-spec handle_info(term(), state()) -> eslaver_handler:result() | {continue, state()}.
handle_info(flush, {Pid, Keys}) ->
    Pid ! {flushed, Keys},
    {ok, {Pid, []}};
handle_info({flush_after, Ms}, State) ->
    _ = erlang:send_after(Ms, self(), flush),
    {ok, State};
handle_info(continue, State) ->
    {continue, State};
handle_info({return, Result}, _State) ->
    Result;
handle_info({pause, Ms}, State) ->
    {pause, Ms, State};
handle_info(Message, {Pid, _} = State) ->
    Pid ! {heard, Message},
    {ok, State}.

-spec handle_call(term(), gen_server:from(), state()) ->
    {reply, term(), state()}
    | {stop, term(), term(), state()}
    | eslaver_handler:result()
    | {continue, state()}.
handle_call(keys, _From, {_, Keys} = State) ->
    {reply, Keys, State};
handle_call({later, Ms}, From, State) ->
    _ = spawn_link(fun() ->
        timer:sleep(Ms),
        gen_server:reply(From, it_is_later)
    end),
    {ok, State};
handle_call(monitor, {Caller, _}, State) ->
    {reply, monitor(process, Caller), State};
handle_call(continue, From, State) ->
    gen_server:reply(From, ok),
    {continue, State};
handle_call({stop, Reason}, _From, State) ->
    {stop, Reason, stopping, State};
handle_call(raise, _From, _State) ->
    error(the_request).
