%% @doc Checks the arguments of reads of arrays. Invalid ones raise `badarg'.
%% @private
-module(eslaver_mirror_array_arguments).

-export([index/1, indexes/1, bound/1, grep/1, operation/1]).

-type grep_options() :: eslaver_mirror_types:argrep_options().

-define(MAX_INDEX, 16#FFFFFFFFFFFFFFFE).

%% @doc Checks an index.
-spec index(term()) -> ok.
index(Index) when is_integer(Index), Index >= 0, Index =< ?MAX_INDEX -> ok;
index(_) -> error(badarg).

%% @doc Checks a list of indexes.
-spec indexes(term()) -> ok.
indexes([]) ->
    ok;
indexes([Index | More]) ->
    ok = index(Index),
    indexes(More);
indexes(_) ->
    error(badarg).

%% @doc Checks a bound.
-spec bound(term()) -> ok.
bound(Bound) when Bound =:= '-'; Bound =:= '+' -> ok;
bound(Index) -> index(Index).

%% @doc The options of `argrep': the texts, whether one or all must fit, whether case does not
%% count, the limit, and whether elements are wanted.
-spec grep(grep_options()) ->
    {
        [{exact | match | glob, binary()}, ...],
        'or' | 'and',
        boolean(),
        pos_integer() | infinity,
        boolean()
    }.
grep(Options) ->
    Texts = fun(Texts) -> eslaver_mirror_arguments:binaries(Texts) =:= ok end,
    Given = eslaver_mirror_arguments:options(
        #{
            exact => Texts,
            match => Texts,
            glob => Texts,
            combine => fun(How) -> How =:= 'or' orelse How =:= 'and' end,
            nocase => fun is_boolean/1,
            limit => fun eslaver_mirror_arguments:is_count/1,
            with_values => fun is_boolean/1
        },
        Options
    ),
    Tests = [{Kind, Text} || Kind <- [exact, match, glob], Text <- maps:get(Kind, Given, [])],
    _ = Tests =/= [] orelse error(badarg),
    {
        Tests,
        maps:get(combine, Given, 'or'),
        maps:get(nocase, Given, false),
        maps:get(limit, Given, infinity),
        maps:get(with_values, Given, false)
    }.

%% @doc Checks an operation of `arop'.
-spec operation(term()) -> ok.
operation({match, Text}) when is_binary(Text) ->
    ok;
operation(Operation) ->
    Known = [sum, min, max, 'and', 'or', 'xor', used],
    _ = lists:member(Operation, Known) orelse error(badarg),
    ok.
