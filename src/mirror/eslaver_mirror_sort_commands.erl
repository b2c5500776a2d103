%% @doc Applies `SORT ... STORE', which masters replicate verbatim.
%% @private
-module(eslaver_mirror_sort_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

%% @doc See {@link eslaver_mirror_commands}.
-spec commands() -> [binary()].
commands() ->
    [<<"sort">>].

%% @doc See {@link eslaver_mirror_commands}.
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"sort">>, [Key | Args], Ctx) ->
    case options(Args, eslaver_mirror_sort:new(), none) of
        {_Options, none} -> ok;
        {Options, Target} -> store(Ctx, Key, Options#{certain := true}, Target)
    end.

options([], #{get := Patterns} = Options, Target) ->
    {Options#{get := lists:reverse(Patterns)}, Target};
options([Name | Args], #{get := Patterns} = Options, Target) ->
    case {string:lowercase(Name), Args} of
        {<<"asc">>, More} ->
            options(More, Options#{order := asc}, Target);
        {<<"desc">>, More} ->
            options(More, Options#{order := desc}, Target);
        {<<"alpha">>, More} ->
            options(More, Options#{alpha := true}, Target);
        {<<"limit">>, [Start, Count | More]} ->
            Limit = {binary_to_integer(Start), binary_to_integer(Count)},
            options(More, Options#{limit := Limit}, Target);
        {<<"by">>, [Pattern | More]} ->
            options(More, Options#{by := eslaver_mirror_sort:by(Pattern)}, Target);
        {<<"get">>, [Pattern | More]} ->
            Parsed = eslaver_mirror_sort:pattern(Pattern),
            options(More, Options#{get := [Parsed | Patterns]}, Target);
        {<<"store">>, [Key | More]} ->
            options(More, Options, Key)
    end.

store(#{store := Store} = Ctx, Key, Options, Target) ->
    Row = eslaver_mirror_set:certain_row(Store, eslaver_mirror_keys:find(Ctx, Key)),
    {Type, _, _} = Source = eslaver_mirror_sort_source:new(Store, Row),
    true = is_known(eslaver_mirror_store:version(Store), Type, Options),
    Lookup = fun(Other, Field) -> value(Ctx, Other, Field) end,
    Elements = [or_empty(Got) || Got <- eslaver_mirror_sort:run(Source, Options, Lookup)],
    Body = eslaver_mirror_list:load(Store, Elements, #{}),
    eslaver_mirror_keys:put(Ctx, Target, list, Body, infinity).

%% Masters that do not send their version differ in what they leave unsorted.
is_known(unknown, Type, #{by := nothing}) -> Type =:= set;
is_known(_Version, _Type, _Options) -> true.

or_empty(undefined) -> <<>>;
or_empty(Value) -> Value.

value(#{store := Store} = Ctx, Key, Field) ->
    case eslaver_mirror_keys:find(Ctx, Key) of
        {_, string, Body, _} when Field =:= value ->
            eslaver_mirror_string:value(Store, Body);
        {_, hash, Body, _} when Field =/= value ->
            found(eslaver_mirror_hash:find(Store, Body, Field));
        {_, Type, _, _} when Type =/= unknown ->
            undefined;
        none ->
            undefined
    end.

found(none) -> undefined;
found(Value) -> Value.
