%% The words of random commands: keys of each kind, members, numbers, times. The random numbers are
%% those of the calling process, whose dictionary also has what is remembered between words (ids of
%% streams).
-module(eslaver_test_command_words).

-export([seed/1, make/1, any/1]).
-export_type([arg/0]).

%% Some arguments are known only when the command is run: a time from then on, what DUMP gives.
-type arg() :: binary() | {at, s | ms, Ms :: integer()} | {dump, Key :: binary()}.

-define(IDS, {?MODULE, ids}).
%% How many ids of streams are remembered.
-define(KNOWN, 40).
%% One key in this many is of another kind than the command is for.
-define(WRONG, 40).

-spec seed(term()) -> ok.
seed(Seed) ->
    _ = rand:seed(exsss, erlang:phash2(Seed, 1 bsl 32)),
    _ = put(?IDS, #{count => 0}),
    ok.

%% How many keys there are of each kind.
kinds() ->
    [
        {"str", 24},
        {"num", 8},
        {"bits", 18},
        {"list", 26},
        {"set", 26},
        {"zset", 30},
        {"geo", 8},
        {"hash", 32},
        {"ttlhash", 12},
        {"stream", 12},
        {"log", 4},
        {"array", 14},
        {"ring", 6},
        {"vec", 5},
        {"vecbin", 3},
        {"vecfull", 3},
        {"vecred", 3}
    ].

-spec any([Item]) -> Item.
any(List) -> lists:nth(rand:uniform(length(List)), List).

%% True once in `N` times.
chance(In) -> rand:uniform(In) =:= 1.

key("any") ->
    {Kind, _} = any(kinds()),
    key_of(Kind);
key(Kind) ->
    case chance(?WRONG) of
        true -> key("any");
        false -> key_of(Kind)
    end.

key_of(Kind) ->
    {Kind, Count} = lists:keyfind(Kind, 1, kinds()),
    name(Kind, rand:uniform(Count) - 1).

%% Some have unusual names.
name("str", 0) -> <<>>;
name(Kind, 0) -> <<(list_to_binary(Kind))/binary, 0, "\r\n", 255, "*">>;
name(Kind, Number) -> iolist_to_binary([Kind, $:, integer_to_binary(Number)]).

%% The arguments that a word stands for: itself, if it is in upper case.
-spec make(string()) -> [arg()].
make([First | _] = Word) when First >= $a, First =< $z ->
    case word(Word) of
        {words, Words} -> [arg(One) || One <- Words];
        One -> [arg(One)]
    end;
make([$' | Word]) ->
    [list_to_binary(Word)];
make(Word) ->
    [list_to_binary(Word)].

arg(Number) when is_integer(Number) -> integer_to_binary(Number);
arg(Text) when is_list(Text) -> iolist_to_binary(Text);
arg(Arg) -> Arg.

%% Keys.
word(Kind) when Kind =:= "stream"; Kind =:= "log" ->
    Key = key(Kind),
    put(?IDS, (get(?IDS))#{stream => Key}),
    Key;
word("any") ->
    key("any");
word("scored") ->
    key(any(["zset", "zset", "set", "geo"]));
%% Sorted sets of which all scores are the same: only in such a range by names means anything.
word("names") ->
    ["names:", integer_to_list(rand:uniform(6))];
%% Nothing else is ever written to these: Redis 3.0 ends when PFADD meets an integer.
word("hll") ->
    ["hll:", integer_to_list(rand:uniform(8))];
word("sortable") ->
    key(any(["list", "set", "zset"]));
word("keys") ->
    counted(fun() -> key("any") end);
word("lists") ->
    counted(fun() -> key("list") end);
word("zsets") ->
    counted(fun() -> key("zset") end);
word("sets") ->
    counted(fun() -> key("set") end);
word("scoreds") ->
    counted(fun() -> word("scored") end);
word("weighted") ->
    {words, [_ | Keys] = Counted} = word("scoreds"),
    {words, Counted ++ ["WEIGHTS" | [word("weight") || _ <- Keys]]};
word("db") ->
    rand:uniform(4) - 1;
%% Values.
word("val") ->
    value();
word("values") ->
    counted(fun() -> {words, [key("str"), value()]} end);
word("fields") ->
    counted_apart(fun field/0);
word("pairs") ->
    %% Redis 8.6.2 crashes when HSETEX names a field twice.
    {words, [_ | Fields]} = counted_apart(fun field/0),
    counted_items([{words, [Field, value()]} || Field <- Fields]);
word("int") ->
    any([0, 1, -1, 2, 10, -7, rand:uniform(1000), 1 bsl 40]);
word("numval") ->
    any([small(), rand:uniform(1 bsl 40), -(1 bsl 62), float()]);
word("float") ->
    float();
word("elem") ->
    element();
word("member") ->
    member();
word("zmember") ->
    any([
        ["m", integer_to_list(rand:uniform(40))],
        ["m", integer_to_list(rand:uniform(40))],
        small_text()
    ]);
word("field") ->
    field();
word("place") ->
    ["p", integer_to_list(rand:uniform(25))];
word("score") ->
    score();
word("weight") ->
    any(["1", "2", "0.5", "-1", "0", "1e3", "inf"]);
word("bound") ->
    any([["(", score()], score(), score(), "-inf", "+inf"]);
word("lex") ->
    any([["[", lex()], ["(", lex()], "-", "+"]);
%% Numbers.
word("lo") ->
    any([0, 0, 1, 2, -5, -20, rand:uniform(10)]);
word("hi") ->
    any([-1, -1, -2, 3, 10, 30, rand:uniform(60)]);
word("index") ->
    any([0, -1, rand:uniform(4), -rand:uniform(4), -rand:uniform(20), rand:uniform(20)]);
word("few") ->
    rand:uniform(4);
word("some") ->
    rand:uniform(40);
word("many") ->
    50 + rand:uniform(100);
word("count") ->
    any([0, 1, 2, -1, -2, 3]);
word("zero") ->
    0;
word("bit") ->
    rand:uniform(2) - 1;
word("bitat") ->
    any([
        rand:uniform(64), rand:uniform(2000), rand:uniform(100_000) * (1 - rand:uniform(20) div 20)
    ]);
word("byteat") ->
    any([0, rand:uniform(10), rand:uniform(300)]);
word("bitop") ->
    Type = any(["u1", "u3", "u8", "u13", "u32", "u63", "i2", "i5", "i8", "i16", "i33"]),
    bit_operation(Type);
word("bitop64") ->
    bit_operation("i64");
word("bitfail") ->
    {words, [
        "SET",
        "u8",
        1600,
        rand:uniform(255),
        "OVERFLOW",
        "FAIL",
        "INCRBY",
        any(["u2", "i5"]),
        any([0, 8, 99]),
        3
    ]};
word("digest") ->
    string:lowercase(integer_to_list((1 bsl 60) + rand:uniform(1 bsl 60), 16));
%% Times: some pass while we look on.
word("secs") ->
    any([1, 2, 100, 100, 1000, 5000, 1_000_000]);
word("msecs") ->
    span();
word("ats") ->
    {at, s, any([1000, 2000, 100_000, 1_000_000, -5000])};
word("atms") ->
    case chance(10) of
        true -> {at, ms, -1000};
        false -> {at, ms, span()}
    end;
word("ttl") ->
    any([0, 0, 0, span()]);
word("dump") ->
    {dump, key("any")};
%% Places.
word("lon") ->
    float_text(13 + rand:uniform() * 3);
word("lat") ->
    float_text(36 + rand:uniform() * 3);
word("radius") ->
    any([10, 50, 100, 200, 400]);
word("unit") ->
    any(["km", "km", "km", "m", "mi", "ft"]);
%% Streams. An id that is new to any of them, one that may be there.
word("newid") ->
    new_id();
word("newms") ->
    [Ms, _] = binary:split(new_id(), <<"-">>),
    <<Ms/binary, "-*">>;
word("oldid") ->
    old_id();
word("oldids") ->
    counted_apart(fun old_id/0);
word("group") ->
    ["g", integer_to_list(rand:uniform(2))];
word("consumer") ->
    ["c", integer_to_list(rand:uniform(4))];
%% Arrays.
word("aindex") ->
    any([small_index(), small_index(), small_index(), large_index()]);
word("spot") ->
    small_index();
word("ringsize") ->
    any([1, 2, 5, 5, 8, 8, 13, 40]);
word("aelem") ->
    any([element(), value(), float(), number_text()]);
%% Vectors: sets of three numbers each, and of six that are made four.
word("vector3") ->
    vector(3);
word("vector6") ->
    vector(6);
word("velem") ->
    ["v", integer_to_list(rand:uniform(20))];
word("newelem") ->
    #{count := Count} = Ids = get(?IDS),
    put(?IDS, Ids#{count := Count + 1}),
    ["n", integer_to_list(Count)];
%% An empty one takes it away. That VADD gives is there all the same, until it is saved.
word("attr") ->
    any(["", "{}", "no JSON"]);
word("json") ->
    any(["{\"year\": 1984}", "{}", "no JSON"]);
word("library") ->
    "#!lua name=other\nredis.register_function('other', function() return 1 end)";
word("producer") ->
    ["p", integer_to_list(rand:uniform(3))];
word(Kind) ->
    true = lists:keymember(Kind, 1, kinds()),
    key(Kind).

counted(Make) ->
    counted_items([Make() || _ <- lists:seq(1, rand:uniform(3))]).

%% None twice.
counted_apart(Make) ->
    counted_items(lists:usort([Make() || _ <- lists:seq(1, rand:uniform(4))])).

counted_items(Items) ->
    {words, [length(Items) | lists:append([if_one(Item) || Item <- Items])]}.

if_one({words, Words}) -> Words;
if_one(Word) -> [Word].

value() ->
    case rand:uniform(400) of
        1 -> binary:copy(rand:bytes(1000), 10 + rand:uniform(100));
        N when N < 20 -> rand:bytes(rand:uniform(300));
        N when N < 40 -> <<>>;
        N when N < 120 -> integer_to_binary(rand:uniform(1_000_000) - 500_000);
        N when N < 160 -> float();
        _ -> small_text()
    end.

small_text() ->
    <<"v", (integer_to_binary(rand:uniform(200), 36))/binary>>.

%% Integers or not: sets of integers alone lie otherwise.
member() ->
    case rand:uniform(10) of
        N when N < 6 -> integer_to_binary(rand:uniform(60));
        N when N < 10 -> <<"m", (integer_to_binary(rand:uniform(60)))/binary>>;
        _ -> element()
    end.

element() ->
    case rand:uniform(200) of
        1 -> rand:bytes(5000);
        N when N < 5 -> rand:bytes(rand:uniform(200));
        N when N < 10 -> <<>>;
        N when N < 100 -> integer_to_binary(small());
        N when N < 110 -> float();
        _ -> <<"e", (integer_to_binary(rand:uniform(20)))/binary>>
    end.

field() ->
    case chance(50) of
        true -> any([<<>>, <<0, 13, 10>>, binary:copy(<<"f">>, 100)]);
        false -> <<"f", (integer_to_binary(rand:uniform(30)))/binary>>
    end.

lex() -> any(["m1", "m2", "m3", "v", "", "m39"]).

small() -> rand:uniform(60) - 20.

small_index() -> rand:uniform(30) - 1.

large_index() -> any([4095, 4096, 100_000, 1 bsl 32, (1 bsl 63) + rand:uniform(9), (1 bsl 64) - 2]).

%% Numbers that are written in more ways than one.
number_text() ->
    any(["007", "-0", "+5", "1.50", "1e5", "0x1f", ".5", "inf", large_number()]).

large_number() -> any(["9223372036854775807", "9223372036854775808", "-9223372036854775808"]).

vector(Size) ->
    Numbers = [coordinate() || _ <- lists:seq(1, Size)],
    case rand:uniform(3) of
        1 ->
            {words, ["FP32", <<<<Number:32/little-float>> || Number <- Numbers>>]};
        _ ->
            Texts = [float_to_binary(float(Number)) || Number <- Numbers],
            {words, ["VALUES", Size | Texts]}
    end.

coordinate() ->
    case rand:uniform(12) of
        1 -> 0;
        2 -> rand:uniform(9) - 5;
        3 -> rand:normal() * 1.0e10;
        4 -> rand:normal() * 1.0e-10;
        _ -> rand:normal()
    end.

float() ->
    any([<<"0.1">>, <<"-2.5">>, <<"3">>, <<"1e5">>, float_text(rand:normal() * 1000)]).

float_text(Float) -> float_to_binary(Float, [{decimals, 6}, compact]).

score() ->
    case rand:uniform(20) of
        1 -> any(["inf", "-inf"]);
        2 -> any(["9007199254740993", "1e300", "-1e-300", "1.7976931348623157e308", "-0"]);
        N when N < 6 -> float_to_list(rand:normal(), [{decimals, 12}, compact]);
        _ -> integer_to_list(small())
    end.

span() ->
    case rand:uniform(20) of
        1 -> rand:uniform(20);
        N when N < 4 -> rand:uniform(1500);
        _ -> 30_000 + rand:uniform(10_000_000)
    end.

bit_operation(Type) ->
    At = any(["0", "1", "#1", "#3", "13", "100", "#40"]),
    %% What FAIL keeps from being written may have grown the string on the master, which tells no
    %% replica of it.
    Way = any([[], [], ["OVERFLOW", any(["WRAP", "SAT"])]]),
    {words, Way ++ [any(["SET", "INCRBY"]), Type, At, word("int")]}.

new_id() ->
    #{count := Count} = Ids = get(?IDS),
    Id = iolist_to_binary([integer_to_binary(Count + 1), $-, any(["0", "0", "1", "7"])]),
    Key = maps:get(stream, Ids, none),
    Known = lists:sublist([Id | maps:get({known, Key}, Ids, [])], ?KNOWN),
    put(?IDS, Ids#{count := Count + 1, {known, Key} => Known}),
    Id.

old_id() ->
    Ids = get(?IDS),
    case maps:get({known, maps:get(stream, Ids, none)}, Ids, []) of
        [] -> <<"1-0">>;
        Known -> any(Known)
    end.
