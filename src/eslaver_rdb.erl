%% @doc Reads RDB files and `DUMP' payloads, without a master.
%%
%% {@link fold/3} decodes a file and {@link decode_dump/1} a binary, with the parser of a replica
%% and into the terms of full events.
-module(eslaver_rdb).

-include_lib("kernel/include/logger.hrl").

-export([fold/3, decode_dump/1]).
-export_type([event/0, error/0, type/0]).

-type type() :: eslaver_types:value_type().
%% The type of a value.

-type event() ::
    {loading, type(), Key :: binary(), Value :: term(), Meta :: map()}
    | {loading, aux, Name :: binary(), Value :: binary(), Meta :: map()}
    | {loading, function, Name :: binary(), Code :: binary(), Meta :: map()}.
%% The full events of a snapshot.

-type error() :: #{reason := atom(), text := binary()}.
%% The error of a file, for programs and as text, which names the offset of damage.

%% @doc Folds over the content of an RDB file, in its order, in the calling process.
%%
%% The file is read twice: first to check it up to its checksum, so that a damaged file delivers
%% nothing, then as fast as `Fun' takes the events. Memory is bounded by a few megabytes and the
%% largest value; the file may have any size.
%%
%% An exception of `Fun' leaves `fold/3' as it is, and nothing stays behind. The file must not
%% change meanwhile: servers replace files, and do not change them.
-spec fold(file:name_all(), fun((event(), Acc) -> Acc), Acc) -> {ok, Acc} | {error, error()}.
fold(File, Fun, Acc) when is_function(Fun, 2) ->
    case open(File) of
        {ok, {Pid, Link}} ->
            Monitor = monitor(process, Pid),
            try
                loop({Pid, Link, Monitor}, Fun, Acc)
            after
                true = demonitor(Monitor, [flush]),
                close(Pid, Link)
            end;
        {error, {nif_not_loaded, Text}} ->
            {error, #{reason => nif_not_loaded, text => Text}};
        {error, Reason} ->
            Text = eslaver_text:format("~0tp: ~0tp", [File, Reason]),
            {error, #{reason => bad_file, text => Text}}
    end.

%% @doc Decodes the payload of `DUMP' and `RESTORE': the type and value as in a full event, and the
%% part of `Meta' that belongs to the value (`field_expire_at', `member_expire_at', `next_index').
%% The expiry of the key is not in the payload; it is an argument of `RESTORE'.
%%
%% ```
%% handle({stream, <<"restore">>, [Key, _Ttl, Payload | _], _Meta}) ->
%%     {ok, {Type, Value, _}} = eslaver_rdb:decode_dump(Payload),
%% '''
%%
%% If the payload is damaged, or of an unknown version or type, the error says what is wrong and at
%% which byte.
-spec decode_dump(binary()) -> {ok, {type(), Value :: term(), Meta :: map()}} | {error, binary()}.
decode_dump(Payload) when is_binary(Payload) ->
    case eslaver_nif:decode_dump(Payload) of
        {ok, {loading, Type, <<>>, Value, Meta}} -> {ok, {Type, Value, maps:remove(db, Meta)}};
        {error, _} = Error -> Error
    end.

open(File) ->
    case path(File) of
        {ok, Path} ->
            {ok, Options} = eslaver_options:parse(#{
                events => full, dbfilename => undefined, proto_max_bulk_len => 1 bsl 62
            }),
            eslaver_link:start_link({file, Path}, undefined, Options);
        error ->
            {error, badarg}
    end.

path(Path) when is_binary(Path) ->
    {ok, Path};
path(File) ->
    try unicode:characters_to_binary(filename:flatten(File)) of
        Path when is_binary(Path) -> {ok, Path};
        _ -> error
    catch
        error:_ -> error
    end.

%% Credit for a batch is given back when all of it has been folded, so that few batches wait.
loop({Pid, Link, Monitor} = Source, Fun, Acc) ->
    receive
        {eslaver_link, Pid, {batch, Weight, Events, _Offsets, _End}} ->
            Next = lists:foldl(Fun, Acc, Events),
            ok = eslaver_nif:credit(Link, Weight, undefined),
            loop(Source, Fun, Next);
        {eslaver_link, Pid, {closed, finished, _Text, _Heals}} ->
            {ok, Acc};
        {eslaver_link, Pid, {closed, Reason, Text, _Heals}} ->
            {error, #{reason => Reason, text => Text}};
        {eslaver_link, Pid, {left_out, #{text := Text}}} ->
            ?LOG_WARNING("an RDB file contains ~ts, which is skipped", [Text], #{eslaver => true}),
            loop(Source, Fun, Acc);
        {eslaver_link, Pid, _BeginsOrEnds} ->
            loop(Source, Fun, Acc);
        {'DOWN', Monitor, process, Pid, Reason} ->
            {error, #{reason => link_exit, text => eslaver_text:format("~0tP", [Reason, 10])}}
    end.

%% Closes the link, and removes its messages from the mailbox.
close(Pid, Link) ->
    ok = eslaver_nif:close(Link),
    Monitor = monitor(process, Pid),
    receive
        {'DOWN', Monitor, process, Pid, _} -> ok
    end,
    true = unlink(Pid),
    flush(Pid).

flush(Pid) ->
    receive
        {eslaver_link, Pid, _} -> flush(Pid);
        {'EXIT', Pid, _} -> flush(Pid)
    after 0 -> ok
    end.
