%% @doc Checks the arguments of reads of streams. Invalid ones raise `badarg'.
%% @private
-module(eslaver_mirror_stream_arguments).

-export([bound/1, is_count/1, count/1, streams/1, info/1, filter/1]).

-type after_ids() :: eslaver_mirror_types:after_ids().

-type filter() :: eslaver_mirror_types:xpending_options().

-define(MAX, 16#FFFFFFFFFFFFFFFF).

%% @doc Checks a bound of a range.
-spec bound(term()) -> ok.
bound('-') -> ok;
bound('+') -> ok;
bound({exclusive, Id}) -> id(Id);
bound(Id) -> id(Id).

id(Id) when is_binary(Id) -> lists:foreach(fun number/1, binary:split(Id, <<"-">>));
id(_) -> error(badarg).

number(Digits) ->
    case binary_to_integer(Digits) of
        Number when Number >= 0, Number =< ?MAX -> ok;
        _ -> error(badarg)
    end.

%% @doc Whether it is a greatest number of entries.
-spec is_count(term()) -> boolean().
is_count(Count) -> Count =:= infinity orelse is_integer(Count).

%% @doc How many entries are wanted at most.
-spec count(eslaver_mirror_types:options(#{count => integer() | infinity})) ->
    integer() | infinity.
count(Options) ->
    Given = eslaver_mirror_arguments:options(#{count => fun is_count/1}, Options),
    maps:get(count, Given, infinity).

%% @doc The keys of streams, and the ids.
-spec streams(after_ids()) -> {[binary(), ...], [binary(), ...]}.
streams(Streams) when is_map(Streams) ->
    streams(maps:to_list(Streams));
streams([_ | _] = Streams) ->
    ok = pairs(Streams),
    lists:unzip(Streams);
streams(_) ->
    error(badarg).

pairs([]) ->
    ok;
pairs([{_Key, Id} | More]) ->
    ok = id(Id),
    pairs(More);
pairs(_) ->
    error(badarg).

%% @doc Whether all of a stream is wanted, and how many entries.
-spec info(map() | eslaver_types:keywords()) -> short | {full, non_neg_integer()}.
info(Options) ->
    Given = eslaver_mirror_arguments:options(
        #{
            full => fun is_boolean/1,
            count => fun(Count) -> is_integer(Count) andalso Count >= 0 end
        },
        Options
    ),
    case Given of
        #{full := true} -> {full, maps:get(count, Given, 10)};
        #{count := _} -> eslaver_mirror_arguments:invalid(count);
        #{} -> short
    end.

%% @doc The options of `xpending' as a list.
-spec filter(filter()) -> [{consumer, binary()} | {idle, non_neg_integer()}].
filter(Options) ->
    Given = eslaver_mirror_arguments:options(
        #{
            consumer => fun is_binary/1,
            idle => fun(Ms) -> is_integer(Ms) andalso Ms >= 0 end
        },
        Options
    ),
    maps:to_list(Given).
