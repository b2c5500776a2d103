%% Writes every event to a file, in batches, until Enter is pressed. The callback is a handler that
%% takes batches.
%%
%%     ERL_LIBS=_build/default/lib escript examples/bulk_sink.erl File [Port]
%%
%% Each line is an event that `file:consult/1' can read. A batch counts as handled once it is on the
%% disk, so when `WAIT 1 0' on the master returns 1, the write is in the file.
-module(bulk_sink).
-mode(compile).
-behaviour(eslaver_handler).
-export([main/1]).
-export([init/1, handle_batch/2, terminate/2]).

main([File]) ->
    main([File, "6379"]);
main([File, Port]) ->
    {ok, Replica} = eslaver:start_link(#{
        master_port => list_to_integer(Port),
        events => full,
        callback => {handler, ?MODULE, File}
    }),
    ok = eslaver:await(Replica, loaded, 60000),
    io:format("loaded~n"),
    _ = io:get_line(""),
    eslaver:stop(Replica).

init(File) ->
    case file:open(File, [write, raw, binary]) of
        {ok, Sink} -> {ok, Sink};
        {error, Reason} -> {stop, {Reason, File}}
    end.

handle_batch(Events, Sink) ->
    Lines = [io_lib:format("~0tp.~n", [Event]) || Event <- Events],
    ok = file:write(Sink, unicode:characters_to_binary(Lines)),
    ok = file:datasync(Sink),
    {ok, Sink}.

terminate(_Reason, Sink) ->
    file:close(Sink).
