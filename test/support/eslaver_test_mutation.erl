%% Damage done to bytes, at random: what a bad wire, a bad disk or bad memory does, and what
%% somebody does who knows the format. It draws from the process' own random numbers.
-module(eslaver_test_mutation).

-export([mutate/2, names/2, is_damaged/2]).

-export_type([mutation/0]).

%% `at` is the first byte that is another than before.
-type mutation() :: #{what := term(), at := non_neg_integer(), bytes := binary()}.

%% Where keys have their names: the byte before one is its length, and the one before that the
%% type of the value.
-type name() :: {Position :: pos_integer(), Size :: pos_integer()}.

%% Where these keys, in the order of the snapshot, have their names; these are short, and none is a
%% number, so that they stand there as they are.
-spec names(binary(), [binary()]) -> [name()].
names(Snapshot, Keys) ->
    {Names, _} = lists:mapfoldl(
        fun(Key, From) ->
            Size = byte_size(Key),
            Scope = {From, byte_size(Snapshot) - From},
            {At, _} = binary:match(Snapshot, <<Size, Key/binary>>, [{scope, Scope}]),
            {{At + 1, Size}, At + 1 + Size}
        end,
        0,
        Keys
    ),
    Names.

-spec mutate(binary(), [name()]) -> mutation().
mutate(Bytes, Names) ->
    Kinds = [flip, flip, truncate, length, type, splice],
    {What, Mutated} = mutate(lists:nth(rand:uniform(length(Kinds)), Kinds), Bytes, Names),
    case Mutated of
        Bytes ->
            mutate(Bytes, Names);
        _ ->
            #{
                what => What,
                at => binary:longest_common_prefix([Bytes, Mutated]),
                bytes => Mutated
            }
    end.

%% Whether a reader has to notice that a snapshot with a checksum has become these bytes. It need
%% not look behind the end, and versions before 5 have no checksum.
-spec is_damaged(binary(), binary()) -> boolean().
is_damaged(_Snapshot, <<"REDIS000", Digit, _/binary>>) when Digit < $5 ->
    false;
is_damaged(Snapshot, Bytes) ->
    binary:longest_common_prefix([Snapshot, Bytes]) < byte_size(Snapshot).

mutate(flip, Bytes, _Names) ->
    Places = [rand:uniform(bit_size(Bytes)) - 1 || _ <- lists:seq(1, rand:uniform(3))],
    {{flip, Places}, lists:foldl(fun flip/2, Bytes, Places)};
mutate(truncate, Bytes, _Names) ->
    Size = rand:uniform(byte_size(Bytes) - 1),
    {{truncate, Size}, binary:part(Bytes, 0, Size)};
mutate(length, Bytes, Names) ->
    At = place(Bytes, Names, [-1, 0]),
    Length = a_length(),
    {{length, At, Length}, replace(Bytes, At, byte_size(Length), Length)};
mutate(type, Bytes, Names) ->
    At = place(Bytes, Names, [-2]),
    Type = lists:nth(rand:uniform(2), [rand:uniform(36) - 1, 239 + rand:uniform(16)]),
    {{type, At, Type}, replace(Bytes, At, 1, <<Type>>)};
mutate(splice, Bytes, _Names) ->
    At = rand:uniform(byte_size(Bytes)) - 1,
    Removed = min(rand:uniform(64) - 1, byte_size(Bytes) - At),
    From = rand:uniform(byte_size(Bytes)) - 1,
    Added = binary:part(Bytes, From, min(rand:uniform(64) - 1, byte_size(Bytes) - From)),
    {{splice, At, Removed, Added}, replace(Bytes, At, Removed, Added)}.

flip(Place, Bytes) ->
    <<Before:Place/bits, Bit:1, After/bits>> = Bytes,
    <<Before/bits, (1 - Bit):1, After/bits>>.

%% Relative to a key's name, or to its end, or anywhere.
place(Bytes, [], _Offsets) ->
    rand:uniform(byte_size(Bytes)) - 1;
place(_Bytes, Names, Offsets) ->
    {Position, Size} = lists:nth(rand:uniform(length(Names)), Names),
    case lists:nth(rand:uniform(length(Offsets)), Offsets) of
        0 -> Position + Size;
        Offset -> Position + Offset
    end.

%% Every form of a length, with what is plausible and what nobody will ever send.
a_length() ->
    Huge = lists:nth(rand:uniform(4), [1 bsl 31, 1 bsl 40, 1 bsl 63, 1 bsl 64 - 1]),
    lists:nth(rand:uniform(7), [
        <<(rand:uniform(63))>>,
        <<1:2, (rand:uniform(16383)):14>>,
        <<128, (rand:uniform(100_000)):32>>,
        <<128, (1 bsl 32 - 1):32>>,
        <<129, (rand:uniform(100_000)):64>>,
        <<129, Huge:64>>,
        <<195, 1:2, (rand:uniform(100)):14, 129, Huge:64>>
    ]).

replace(Bytes, At, Size, With) ->
    Left = min(Size, byte_size(Bytes) - At),
    <<Before:At/binary, _:Left/binary, After/binary>> = Bytes,
    <<Before/binary, With/binary, After/binary>>.
