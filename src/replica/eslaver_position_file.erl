%% @doc A position kept in a file, for a replica to resume from after a restart. The file is
%% replaced as a whole, and is on the disk before it counts.
%%
%% Two replicas must not share a file: the slower one would resume from where the faster one was. So
%% another file is kept locked, named as the first with `.lock' behind it. That one is empty and
%% stays where it is; the system unlocks it when the process, or the node, has ended.
%% @private
-module(eslaver_position_file).
-behaviour(eslaver_position_writer).

-export([read/1, lock/1, unlock/1]).
-export([open/1, load/1, save/2, close/1]).
-export_type([lock/0]).

%% For how long, and how often, in ms, it is tried to lock: one who was killed may still write.
-define(PATIENCE, 5000).
-define(TRY, 20).
-define(HEADER, "eslaver position 1").

-record(file, {
    path :: binary(),
    lock = none :: lock()
}).

-opaque lock() :: none | eslaver_nif:lock().

%% @doc The position in a file.
-spec read(binary()) -> eslaver_position_writer:loaded().
read(Path) ->
    case eslaver_nif:read_position(Path) of
        {ok, Bytes} -> decode(Bytes);
        Other -> Other
    end.

%% @doc Keeps other replicas from this file. Who holds it may take some seconds to end.
-spec lock(binary()) ->
    {ok, lock()} | {error, locked | {nif_not_loaded, binary()} | Text :: binary()}.
lock(Path) ->
    lock(Path, eslaver_clock:now_ms() + ?PATIENCE).

lock(Path, Until) ->
    case try_lock(Path) of
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

try_lock(Path) ->
    try
        eslaver_nif:lock_file(<<Path/binary, ".lock">>)
    catch
        error:{nif_not_loaded, _} = Reason -> {error, Reason}
    end.

%% @doc Ends that.
-spec unlock(lock()) -> ok.
unlock(none) -> ok;
unlock(Lock) -> eslaver_nif:unlock_file(Lock).

%% @private
-spec open(binary()) ->
    {ok, #file{}} | {not_locked, binary(), #file{}} | {error, locked | {nif_not_loaded, binary()}}.
open(Path) ->
    case lock(Path) of
        {ok, Lock} -> {ok, #file{path = Path, lock = Lock}};
        {error, Text} when is_binary(Text) -> {not_locked, Text, #file{path = Path}};
        {error, _} = Error -> Error
    end.

%% @private
-spec load(#file{}) -> eslaver_position_writer:loaded().
load(#file{path = Path}) ->
    read(Path).

%% @private
-spec save(eslaver_position:safe() | none, #file{}) -> {ok | {error, binary()}, #file{}}.
save(none, File) ->
    locked(File, fun eslaver_nif:remove_position/1);
save(Position, File) ->
    locked(File, fun(Path) -> eslaver_nif:write_position(Path, encode(Position)) end).

%% @private
-spec close(#file{}) -> ok.
close(#file{lock = Lock}) ->
    unlock(Lock).

%% Changes the file. What could not be locked at the start may be by now, and then by another.
locked(#file{path = Path, lock = none} = File, Change) ->
    case try_lock(Path) of
        {ok, Lock} -> {Change(Path), File#file{lock = Lock}};
        {error, locked} -> {{error, <<"another replica uses this file">>}, File};
        {error, _Text} -> {Change(Path), File}
    end;
locked(#file{path = Path} = File, Change) ->
    {Change(Path), File}.

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
