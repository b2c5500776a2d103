%% @doc Parses the arguments of stream commands.
%% @private
-module(eslaver_mirror_stream_args).

-export([trim/1, ids/1, named/1, pairs/1]).
-export_type([trim/0]).

-type trim() :: #{
    limit => eslaver_mirror_stream:limit(),
    %% Whether to trim exactly (`='), not approximately (`~').
    is_exact => boolean(),
    policy => eslaver_mirror_stream:policy(),
    %% The producer of an entry whose id is recorded (`IDMP').
    producer => binary()
}.

%% @doc The options of `XADD' and `XTRIM', and the arguments after them.
-spec trim([binary()]) -> {trim(), [binary()]}.
trim(Args) ->
    trim_options(Args, #{}).

trim_options([Name | Args] = All, Options) ->
    case {string:lowercase(Name), Args} of
        {<<"nomkstream">>, _} ->
            trim_options(Args, Options);
        {<<"maxlen">>, _} ->
            limit(Args, fun(Value) -> {maxlen, binary_to_integer(Value)} end, Options);
        {<<"minid">>, _} ->
            limit(Args, fun(Value) -> {minid, eslaver_mirror_stream_id:parse(Value)} end, Options);
        {<<"limit">>, [_ | Rest]} ->
            trim_options(Rest, Options);
        {<<"idmp">>, [Producer, _Iid | Rest]} ->
            trim_options(Rest, Options#{producer => Producer});
        {<<"idmpauto">>, [Producer | Rest]} ->
            trim_options(Rest, Options#{producer => Producer});
        {<<"keepref">>, _} ->
            trim_options(Args, Options#{policy => keepref});
        {<<"delref">>, _} ->
            trim_options(Args, Options#{policy => delref});
        {<<"acked">>, _} ->
            trim_options(Args, Options#{policy => acked});
        {_EntryId, _} ->
            {Options, All}
    end;
trim_options([], Options) ->
    {Options, []}.

limit([<<"~">>, Value | Rest], Parse, Options) ->
    trim_options(Rest, Options#{limit => Parse(Value), is_exact => false});
limit([<<"=">>, Value | Rest], Parse, Options) ->
    trim_options(Rest, Options#{limit => Parse(Value), is_exact => true});
limit([Value | Rest], Parse, Options) ->
    trim_options(Rest, Options#{limit => Parse(Value), is_exact => true}).

%% @doc Parses `[KEEPREF | DELREF | ACKED] IDS n id ...'.
-spec ids([binary()]) -> {eslaver_mirror_stream:policy(), [eslaver_mirror_stream_id:id()]}.
ids(Args) ->
    ids(Args, keepref).

ids([Name | Args], Policy) ->
    case {string:lowercase(Name), Args} of
        {<<"ids">>, [Count | EntryIds]} ->
            true = length(EntryIds) =:= binary_to_integer(Count),
            {Policy, [eslaver_mirror_stream_id:parse(EntryId) || EntryId <- EntryIds]};
        {<<"keepref">>, _} ->
            ids(Args, keepref);
        {<<"delref">>, _} ->
            ids(Args, delref);
        {<<"acked">>, _} ->
            ids(Args, acked)
    end.

%% @doc Options that have a value each.
-spec named([binary()]) -> #{binary() => binary()}.
named([]) -> #{};
named([Name, Value | Rest]) -> (named(Rest))#{string:lowercase(Name) => Value}.

%% @doc The fields of an entry.
-spec pairs([binary()]) -> eslaver_mirror_stream_entries:fields().
pairs([]) -> [];
pairs([Field, Value | Rest]) -> [{Field, Value} | pairs(Rest)].
