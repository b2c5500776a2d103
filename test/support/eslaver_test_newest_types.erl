%% Types of the newest servers, as a master says they are and as a mirror does, in one form:
%% `{NextIndex, [{Index, Element}]}' of an array, and of a vector set what is known of it as a
%% whole, and `{Element, Vector, Raw, Attribute}' of each element. For eslaver_test_content.
-module(eslaver_test_newest_types).

-export([of_server/3, of_mirror/3, index/1]).

-define(MAX_INDEX, 16#FFFFFFFFFFFFFFFE).
%% What VINFO says of a vector set, except its graph.
-define(INFO, [
    {<<"quant-type">>, quant_type},
    {<<"hnsw-m">>, hnsw_m},
    {<<"vector-dim">>, vector_dim},
    {<<"projection-input-dim">>, projection_input_dim},
    {<<"size">>, size},
    {<<"attributes-count">>, attributes_count}
]).

%% The type and the value of a key of the client's db, whose type the server calls so; `other' if it
%% is none of these.
-spec of_server(eslaver_test_client:client(), binary(), binary()) -> {atom(), term()} | other.
of_server(Client, Key, <<"array">>) ->
    Next = index(ok(Client, ["ARNEXT", Key])),
    Elements = ok(Client, ["ARSCAN", Key, 0, ?MAX_INDEX]),
    {array, {Next, [{index(Index), Element} || [Index, Element] <- Elements]}};
of_server(Client, Key, <<"vectorset">>) ->
    Info = pairs(ok(Client, ["VINFO", Key])),
    %% the first versions have no VRANGE, and say less
    Elements = lists:sort(ok(Client, ["VRANDMEMBER", Key, 1_000_000])),
    {vectorset, #{
        info => maps:from_list([
            {Name, number(Value)}
         || {Said, Name} <- ?INFO, {Found, Value} <- Info, Found =:= Said
        ]),
        elements => [element(Client, Key, Element) || Element <- Elements]
    }};
of_server(_Client, _Key, _Type) ->
    other.

element(Client, Key, Element) ->
    Vector = [float_of(Number) || Number <- ok(Client, ["VEMB", Key, Element])],
    [Kind, Kept, L2 | Range] = ok(Client, ["VEMB", Key, Element, "RAW"]),
    {
        Element,
        Vector,
        {number(Kind), Kept, float_of(L2), float_of(hd(Range ++ [<<"0">>]))},
        undefined(ok(Client, ["VGETATTR", Key, Element]))
    }.

%% The value of a key of this type.
-spec of_mirror(atom(), eslaver_mirror:mirror(), binary()) -> term().
of_mirror(array, Mirror, Key) ->
    {eslaver_mirror:arnext(Mirror, Key), eslaver_mirror:arscan(Mirror, Key, 0, ?MAX_INDEX)};
of_mirror(vectorset, Mirror, Key) ->
    #{
        info => eslaver_mirror:vinfo(Mirror, Key),
        elements => [
            {
                Element,
                eslaver_mirror:vemb(Mirror, Key, Element),
                eslaver_mirror:vemb(Mirror, Key, Element, #{raw => true}),
                eslaver_mirror:vgetattr(Mirror, Key, Element)
            }
         || Element <- eslaver_mirror:vrange(Mirror, Key, '-', '+')
        ]
    }.

%% An index, also one that is more than an integer of 64 bits may be, as a server answers.
-spec index(integer() | binary() | null) -> integer() | undefined.
index(Text) when is_binary(Text) -> binary_to_integer(Text);
index(Index) -> undefined(Index).

undefined(null) -> undefined;
undefined(Value) -> Value.

number(Text) when is_binary(Text) -> binary_to_atom(Text);
number(Number) -> Number.

%% Printed with as many digits as it takes.
float_of(Text) -> eslaver_test_master_data:score(Text).

pairs([Name, Value | Rest]) -> [{Name, Value} | pairs(Rest)];
pairs([]) -> [].

ok(Client, Command) ->
    eslaver_test_client:ok(Client, Command).
