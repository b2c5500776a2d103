%% @doc A position kept in a file, for a replica that goes on where it was after a restart.
%%
%% {@link eslaver_server} reads it at its start, and has this process write it. The file is replaced
%% as a whole, and is on the disk before it counts; that takes its time, so positions are written no
%% more often than every 100 ms, and always the newest.
%% @private
-module(eslaver_resume).
-behaviour(gen_server).

-export([read/1]).
-export([start_link/1, save/2, forget/1, stop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-define(PAUSE, 100).
-define(HEADER, "eslaver position 1").

-record(state, {
    path :: file:filename_all(),
    %% Who is told what has been written.
    owner :: pid(),
    %% Not written yet.
    newest :: undefined | eslaver:position(),
    %% Whether the last write is so young that the next one has to wait.
    resting = false :: boolean()
}).

%% @doc The position in a file.
-spec read(file:filename_all()) -> {ok, eslaver:position()} | none | {error, term()}.
read(Path) ->
    case file:read_file(Path) of
        {ok, Bytes} -> decode(Bytes);
        {error, enoent} -> none;
        {error, _} = Error -> Error
    end.

%% @doc Starts the writer. The caller gets `{eslaver_resume, Pid, {saved, Position}}' whenever a
%% position is on the disk, and `{eslaver_resume, Pid, {failed, Reason}}' when one cannot be.
-spec start_link(file:filename_all()) -> {ok, pid()} | {error, term()}.
start_link(Path) ->
    case gen_server:start_link(?MODULE, {Path, self()}, []) of
        ignore -> {error, ignore};
        Result -> Result
    end.

%% @doc The newest position. It is on the disk when the caller is told so.
-spec save(pid(), eslaver:position()) -> ok.
save(Writer, Position) ->
    gen_server:cast(Writer, {save, Position}).

%% @doc There is no position any more, as a new snapshot begins. The file is gone on return.
-spec forget(pid()) -> ok | {error, term()}.
forget(Writer) ->
    gen_server:call(Writer, forget, infinity).

%% @doc Writes what is to be written, and ends.
-spec stop(pid()) -> ok.
stop(Writer) ->
    gen_server:stop(Writer).

%% @private
-spec init({file:filename_all(), pid()}) -> {ok, #state{}}.
init({Path, Owner}) ->
    process_flag(trap_exit, true),
    {ok, #state{path = Path, owner = Owner}}.

%% @private
-spec handle_call(forget, gen_server:from(), #state{}) -> {reply, ok | {error, term()}, #state{}}.
handle_call(forget, _From, #state{path = Path} = State) ->
    Result =
        case file:delete(Path) of
            {error, enoent} -> ok;
            Deleted -> Deleted
        end,
    {reply, Result, State#state{newest = undefined}}.

%% @private
-spec handle_cast({save, eslaver:position()}, #state{}) -> {noreply, #state{}}.
handle_cast({save, Position}, #state{resting = true} = State) ->
    {noreply, State#state{newest = Position}};
handle_cast({save, Position}, State) ->
    {noreply, rest(write(State#state{newest = Position}))}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_info(rested, #state{newest = undefined} = State) ->
    {noreply, State#state{resting = false}};
handle_info(rested, State) ->
    {noreply, rest(write(State))};
handle_info({'EXIT', _Pid, Reason}, State) ->
    {stop, Reason, State};
handle_info(_Message, State) ->
    {noreply, State}.

%% @private
-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, State) ->
    _ = write(State),
    ok.

rest(State) ->
    _ = erlang:send_after(?PAUSE, self(), rested),
    State#state{resting = true}.

write(#state{newest = undefined} = State) ->
    State;
write(#state{path = Path, owner = Owner, newest = Position} = State) ->
    Owner !
        {?MODULE, self(),
            case replace(Path, encode(Position)) of
                ok -> {saved, Position};
                {error, Reason} -> {failed, Reason}
            end},
    State#state{newest = undefined}.

replace(Path, Bytes) ->
    Temporary = unicode:characters_to_binary([Path, ".tmp"]),
    case write_through(Temporary, Bytes) of
        ok -> file:rename(Temporary, Path);
        Error -> Error
    end.

write_through(Path, Bytes) ->
    case file:open(Path, [write, raw, binary]) of
        {ok, File} ->
            Written = [file:write(File, Bytes), file:sync(File), file:close(File)],
            case [Error || {error, _} = Error <- Written] of
                [] -> ok;
                [Error | _] -> Error
            end;
        Error ->
            Error
    end.

encode(#{replid := Replid, offset := Offset, db := Db}) ->
    Body = iolist_to_binary(io_lib:format(?HEADER "\n~ts ~b ~b\n", [Replid, Offset, Db])),
    [Body, integer_to_binary(erlang:crc32(Body)), $\n].

%% What is in the file may be anything, and need not be text.
decode(Bytes) ->
    case binary:split(Bytes, <<"\n">>, [global]) of
        [Header, Position, Checksum | Rest] when Rest =:= []; Rest =:= [<<>>] ->
            Body = <<Header/binary, $\n, Position/binary, $\n>>,
            case integer_to_binary(erlang:crc32(Body)) of
                Checksum -> fields(binary:split(Body, [<<" ">>, <<"\n">>], [global, trim]));
                _ -> {error, wrong_checksum}
            end;
        _ ->
            {error, not_a_position}
    end.

fields([<<"eslaver">>, <<"position">>, <<"1">>, Replid, Offset, Db]) ->
    Position = #{replid => Replid, offset => integer(Offset), db => integer(Db)},
    case eslaver_place:is_position(Position) of
        true -> {ok, Position};
        false -> {error, not_a_position}
    end;
fields(_) ->
    {error, not_a_position}.

integer(Digits) ->
    case string:to_integer(Digits) of
        {Integer, <<>>} -> Integer;
        _ -> error
    end.
