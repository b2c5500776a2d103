%% @doc HyperLogLogs as the server has them: strings of 16384 registers, as run lengths (sparse) or
%% 6 bits each (dense), byte by byte the same as on the server.
%%
%% Servers changed how they store a union with 4.0.7, and how they estimate it with 5.0; so some
%% functions take the master's version.
%%
%% A sparse HyperLogLog becomes dense when it would exceed 3000 bytes, the server's default
%% (`hll-sparse-max-bytes').
%% @private
-module(eslaver_mirror_hll).

-export([new/0, fresh/0, add/2, merge/3, cache/2, to_dense/1, count/2]).

-define(REGISTERS, 16384).
-define(INDEX_BITS, 14).
%% The bits of a hash in which zeros are counted.
-define(RUN_BITS, 50).
-define(SPARSE_MAX, 3000).
-define(SEED, 16#ADC83B19).
-define(MULTIPLIER, 16#C6A4A7935BD1E995).
-define(MASK, 16#FFFFFFFFFFFFFFFF).
-define(ERTL, {5, 0}).
-define(SPARSE_UNIONS, {4, 0}).
%% 1 / (2 * ln 2)
-define(ALPHA, 0.721347520444481703680).

%% Opcodes of the sparse representation: a run of registers of 0, or of another value. They hold
%% lengths and values less one.
-define(ZERO(Length), 0:2, (Length):6).
-define(XZERO(Length), 1:2, (Length):14).
-define(VALUE(Value, Length), 1:1, (Value):5, (Length):2).
-define(MAX_ZERO, 64).
-define(MAX_LENGTH, 4).
-define(MAX_VALUE, 32).

-type version() :: eslaver_mirror_store:version().

-define(DENSE, 0).
-define(SPARSE, 1).

%% @doc An empty HyperLogLog.
-spec new() -> binary().
new() ->
    <<"HYLL", ?SPARSE, 0:24, 0:64, ?XZERO(?REGISTERS - 1)>>.

%% @doc An empty HyperLogLog as a command makes it: the count in its header is stale.
-spec fresh() -> binary().
fresh() ->
    <<Header:16/binary, Registers/binary>> = new(),
    stale(Header, Registers).

%% @doc Adds elements.
-spec add([binary()], binary()) -> binary().
add(Elements, <<Header:16/binary, Registers/binary>> = Hll) ->
    case set([position(Element) || Element <- Elements], encoding(Hll), Registers) of
        {_, Registers} -> Hll;
        {Encoding, Changed} -> stale(with_encoding(Encoding, Header), Changed)
    end.

%% @doc Adds the elements of other HyperLogLogs. How 4.0 stores the result cannot be known; then it
%% raises.
-spec merge(version(), binary(), [binary()]) -> binary().
merge(Version, <<Header:16/binary, Own/binary>> = Hll, Others) ->
    Maxima = maxima([Hll | Others]),
    AllSparse = lists:all(fun(One) -> encoding(One) =:= ?SPARSE end, [Hll | Others]),
    case AllSparse andalso is_since(?SPARSE_UNIONS, Version) of
        true ->
            true = Version =/= ?SPARSE_UNIONS,
            {Encoding, Registers} = set(numbered(Maxima), ?SPARSE, Own),
            stale(with_encoding(Encoding, Header), Registers);
        false ->
            stale(with_encoding(?DENSE, Header), pack(Maxima))
    end.

%% Masters that do not send their version are older than all of these.
is_since(_Since, unknown) -> false;
is_since(Since, Version) -> Version >= Since.

numbered(Maxima) ->
    [Set || {_, Value} = Set <- lists:zip(lists:seq(0, ?REGISTERS - 1), Maxima), Value > 0].

%% @doc Writes the cardinality into the header.
-spec cache(version(), binary()) -> binary().
cache(Version, <<Head:8/binary, _:7/binary, 1:1, _:7, Registers/binary>> = Hll) ->
    <<Head/binary, (estimate(Version, [Hll])):64/little, Registers/binary>>;
cache(_Version, <<_:16/binary, _/binary>> = Hll) ->
    Hll.

%% @doc Converts to the dense representation.
-spec to_dense(binary()) -> binary().
to_dense(<<Header:16/binary, Registers/binary>> = Hll) ->
    case encoding(Hll) of
        ?DENSE ->
            Hll;
        ?SPARSE ->
            iolist_to_binary([with_encoding(?DENSE, Header), pack(unpack(?SPARSE, Registers))])
    end.

%% @doc The server's estimate of the number of different elements of several HyperLogLogs together.
-spec count(version(), [binary()]) -> non_neg_integer() | {error, wrongtype}.
count(Version, Hlls) ->
    case lists:all(fun is_hll/1, Hlls) of
        true -> known_count(Version, Hlls);
        false -> {error, wrongtype}
    end.

known_count(_Version, []) ->
    0;
known_count(_Version, [<<_:8/binary, Count:56/little, 0:1, High:7, _/binary>>]) ->
    Count bor (High bsl 56);
known_count(Version, Hlls) ->
    estimate(Version, Hlls).

is_hll(<<"HYLL", ?DENSE, _:11/binary, Registers/binary>>) ->
    byte_size(Registers) =:= ?REGISTERS * 6 div 8;
is_hll(<<"HYLL", ?SPARSE, _:11/binary, _/binary>>) ->
    true;
is_hll(_) ->
    false.

encoding(Hll) ->
    true = is_hll(Hll),
    binary:at(Hll, 4).

with_encoding(Encoding, <<Magic:4/binary, _, Rest/binary>>) ->
    <<Magic/binary, Encoding, Rest/binary>>.

%% One bit of a header's cardinality marks it as stale.
stale(<<Head:15/binary, _:1, Low:7>>, Registers) ->
    iolist_to_binary([Head, <<1:1, Low:7>>, Registers]).

%% Raises registers to these values, if they are lower.

set(Sets, ?DENSE, Registers) ->
    {?DENSE, set_dense(Sets, Registers)};
set([], ?SPARSE, Registers) ->
    {?SPARSE, Registers};
set([{Index, Value} | More] = Sets, ?SPARSE, Registers) ->
    case set_sparse(Index, Value, Registers) of
        promote -> set(Sets, ?DENSE, pack(unpack(?SPARSE, Registers)));
        Changed -> set(More, ?SPARSE, Changed)
    end.

%% Four registers are three bytes. Unchanged stretches are copied as a whole.
set_dense(Sets, Registers) ->
    Groups = lists:foldl(
        fun({Index, Value}, Groups) ->
            Group = Index div 4,
            Old = group(Group, Registers, Groups),
            case raise(Index rem 4, Value, Old) of
                Old -> Groups;
                New -> Groups#{Group => New}
            end
        end,
        #{},
        Sets
    ),
    case lists:sort(maps:to_list(Groups)) of
        [] -> Registers;
        Changed -> iolist_to_binary(splice(Changed, 0, Registers))
    end.

group(Group, Registers, Groups) ->
    case Groups of
        #{Group := Word} ->
            Word;
        #{} ->
            <<Word:24/little>> = binary:part(Registers, Group * 3, 3),
            Word
    end.

raise(At, Value, Word) ->
    Shift = At * 6,
    case (Word bsr Shift) band 63 of
        Old when Old < Value -> Word bxor ((Old bxor Value) bsl Shift);
        _ -> Word
    end.

splice([], From, Registers) ->
    [binary:part(Registers, From, byte_size(Registers) - From)];
splice([{Group, Word} | More], From, Registers) ->
    To = Group * 3,
    Unchanged = binary:part(Registers, From, To - From),
    [Unchanged, <<Word:24/little>> | splice(More, To + 3, Registers)].

%% Splits the opcode that contains the register; then joins neighbours of the same value, among a
%% few opcodes from the previous one on.
set_sparse(_Index, Value, _Opcodes) when Value > ?MAX_VALUE ->
    promote;
set_sparse(Index, Value, Opcodes) ->
    {Before, At, After, Opcode, Offset} = locate(Index, Opcodes, 0, 0, 0),
    case split(Opcode, Offset, Value) of
        unchanged ->
            Opcodes;
        Split ->
            Grown = byte_size(Split) - (After - At),
            case 16 + byte_size(Opcodes) + Grown > ?SPARSE_MAX andalso Grown > 0 of
                true ->
                    promote;
                false ->
                    <<Head:Before/binary, Previous:(At - Before)/binary, _:(After - At)/binary,
                        Tail/binary>> = Opcodes,
                    Joined = join(<<Previous/binary, Split/binary, Tail/binary>>, 5),
                    iolist_to_binary([Head | Joined])
            end
    end.

%% The offsets of the previous opcode, of the register's opcode, and of the next one; then that
%% opcode, and the register's position in it.
locate(Index, Opcodes, Before, At, First) ->
    {Length, Opcode} =
        case Opcodes of
            <<_:At/binary, ?VALUE(V, N), _/binary>> -> {1, {V + 1, N + 1}};
            <<_:At/binary, ?ZERO(N), _/binary>> -> {1, {0, N + 1}};
            <<_:At/binary, ?XZERO(N), _/binary>> -> {2, {0, N + 1}}
        end,
    case First + element(2, Opcode) of
        Next when Index < Next -> {Before, At, At + Length, Opcode, Index - First};
        Next -> locate(Index, Opcodes, At, At + Length, Next)
    end.

split({Old, _Length}, _Offset, Value) when Old >= Value ->
    unchanged;
split({Old, Length}, Offset, Value) ->
    <<
        (opcode(Old, Offset))/binary,
        (opcode(Value, 1))/binary,
        (opcode(Old, Length - Offset - 1))/binary
    >>.

opcode(_Value, 0) -> <<>>;
opcode(0, Length) when Length > ?MAX_ZERO -> <<?XZERO(Length - 1)>>;
opcode(0, Length) -> <<?ZERO(Length - 1)>>;
opcode(Value, Length) -> <<?VALUE(Value - 1, Length - 1)>>.

join(Opcodes, 0) ->
    [Opcodes];
join(<<?VALUE(V, N), ?VALUE(V, M), Rest/binary>>, Steps) when N + M + 2 =< ?MAX_LENGTH ->
    join(<<?VALUE(V, N + M + 1), Rest/binary>>, Steps - 1);
join(<<?XZERO(N), Rest/binary>>, Steps) ->
    [<<?XZERO(N)>> | join(Rest, Steps - 1)];
join(<<Opcode, Rest/binary>>, Steps) ->
    [Opcode | join(Rest, Steps - 1)];
join(<<>>, _Steps) ->
    [].

%% All registers, as a list.

unpack(?DENSE, Registers) ->
    lists:append([unpack_four(Word) || <<Word:24/little>> <= Registers]);
unpack(?SPARSE, Opcodes) ->
    Values = unpack_opcodes(Opcodes),
    ?REGISTERS = length(Values),
    Values.

unpack_four(Word) ->
    [Word band 63, (Word bsr 6) band 63, (Word bsr 12) band 63, Word bsr 18].

unpack_opcodes(<<?VALUE(V, N), Rest/binary>>) ->
    lists:duplicate(N + 1, V + 1) ++ unpack_opcodes(Rest);
unpack_opcodes(<<?ZERO(N), Rest/binary>>) ->
    lists:duplicate(N + 1, 0) ++ unpack_opcodes(Rest);
unpack_opcodes(<<?XZERO(N), Rest/binary>>) ->
    lists:duplicate(N + 1, 0) ++ unpack_opcodes(Rest);
unpack_opcodes(<<>>) ->
    [].

pack(Values) ->
    iolist_to_binary(pack_words(Values)).

pack_words([A, B, C, D | Rest]) ->
    Word = A bor (B bsl 6) bor (C bsl 12) bor (D bsl 18),
    [<<Word:24/little>> | pack_words(Rest)];
pack_words([]) ->
    [].

maxima([<<_:16/binary, Registers/binary>> = Hll | Others]) ->
    lists:foldl(
        fun(<<_:16/binary, More/binary>> = Other, Maxima) ->
            lists:zipwith(fun erlang:max/2, Maxima, unpack(encoding(Other), More))
        end,
        unpack(encoding(Hll), Registers),
        Others
    ).

%% Estimation, in the server's order of operations, on which the last bits depend: after Otmar Ertl,
%% "New cardinality estimation algorithms for HyperLogLog sketches" (arXiv:1702.01284), and before
%% that after Flajolet and others, with a correction where that is known to be biased.

estimate(Version, Hlls) ->
    Histogram = counters:new(64, []),
    lists:foreach(fun(Value) -> counters:add(Histogram, Value + 1, 1) end, maxima(Hlls)),
    Of = fun(Value) -> counters:get(Histogram, Value + 1) end,
    case Of(0) of
        ?REGISTERS -> 0;
        _ -> estimate_with(is_since(?ERTL, Version), Of)
    end.

estimate_with(true, Of) -> ertl(Of);
estimate_with(false, Of) -> flajolet(Of).

ertl(Of) ->
    M = float(?REGISTERS),
    Top = M * tau((M - Of(?RUN_BITS + 1)) / M),
    Middle = lists:foldl(
        fun(Value, Sum) -> (Sum + Of(Value)) * 0.5 end, Top, lists:seq(?RUN_BITS, 1, -1)
    ),
    round(?ALPHA * M * M / (Middle + M * sigma(Of(0) / M))).

flajolet(Of) ->
    M = float(?REGISTERS),
    Sum = lists:sum([Of(Value) * math:pow(2, -Value) || Value <- lists:seq(63, 0, -1)]),
    Estimate = 1 / Sum * (0.7213 / (1 + 1.079 / M)) * M * M,
    case Of(0) of
        Zeros when Zeros > 0, Estimate < M * 2.5 -> trunc(M * math:log(M / Zeros));
        _ when Estimate < 72000 -> trunc(Estimate - Estimate * (bias(Estimate) / 100));
        _ -> trunc(Estimate)
    end.

bias(E) ->
    5.9119 * 1.0e-18 * (E * E * E * E) - 1.4253 * 1.0e-12 * (E * E * E) +
        1.2940 * 1.0e-7 * (E * E) - 5.2921 * 1.0e-3 * E + 83.3216.

sigma(X) ->
    sigma(X, 1.0, X).

sigma(X, Y, Z) ->
    Square = X * X,
    case Z + Square * Y of
        Z -> Z;
        Next -> sigma(Square, Y + Y, Next)
    end.

tau(X) when X == 0; X == 1 -> 0.0;
tau(X) -> tau(X, 1.0, 1 - X) / 3.

tau(X, Y, Z) ->
    Root = math:sqrt(X),
    Half = Y * 0.5,
    case Z - math:pow(1 - Root, 2) * Half of
        Z -> Z;
        Next -> tau(Root, Half, Next)
    end.

%% The register of an element, and the value for it: the position of the first set bit in the rest
%% of the element's hash.

position(Element) ->
    Hash = hash(Element),
    Index = Hash band (?REGISTERS - 1),
    {Index, first_one((Hash bsr ?INDEX_BITS) bor (1 bsl ?RUN_BITS), 1)}.

first_one(Bits, At) when Bits band 1 =:= 1 -> At;
first_one(Bits, At) -> first_one(Bits bsr 1, At + 1).

%% MurmurHash64A.
hash(Element) ->
    hash(Element, ?SEED bxor multiply(byte_size(Element))).

hash(<<Block:64/little, Rest/binary>>, Hash) ->
    Mixed = multiply(shift(multiply(Block))),
    hash(Rest, multiply(Hash bxor Mixed));
hash(<<>>, Hash) ->
    shift(multiply(shift(Hash)));
hash(Tail, Hash) ->
    Size = bit_size(Tail),
    <<Last:Size/little>> = Tail,
    hash(<<>>, multiply(Hash bxor Last)).

multiply(Number) -> (Number * ?MULTIPLIER) band ?MASK.

shift(Number) -> Number bxor (Number bsr 47).
