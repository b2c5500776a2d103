%% @doc Applies the commands that write lists. Masters replicate blocking pops, and pops from the
%% first of several keys, rewritten or verbatim.
%% @private
-module(eslaver_mirror_list_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

-type ctx() :: eslaver_mirror_type:ctx().

%% @private
-spec commands() -> [binary()].
commands() ->
    [
        <<"lpush">>,
        <<"rpush">>,
        <<"lpushx">>,
        <<"rpushx">>,
        <<"lpop">>,
        <<"rpop">>,
        <<"linsert">>,
        <<"lset">>,
        <<"lrem">>,
        <<"ltrim">>,
        <<"lmove">>,
        <<"rpoplpush">>,
        <<"lmpop">>,
        <<"blpop">>,
        <<"brpop">>,
        <<"blmove">>,
        <<"brpoplpush">>,
        <<"blmpop">>,
        <<"lmovem">>,
        <<"blmovem">>
    ].

%% @private
-spec apply(binary(), [binary()], ctx()) -> ok.
apply(<<"lpush">>, [Key | Elements], Ctx) ->
    push(Ctx, front, Key, Elements);
apply(<<"rpush">>, [Key | Elements], Ctx) ->
    push(Ctx, back, Key, Elements);
apply(<<"lpushx">>, [Key | Elements], Ctx) ->
    change(Ctx, Key, fun(Store, List) ->
        eslaver_mirror_list:push(Store, List, front, Elements)
    end);
apply(<<"rpushx">>, [Key | Elements], Ctx) ->
    change(Ctx, Key, fun(Store, List) ->
        eslaver_mirror_list:push(Store, List, back, Elements)
    end);
apply(<<"lpop">>, [Key | Count], Ctx) ->
    pop(Ctx, front, Key, count(Count));
apply(<<"rpop">>, [Key | Count], Ctx) ->
    pop(Ctx, back, Key, count(Count));
apply(<<"linsert">>, [Key, Side, Pivot, Element], Ctx) ->
    Where = side(string:lowercase(Side)),
    change(Ctx, Key, fun(Store, List) ->
        eslaver_mirror_list:insert(Store, List, Where, Pivot, Element)
    end);
apply(<<"lset">>, [Key, Index, Element], #{store := Store} = Ctx) ->
    List = eslaver_mirror_keys:existing(Ctx, Key, list),
    eslaver_mirror_list:set(Store, List, binary_to_integer(Index), Element);
apply(<<"lrem">>, [Key, Count, Element], Ctx) ->
    change(Ctx, Key, fun(Store, List) ->
        eslaver_mirror_list:remove(Store, List, binary_to_integer(Count), Element)
    end);
apply(<<"ltrim">>, [Key, Start, Stop], Ctx) ->
    change(Ctx, Key, fun(Store, List) ->
        eslaver_mirror_list:trim(Store, List, binary_to_integer(Start), binary_to_integer(Stop))
    end);
apply(<<"lmove">>, [From, To, FromEnd, ToEnd], Ctx) ->
    move(Ctx, From, list_end(FromEnd), To, list_end(ToEnd));
apply(<<"blmove">>, [From, To, FromEnd, ToEnd, _Timeout], Ctx) ->
    move(Ctx, From, list_end(FromEnd), To, list_end(ToEnd));
apply(<<"rpoplpush">>, [From, To], Ctx) ->
    move(Ctx, From, back, To, front);
apply(<<"brpoplpush">>, [From, To, _Timeout], Ctx) ->
    move(Ctx, From, back, To, front);
apply(<<"lmpop">>, [Number | Args], Ctx) ->
    {Keys, [End | Count]} = lists:split(binary_to_integer(Number), Args),
    pop_first(Ctx, list_end(End), Keys, count_option(Count));
apply(<<"blmpop">>, [_Timeout | Args], Ctx) ->
    ?MODULE:apply(<<"lmpop">>, Args, Ctx);
apply(<<"blpop">>, Args, Ctx) ->
    pop_first(Ctx, front, lists:droplast(Args), 1);
apply(<<"brpop">>, Args, Ctx) ->
    pop_first(Ctx, back, lists:droplast(Args), 1);
apply(<<"lmovem">>, [From, To, FromEnd, ToEnd | Options], Ctx) ->
    {Count, Order} = many(Options),
    move_many(Ctx, From, list_end(FromEnd), To, list_end(ToEnd), Count, Order);
apply(<<"blmovem">>, [From, To, FromEnd, ToEnd, _Timeout | Options], Ctx) ->
    ?MODULE:apply(<<"lmovem">>, [From, To, FromEnd, ToEnd | Options], Ctx).

push(#{store := Store} = Ctx, End, Key, Elements) ->
    eslaver_mirror_keys:change(Ctx, Key, list, fun eslaver_mirror_list:new/0, fun(List) ->
        eslaver_mirror_list:push(Store, List, End, Elements)
    end).

change(#{store := Store} = Ctx, Key, Change) ->
    List = eslaver_mirror_keys:existing(Ctx, Key, list),
    eslaver_mirror_keys:settle(Ctx, Key, Change(Store, List)).

pop(Ctx, End, Key, Count) ->
    change(Ctx, Key, fun(Store, List) ->
        {_Elements, Rest} = eslaver_mirror_list:pop(Store, List, End, Count),
        Rest
    end).

pop_first(Ctx, End, Keys, Count) ->
    {Key, _List} = eslaver_mirror_keys:first(Ctx, Keys, list),
    pop(Ctx, End, Key, Count).

%% A rotated list keeps its key and the key's expiry, even if it has only one element.
move(#{store := Store} = Ctx, Key, FromEnd, Key, ToEnd) ->
    List = eslaver_mirror_keys:existing(Ctx, Key, list),
    case eslaver_mirror_list:pop(Store, List, FromEnd, 1) of
        {[Element], empty} -> rotated(Ctx, Key, ToEnd, Element, eslaver_mirror_list:new());
        {[Element], Rest} -> rotated(Ctx, Key, ToEnd, Element, Rest)
    end;
move(#{store := Store} = Ctx, From, FromEnd, To, ToEnd) ->
    List = eslaver_mirror_keys:existing(Ctx, From, list),
    _ = eslaver_mirror_keys:body(Ctx, To, list),
    {[Element], Rest} = eslaver_mirror_list:pop(Store, List, FromEnd, 1),
    ok = eslaver_mirror_keys:settle(Ctx, From, Rest),
    push(Ctx, ToEnd, To, [Element]).

%% Moves elements one by one, or as a whole that keeps its order.
move_many(#{store := Store} = Ctx, From, FromEnd, To, ToEnd, Most, Order) ->
    List = eslaver_mirror_keys:existing(Ctx, From, list),
    _ = eslaver_mirror_keys:body(Ctx, To, list),
    {Popped, Rest} = eslaver_mirror_list:pop(Store, List, FromEnd, Most),
    Elements =
        case Order of
            bulk when FromEnd =:= ToEnd -> lists:reverse(Popped);
            _ -> Popped
        end,
    case From of
        To ->
            Others = not_empty(Rest),
            After = eslaver_mirror_list:push(Store, Others, ToEnd, Elements),
            eslaver_mirror_keys:settle(Ctx, To, After);
        _ ->
            ok = eslaver_mirror_keys:settle(Ctx, From, Rest),
            push(Ctx, ToEnd, To, Elements)
    end.

not_empty(empty) -> eslaver_mirror_list:new();
not_empty(List) -> List.

many([]) ->
    {1, obo};
many([Selector, Count | Order]) ->
    true = lists:member(string:lowercase(Selector), [<<"count">>, <<"exactly">>]),
    {binary_to_integer(Count), order([string:lowercase(Word) || Word <- Order])}.

order([<<"obo">>]) -> obo;
order([<<"bulk">>]) -> bulk.

rotated(#{store := Store} = Ctx, Key, End, Element, List) ->
    eslaver_mirror_keys:settle(Ctx, Key, eslaver_mirror_list:push(Store, List, End, [Element])).

count([]) -> 1;
count([Count]) -> binary_to_integer(Count).

count_option([]) -> 1;
count_option([_Count, Count]) -> binary_to_integer(Count).

list_end(End) ->
    case string:lowercase(End) of
        <<"left">> -> front;
        <<"right">> -> back
    end.

side(<<"before">>) -> 'before';
side(<<"after">>) -> 'after'.
