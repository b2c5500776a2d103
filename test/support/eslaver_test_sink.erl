%% A consumer that stores positions with its data, in a file: each record has the events of a batch
%% and the position behind them, and one that a kill has cut short does not count. So each event is
%% in it once and only once.
-module(eslaver_test_sink).
-behaviour(eslaver_handler).
-behaviour(eslaver_position_store).

-export([init/1, handle_batch/2]).
-export([load/2, save/3]).
-export([stored/1]).

-record(sink, {
    device :: file:io_device(),
    checkpoint :: eslaver_checkpoint:checkpoint()
}).

-spec init(file:filename()) -> {ok, #sink{}}.
init(File) ->
    {Records, Size} = records(File),
    {ok, Device} = file:open(File, [read, write, raw, binary]),
    {ok, Size} = file:position(Device, Size),
    ok = file:truncate(Device),
    {ok, #sink{device = Device, checkpoint = eslaver_checkpoint:new(last(Records))}}.

-spec handle_batch([eslaver:full_event(), ...], #sink{}) -> eslaver_handler:result().
handle_batch(Events, #sink{device = Device, checkpoint = Before} = Sink) ->
    {Whole, Checkpoint} = eslaver_checkpoint:add(Events, Before),
    Record = term_to_binary({Whole, eslaver_checkpoint:position(Checkpoint)}),
    ok = file:write(Device, [<<(byte_size(Record)):32, (erlang:crc32(Record)):32>>, Record]),
    {ok, Sink#sink{checkpoint = Checkpoint}}.

-spec load(eslaver_position_store:where(), file:filename()) -> {ok, eslaver:position()} | none.
load(_Where, File) ->
    {Records, _Size} = records(File),
    case last(Records) of
        none -> none;
        Position -> {ok, Position}
    end.

%% It has been stored already.
-spec save(eslaver_position_store:where(), eslaver:position() | none, file:filename()) -> ok.
save(_Where, _Position, _File) ->
    ok.

%% All events that are stored.
-spec stored(file:filename()) -> [eslaver:full_event()].
stored(File) ->
    {Records, _Size} = records(File),
    lists:append([Events || {Events, _Position} <- Records]).

last([]) ->
    none;
last(Records) ->
    {_Events, Position} = lists:last(Records),
    Position.

%% And how many bytes they take.
records(File) ->
    case file:read_file(File) of
        {ok, Bytes} -> records(Bytes, 0, []);
        {error, enoent} -> {[], 0}
    end.

records(<<Size:32, Sum:32, Record:Size/binary, Rest/binary>>, Before, Records) ->
    case erlang:crc32(Record) of
        Sum -> records(Rest, Before + 8 + Size, [binary_to_term(Record) | Records]);
        _ -> {lists:reverse(Records), Before}
    end;
records(_CutShort, Before, Records) ->
    {lists:reverse(Records), Before}.
