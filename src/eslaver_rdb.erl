%% @doc RDB files and `DUMP' payloads, without a master.
%%
%% Decodes a file ({@link fold/3}) or a binary ({@link decode_dump/1}) with the parser of a replica,
%% and into the same terms: those of the full events.
-module(eslaver_rdb).

-include_lib("kernel/include/logger.hrl").

-export([fold/3, decode_dump/1]).
-export_type([event/0, error/0, type/0]).

-type type() :: eslaver_filter:type().
%% Arrays and rate limiters (`gcra') are types of Redis, from 8.8 and 8.10 on, path hashes one of
%% Valkey, from 9.2 on.

-type event() ::
    {loading, type(), Key :: binary(), Value :: term(), Meta :: map()}
    | {loading, aux, Name :: binary(), Value :: binary(), Meta :: map()}
    | {loading, function, Name :: binary(), Code :: binary(), Meta :: map()}.
%% The full events of a snapshot.

-type error() :: #{reason := atom(), text := binary()}.
%% The error of a file, for programs and as text, which names the offset of damage.

%% @doc Folds over the content of an RDB file, in its order, in the calling process.
%%
%% First the whole file is decoded up to its checksum, so that a damaged file delivers nothing at
%% all. Then it is read again, as fast as `Fun' takes the events: memory is bounded by a few
%% megabytes of events and by the largest value. The size of the file is unlimited.
%%
%% An exception of `Fun' ends the fold, which cleans up and raises it. The file must not be changed
%% meanwhile; servers do not change files but replace them.
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

%% @doc Decodes the payload of `DUMP' and `RESTORE': the type, the value as in a full event, and
%% those of its metadata that belong to the value: `field_expire_at', `member_expire_at',
%% `next_index'. The key's own expiry is not in the payload, but an argument of `RESTORE'.
%%
%% ```
%% handle({stream, <<"restore">>, [Key, _Ttl, Payload | _], _Meta}) ->
%%     {ok, {Type, Value, _}} = eslaver_rdb:decode_dump(Payload),
%% '''
%%
%% A damaged payload, or one of an unknown version or type, is an error, which says what is wrong
%% and at which byte.
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
