%% @doc A position kept in a file, for a replica to resume from after a restart.
%%
%% {@link eslaver_server} reads it at its start, and has this process write it. The file is replaced
%% as a whole, and is on the disk before it counts; that takes its time, so positions are written no
%% more often than every 100 ms, and always the newest.
%%
%% Two replicas must not share a file: the slower one would resume from where the faster one was. So
%% this process keeps another file locked, named as the first with `.lock' behind it. That one is
%% empty and stays where it is; the system unlocks it when the process, or the node, has ended.
%% @private
-module(eslaver_position_file).
-behaviour(gen_server).

-export([read/1]).
-export([start_link/1, save/2, forget/1, stop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, code_change/3]).

-define(PAUSE, 100).
%% For how long, and how often, in ms, it is tried to lock: one who was killed may still write.
-define(PATIENCE, 5000).
-define(TRY, 20).
-define(HEADER, "eslaver position 1").

-record(state, {
    path :: binary(),
    lock :: none | eslaver_nif:lock(),
    %% Who is told what has been written.
    owner :: pid(),
    %% Not written yet.
    newest :: undefined | eslaver_position:safe(),
    %% Whether the last write is so young that the next one has to wait.
    resting = false :: boolean()
}).

%% @doc The position in a file.
-spec read(binary()) -> {ok, eslaver_position:safe()} | none | {error, Text :: binary()}.
read(Path) ->
    case eslaver_nif:read_position(Path) of
        {ok, Bytes} -> decode(Bytes);
        Other -> Other
    end.

%% @doc Starts the writer, unless there is another for this file. The caller gets
%% `{eslaver_position_file, Pid, News}': `{saved, Position}' whenever a position is on the disk,
%% `{failed, Text}' when one cannot be saved, and `{not_locked, Text}' if it cannot be known
%% whether there is another writer.
-spec start_link(binary()) -> {ok, pid()} | {error, locked | {nif_not_loaded, binary()}}.
start_link(Path) ->
    case gen_server:start_link(?MODULE, {Path, self()}, []) of
        {ok, Writer} -> {ok, Writer};
        {error, {shutdown, Reason}} -> {error, Reason}
    end.

%% @doc The newest position. It is on the disk when the caller is told so.
-spec save(pid(), eslaver_position:safe()) -> ok.
save(Writer, Position) ->
    gen_server:cast(Writer, {save, Position}).

%% @doc There is no position any more, as a new snapshot begins. The file is gone on return.
-spec forget(pid()) -> ok | {error, Text :: binary()}.
forget(Writer) ->
    gen_server:call(Writer, forget, infinity).

%% @doc Writes what is to be written, and ends.
-spec stop(pid()) -> ok.
stop(Writer) ->
    gen_server:stop(Writer).

%% @private
-spec init({binary(), pid()}) -> {ok, #state{}} | {stop, {shutdown, term()}}.
init({Path, Owner}) ->
    process_flag(trap_exit, true),
    case lock(Path, eslaver_clock:now_ms() + ?PATIENCE) of
        {ok, Lock} ->
            {ok, #state{path = Path, owner = Owner, lock = Lock}};
        {error, Text} when is_binary(Text) ->
            ok = tell({not_locked, Text}, Owner),
            {ok, #state{path = Path, owner = Owner, lock = none}};
        {error, Reason} ->
            {stop, {shutdown, Reason}}
    end.

lock(Path, Until) ->
    case lock(Path) of
        {error, locked} ->
            case eslaver_clock:now_ms() < Until of
                true ->
                    timer:sleep(?TRY),
                    lock(Path, Until);
                false ->
                    {error, locked}
            end;
        Result ->
            Result
    end.

lock(Path) ->
    try
        eslaver_nif:lock_file(<<Path/binary, ".lock">>)
    catch
        error:{nif_not_loaded, _} = Reason -> {error, Reason}
    end.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, ok | {error, term()}, #state{}}.
handle_call(forget, _From, State) ->
    {Result, Next} = locked(State, fun eslaver_nif:remove_position/1),
    {reply, Result, Next#state{newest = undefined}};
handle_call(_Unknown, _From, State) ->
    {reply, {error, unknown_request}, State}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({save, Position}, #state{resting = true} = State) ->
    {noreply, State#state{newest = Position}};
handle_cast({save, Position}, State) ->
    {noreply, rest(write(State#state{newest = Position}))};
handle_cast(_Unknown, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_info(rested, #state{newest = undefined} = State) ->
    {noreply, State#state{resting = false}};
handle_info(rested, State) ->
    {noreply, rest(write(State))};
handle_info({'EXIT', _Pid, normal}, State) ->
    {noreply, State};
handle_info({'EXIT', _Pid, Reason}, State) ->
    {stop, Reason, State};
handle_info(_Message, State) ->
    {noreply, State}.

%% @private
-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, State) ->
    #state{lock = Lock} = write(State),
    _ = Lock =:= none orelse eslaver_nif:unlock_file(Lock),
    ok.

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

rest(State) ->
    _ = erlang:send_after(?PAUSE, self(), rested),
    State#state{resting = true}.

write(#state{newest = undefined} = State) ->
    State;
write(#state{owner = Owner, newest = Position} = State) ->
    {Result, Next} = locked(State, fun(Path) ->
        eslaver_nif:write_position(Path, encode(Position))
    end),
    Said =
        case Result of
            ok -> {saved, Position};
            {error, Text} -> {failed, Text}
        end,
    ok = tell(Said, Owner),
    Next#state{newest = undefined}.

%% Changes the file. What could not be locked at the start may be by now, and then by another.
locked(#state{path = Path, lock = none} = State, Change) ->
    case lock(Path) of
        {ok, Lock} -> {Change(Path), State#state{lock = Lock}};
        {error, locked} -> {{error, <<"another replica uses this file">>}, State};
        {error, _Text} -> {Change(Path), State}
    end;
locked(#state{path = Path} = State, Change) ->
    {Change(Path), State}.

tell(Said, Owner) ->
    _ = Owner ! {?MODULE, self(), Said},
    ok.

encode(#{replid := Replid, offset := Offset, db := Db}) ->
    Body = iolist_to_binary(io_lib:format(?HEADER "\n~ts ~b ~b\n", [Replid, Offset, Db])),
    <<Body/binary, (integer_to_binary(erlang:crc32(Body)))/binary, $\n>>.

%% What is in the file may be anything, and need not be text.
decode(Bytes) ->
    case binary:split(Bytes, <<"\n">>, [global]) of
        [Header, Position, Checksum | Rest] when Rest =:= []; Rest =:= [<<>>] ->
            Body = <<Header/binary, $\n, Position/binary, $\n>>,
            case integer_to_binary(erlang:crc32(Body)) of
                Checksum -> fields(binary:split(Body, [<<" ">>, <<"\n">>], [global, trim]));
                _ -> {error, <<"its checksum is wrong">>}
            end;
        _ ->
            {error, <<"it contains no position">>}
    end.

fields([<<"eslaver">>, <<"position">>, <<"1">>, Replid, Offset, Db]) ->
    Position = #{replid => Replid, offset => integer(Offset), db => integer(Db)},
    case eslaver_position:is_safe(Position) of
        true -> {ok, Position};
        false -> {error, <<"it contains no position">>}
    end;
fields(_) ->
    {error, <<"it contains no position">>}.

integer(Digits) ->
    case string:to_integer(Digits) of
        {Integer, <<>>} -> Integer;
        _ -> error
    end.
