%% @doc Applies the commands that write vector sets. Masters do not replicate a `VADD' of an
%% existing element.
%% @private
-module(eslaver_mirror_vectorset_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

-define(DEFAULT_M, 16).

%% @private
-spec commands() -> [binary()].
commands() ->
    [<<"vadd">>, <<"vrem">>, <<"vsetattr">>].

%% @private
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"vadd">>, [Key | Args], Ctx) ->
    {Reduced, Vector, [Element | Words]} = vector(Args),
    Options = options(Words, #{quantization => int8, m => ?DEFAULT_M, attribute => none}),
    New = fun() -> new(Reduced, length(Vector), Options) end,
    add(Ctx, Key, New, Element, Vector, Options);
apply(<<"vrem">>, [Key, Element], #{store := Store} = Ctx) ->
    Body = eslaver_mirror_keys:existing(Ctx, Key, vectorset),
    settle(Ctx, Key, eslaver_mirror_vectorset:remove(Store, Body, Element));
apply(<<"vsetattr">>, [Key, Element, Attribute], #{store := Store} = Ctx) ->
    Body = eslaver_mirror_keys:existing(Ctx, Key, vectorset),
    New =
        case Attribute of
            <<>> -> none;
            _ -> Attribute
        end,
    settle(Ctx, Key, eslaver_mirror_vectorset:set_attribute(Store, Body, Element, New)).

settle(Ctx, Key, Body) ->
    eslaver_mirror_keys:settle(Ctx, Key, Body).

%% If the element exists all the same, after a master has claimed that it was added before, replicas
%% take the new vector, and the new attribute if there is one.
add(#{store := Store} = Ctx, Key, New, Element, Vector, #{attribute := Given}) ->
    eslaver_mirror_keys:change(Ctx, Key, vectorset, New, fun(Body) ->
        Kept = eslaver_mirror_vectorset:project(Body, Vector),
        {Others, Attribute} =
            case eslaver_mirror_vectorset:is_member(Store, Body, Element) of
                true -> without(Store, Body, Element, Given);
                false -> {Body, Given}
            end,
        eslaver_mirror_vectorset:put(Store, Others, Element, Kept, Attribute)
    end).

without(Store, Body, Element, Given) ->
    Attribute =
        case {Given, eslaver_mirror_vectorset:attribute(Store, Body, Element)} of
            {none, undefined} -> none;
            {none, Old} -> Old;
            {<<>>, _} -> none;
            {_, _} -> Given
        end,
    case eslaver_mirror_vectorset:remove(Store, Body, Element) of
        empty -> {Body#{size := 0, attributes := 0}, Attribute};
        Others -> {Others, Attribute}
    end.

vector([Word | Args] = All) ->
    case string:lowercase(Word) of
        <<"reduce">> ->
            [Dimension | Rest] = Args,
            {Vector, Words} = values(Rest),
            {binary_to_integer(Dimension), Vector, Words};
        _ ->
            {Vector, Words} = values(All),
            {none, Vector, Words}
    end.

values([Format | Args]) ->
    case {string:lowercase(Format), Args} of
        {<<"fp32">>, [Blob | Words]} ->
            {eslaver_mirror_vector:from_blob(Blob), Words};
        {<<"values">>, [Count | Rest]} ->
            {Numbers, Words} = lists:split(binary_to_integer(Count), Rest),
            {eslaver_mirror_vector:from_numbers(Numbers), Words}
    end.

options([], Options) ->
    Options;
options([Name | Args], Options) ->
    case {string:lowercase(Name), Args} of
        {<<"cas">>, _} -> options(Args, Options);
        {<<"ef">>, [_ | Rest]} -> options(Rest, Options);
        {<<"m">>, [M | Rest]} -> options(Rest, Options#{m := binary_to_integer(M)});
        {<<"setattr">>, [Attribute | Rest]} -> options(Rest, Options#{attribute := Attribute});
        {<<"noquant">>, _} -> options(Args, Options#{quantization := f32});
        {<<"bin">>, _} -> options(Args, Options#{quantization := bin});
        {<<"q8">>, _} -> options(Args, Options#{quantization := int8})
    end.

new(Reduced, Count, #{quantization := Quantization, m := M}) ->
    {Dimension, Projection} =
        case Reduced of
            none -> {Count, none};
            _ -> {Reduced, {Count, eslaver_mirror_vector:hadamard(Reduced, Count)}}
        end,
    eslaver_mirror_vectorset:new(#{
        dimension => Dimension, quantization => Quantization, m => M, projection => Projection
    }).
