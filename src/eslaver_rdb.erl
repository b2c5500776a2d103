%% @doc RDB files and `DUMP' payloads, without a master.
%%
%% What a replica decodes as it comes over the wire is decoded here from a file
%% ({@link fold/3}) or from a binary ({@link decode_dump/1}), by the same parser and into the same
%% terms: those of the full events.
-module(eslaver_rdb).

-include_lib("kernel/include/logger.hrl").

-export([fold/3, decode_dump/1]).
-export_type([event/0, error/0, type/0]).

-type type() ::
    string | list | set | zset | hash | stream | module | array | gcra | path_hash.
%% Arrays and rate limiters (`gcra') are types of Redis, from 8.8 and 8.10 on, path hashes one of
%% Valkey, from 9.2 on.

-type event() ::
    {loading, type(), Key :: binary(), Value :: term(), Meta :: map()}
    | {loading, aux, Name :: binary(), Value :: binary(), Meta :: map()}
    | {loading, function, Name :: binary(), Code :: binary(), Meta :: map()}.
%% The full events of a snapshot.

-type error() :: #{reason := atom(), text := binary()}.
%% What is wrong with a file, for programs and in words; a damaged one with the byte at fault.

%% @doc Folds over all that an RDB file holds, in its order, in the calling process.
%%
%% The file is first decoded from its start to its checksum, so that nothing at all is delivered of
%% one that is damaged. Then it is read again, as fast as `Fun' takes what it is given: memory is
%% bounded by a few megabytes of events and by the largest value. Files of any size will do.
%%
%% What `Fun' raises comes out of here, with nothing left behind. The file is not to be changed
%% meanwhile; servers do not, they replace it.
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

%% @doc Decodes what `DUMP' answers and `RESTORE' is given: the value's type and the value, as in a
%% full event, and what that has in its metadata of the value alone: `field_expire_at',
%% `member_expire_at', `next_index'. When the key itself expires is not in there: that is an
%% argument of `RESTORE'.
%%
%% ```
%% handle({stream, <<"restore">>, [Key, _Ttl, Payload | _], _Meta}) ->
%%     {ok, {Type, Value, _}} = eslaver_rdb:decode_dump(Payload),
%% '''
%%
%% A payload that is damaged, or of a version or type that is not known, is an error, which says
%% what was wrong and at which byte.
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

%% A batch is given credit for when all of it has been folded, so that few are ever under way.
loop({Pid, Link, Monitor} = Source, Fun, Acc) ->
    receive
        {eslaver_link, Pid, {batch, Weight, Events, _Marks, _Mark}} ->
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

%% Ends the link, and leaves none of its messages behind.
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
