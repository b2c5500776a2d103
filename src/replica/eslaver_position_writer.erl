%% @doc Saves the position that a replica is to resume from after a restart, in a file or in the
%% user's store.
%%
%% {@link eslaver_position_keeper} starts it. What saves takes its time, so this is a process of its
%% own, and positions are saved one at a time, no more often than every 100 ms, and always the
%% newest.
%% @private
-module(eslaver_position_writer).
-behaviour(gen_server).

-export([start_link/1, load/1, save/2, forget/1, stop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, code_change/3]).
-export([format_status/1]).
-export_type([medium/0, loaded/0, said/0]).

-define(PAUSE, 100).

-record(state, {
    medium :: module(),
    kept :: term(),
    %% Who is told what has been saved.
    owner :: pid(),
    %% Not saved yet.
    newest :: undefined | eslaver_position:safe(),
    %% Whether the last one is so young that the next one has to wait.
    resting = false :: boolean()
}).

-type medium() :: {module(), Args :: term()}.
%% Where positions are kept: a module of this behaviour.

-type loaded() :: {ok, eslaver_position:safe()} | none | {error, Text :: binary()}.

-type said() ::
    {saved, eslaver_position:safe()}
    | {failed, Text :: binary()}
    %% It cannot be known whether another replica keeps its position there.
    | {not_locked, Text :: binary()}.

-callback open(Args :: term()) ->
    {ok, Kept :: term()} | {not_locked, Text :: binary(), Kept :: term()} | {error, term()}.
-callback load(Kept :: term()) -> loaded().
-callback save(eslaver_position:safe() | none, Kept) -> {ok | {error, Text :: binary()}, Kept} when
    Kept :: term().
-callback close(Kept :: term()) -> ok.

%% @doc Starts the process. The caller gets `{eslaver_position_writer, Pid, Said}' whenever there is
%% something to say.
-spec start_link(medium()) -> {ok, pid()} | {error, term()}.
start_link({Medium, Args}) ->
    case gen_server:start_link(?MODULE, {Medium, Args, self()}, []) of
        {ok, Writer} -> {ok, Writer};
        {error, {shutdown, Reason}} -> {error, Reason}
    end.

%% @doc The position that an earlier life has left.
-spec load(pid()) -> loaded().
load(Writer) ->
    gen_server:call(Writer, load, infinity).

%% @doc The newest position. It is safe when the caller is told so.
-spec save(pid(), eslaver_position:safe()) -> ok.
save(Writer, Position) ->
    gen_server:cast(Writer, {save, Position}).

%% @doc There is no position any more, as a new snapshot begins. The old one is gone on return.
-spec forget(pid()) -> ok | {error, Text :: binary()}.
forget(Writer) ->
    gen_server:call(Writer, forget, infinity).

%% @doc Saves what is to be saved, and ends.
-spec stop(pid()) -> ok.
stop(Writer) ->
    gen_server:stop(Writer).

%% @private
-spec init({module(), term(), pid()}) -> {ok, #state{}} | {stop, {shutdown, term()}}.
init({Medium, Args, Owner}) ->
    process_flag(trap_exit, true),
    case Medium:open(Args) of
        {ok, Kept} ->
            {ok, #state{medium = Medium, kept = Kept, owner = Owner}};
        {not_locked, Text, Kept} ->
            ok = tell({not_locked, Text}, Owner),
            {ok, #state{medium = Medium, kept = Kept, owner = Owner}};
        {error, Reason} ->
            {stop, {shutdown, Reason}}
    end.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(load, _From, #state{medium = Medium, kept = Kept} = State) ->
    {reply, Medium:load(Kept), State};
handle_call(forget, _From, State) ->
    {Result, Next} = write(none, State),
    {reply, Result, Next#state{newest = undefined}};
handle_call(_Unknown, _From, State) ->
    {reply, {error, unknown_request}, State}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({save, Position}, #state{resting = true} = State) ->
    {noreply, State#state{newest = Position}};
handle_cast({save, Position}, State) ->
    {noreply, rest(write_newest(State#state{newest = Position}))};
handle_cast(_Unknown, State) ->
    {noreply, State}.

%% @private The owner's end comes by itself. A store may be linked to what it uses, which may end
%% and be there again.
-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info(rested, #state{newest = undefined} = State) ->
    {noreply, State#state{resting = false}};
handle_info(rested, State) ->
    {noreply, rest(write_newest(State))};
handle_info(_Message, State) ->
    {noreply, State}.

%% @private
-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, State) ->
    #state{medium = Medium, kept = Kept} = write_newest(State),
    Medium:close(Kept).

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

%% @private What a store was given may hold a password.
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(
        fun(#state{medium = Medium, newest = Newest, resting = Resting}) ->
            #{medium => Medium, newest => Newest, resting => Resting}
        end,
        Status
    ).

rest(State) ->
    _ = erlang:send_after(?PAUSE, self(), rested),
    State#state{resting = true}.

write_newest(#state{newest = undefined} = State) ->
    State;
write_newest(#state{owner = Owner, newest = Position} = State) ->
    {Result, Next} = write(Position, State),
    Said =
        case Result of
            ok -> {saved, Position};
            {error, Text} -> {failed, Text}
        end,
    ok = tell(Said, Owner),
    Next#state{newest = undefined}.

write(Position, #state{medium = Medium, kept = Kept} = State) ->
    {Result, Next} = Medium:save(Position, Kept),
    {Result, State#state{kept = Next}}.

tell(Said, Owner) ->
    _ = Owner ! {?MODULE, self(), Said},
    ok.
