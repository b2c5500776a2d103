%% @doc Applies the commands that write bits of strings.
%% @private
-module(eslaver_mirror_bit_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

%% @doc See {@link eslaver_mirror_commands}.
-spec commands() -> [binary()].
commands() ->
    [<<"setbit">>, <<"bitop">>, <<"bitfield">>].

%% @doc See {@link eslaver_mirror_commands}.
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"setbit">>, [Key, Offset, Bit], #{store := Store} = Ctx) ->
    change(Ctx, Key, fun(Body) ->
        eslaver_mirror_bits:set(Store, Body, binary_to_integer(Offset), binary_to_integer(Bit))
    end);
apply(<<"bitop">>, [Operation, Target | Keys], #{store := Store} = Ctx) ->
    Bodies = [body(Ctx, Key) || Key <- Keys],
    case eslaver_mirror_bits:combine(Store, string:lowercase(Operation), Bodies) of
        <<>> ->
            _ = eslaver_mirror_keys:delete(Ctx, Target),
            ok;
        Result ->
            eslaver_mirror_keys:put(Ctx, Target, string, Result)
    end;
apply(<<"bitfield">>, [Key | Args], #{store := Store} = Ctx) ->
    case parse(Args, wrap) of
        [] ->
            ok;
        Changes ->
            true = is_known(eslaver_mirror_store:version(Store), Changes),
            change(Ctx, Key, fun(Body) ->
                {_Answers, Changed} = eslaver_mirror_bits:fields(Store, Body, Changes),
                Changed
            end)
    end.

change(Ctx, Key, Change) ->
    eslaver_mirror_keys:change(Ctx, Key, string, fun() -> <<>> end, Change).

body(Ctx, Key) ->
    case eslaver_mirror_keys:body(Ctx, Key, string) of
        none -> <<>>;
        Body -> Body
    end.

%% Before 6.0 servers read a negative integer of 64 bits by a shift that C leaves undefined.
is_known(Version, Changes) when Version < {6, 0} ->
    [] =:= [Width || {incrby, {i, 64 = Width, _}, _, _} <- Changes];
is_known(_Version, _Changes) ->
    true.

%% The operations that write; those of GET are left out.
parse([], _Overflow) ->
    [];
parse([Operation | Args], Overflow) ->
    case {string:lowercase(Operation), Args} of
        {<<"overflow">>, [What | More]} ->
            parse(More, overflow(string:lowercase(What)));
        {<<"get">>, [_Type, _Offset | More]} ->
            parse(More, Overflow);
        {<<"set">>, [Type, Offset, Value | More]} ->
            [
                {set, field(Type, Offset), binary_to_integer(Value), Overflow}
                | parse(More, Overflow)
            ];
        {<<"incrby">>, [Type, Offset, By | More]} ->
            [{incrby, field(Type, Offset), binary_to_integer(By), Overflow} | parse(More, Overflow)]
    end.

overflow(<<"wrap">>) -> wrap;
overflow(<<"sat">>) -> sat;
overflow(<<"fail">>) -> fail.

field(<<Sign, Bits/binary>>, Offset) ->
    Width = binary_to_integer(Bits),
    {sign(Sign), Width, offset(Offset, Width)}.

sign($i) -> i;
sign($u) -> u.

offset(<<"#", Index/binary>>, Width) -> binary_to_integer(Index) * Width;
offset(Offset, _Width) -> binary_to_integer(Offset).
