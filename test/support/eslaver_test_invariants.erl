%% Transactions on a master, each of which keeps some things true, and reads of a mirror which check
%% them: whoever sees anything else has seen what never was. Both dbs have the same keys, so that
%% they may be swapped; what is true of accounts is so of both dbs together.
-module(eslaver_test_invariants).

-export([setup/1, transaction/2, kinds/0, check/3, checks/0]).
-export_type([clock/0]).

-define(DBS, [0, 1]).
%% The number of the last transaction is in a db of its own.
-define(CLOCK_DB, 2).
-define(ACCOUNTS, 8).
-define(BALANCE, 1000).
-define(RINGS, [{"ring:short", 10}, {"ring:long", 600}]).
-define(MEMBERS, 300).
-define(HASHES, [{"hash:small", 8}, {"hash:large", 300}]).

%% The latest that any reader has seen.
-opaque clock() :: atomics:atomics_ref().

-type command() :: [iodata() | integer()].
-type kind() :: transfer | rotate | move | replace | swap | start_over.

-spec kinds() -> [kind()].
kinds() ->
    [transfer, rotate, move, replace, swap, start_over].

%% A transaction that makes everything anew; it is the one with this number.
-spec setup(pos_integer()) -> [command()].
setup(Number) ->
    transaction([["FLUSHALL"] | lists:append([in(Db, filled()) || Db <- ?DBS])] ++ ticked(Number)).

filled() ->
    [["SET", account(N), ?BALANCE] || N <- lists:seq(1, ?ACCOUNTS)] ++
        [["RPUSH", Ring | lists:seq(1, Length)] || {Ring, Length} <- ?RINGS] ++
        [["SADD", "set:one" | lists:seq(1, ?MEMBERS)]] ++
        lists:append([replaced(Hash, 0) || Hash <- ?HASHES]).

%% A transaction of this kind; swapping and starting over are numbered.
-spec transaction(kind(), pos_integer()) -> [command()].
transaction(start_over, Number) ->
    setup(Number);
transaction(swap, Number) ->
    transaction([["SWAPDB" | ?DBS]] ++ ticked(Number));
transaction(Kind, _Number) ->
    transaction(lists:append([in(Db, Commands) || {Db, Commands} <- changes(Kind)])).

transaction(Commands) ->
    [["MULTI"]] ++ Commands ++ [["EXEC"]].

in(Db, Commands) ->
    [["SELECT", Db] | Commands].

ticked(Number) ->
    in(?CLOCK_DB, [["SET", "clock", Number]]).

changes(transfer) ->
    Amount = rand:uniform(100),
    [
        {one_of(?DBS), [["DECRBY", account(), Amount]]},
        {one_of(?DBS), [["INCRBY", account(), Amount]]}
    ];
changes(rotate) ->
    [{one_of(?DBS), [["RPOPLPUSH", Ring, Ring] || {Ring, _} <- ?RINGS]}];
changes(move) ->
    [From, To] = one_of([["set:one", "set:other"], ["set:other", "set:one"]]),
    [{one_of(?DBS), [["SMOVE", From, To, rand:uniform(?MEMBERS)] || _ <- lists:seq(1, 10)]}];
changes(replace) ->
    [{one_of(?DBS), replaced(one_of(?HASHES), rand:uniform(1_000_000))}].

replaced({Hash, Fields}, Value) ->
    Pairs = [Word || N <- lists:seq(1, Fields), Word <- [N, Value]],
    [["HMSET", [Hash, ":next"] | Pairs], ["RENAME", [Hash, ":next"], Hash]].

account() ->
    account(rand:uniform(?ACCOUNTS)).

account(N) ->
    "account:" ++ integer_to_list(N).

one_of(List) ->
    lists:nth(rand:uniform(length(List)), List).

%% What is looked at.
-spec checks() -> [atom()].
checks() ->
    [accounts, ring, counted_ring, members, combined_members, hash, keys, clock].

%% Looks at one of these: `true', what was seen instead, or why nothing was.
-spec check(atom(), atom(), clock()) -> true | {seen, term()} | {error, atom()}.
check(Check, Mirror, Clock) ->
    case seen(Check, Mirror, Clock) of
        {error, Why} -> {error, Why};
        {Same, Same} -> true;
        {_Expected, Seen} -> {seen, Seen}
    end.

%% What there must be, and what there is.
seen(accounts, Mirror, _) ->
    Keys = [list_to_binary(account(N)) || N <- lists:seq(1, ?ACCOUNTS)],
    Balances = moment(Mirror, [fun() -> eslaver_mirror:mget({Mirror, Db}, Keys) end || Db <- ?DBS]),
    with(Balances, fun(Of) ->
        {
            length(?DBS) * ?ACCOUNTS * ?BALANCE,
            lists:sum([binary_to_integer(Balance) || Balance <- lists:append(Of)])
        }
    end);
seen(ring, Mirror, _) ->
    {Ring, Length} = one_of(?RINGS),
    Elements = eslaver_mirror:lrange(one_db(Mirror), list_to_binary(Ring), 0, -1),
    with(Elements, fun(_) ->
        {lists:seq(1, Length), lists:sort([binary_to_integer(Element) || Element <- Elements])}
    end);
seen(counted_ring, Mirror, _) ->
    {Ring, Length} = one_of(?RINGS),
    Seen = eslaver_mirror:llen(one_db(Mirror), list_to_binary(Ring)),
    with(Seen, fun(Now) -> {Length, Now} end);
seen(members, Mirror, _) ->
    Db = one_db(Mirror),
    Sets = moment(Mirror, [
        fun() -> eslaver_mirror:smembers(Db, Set) end
     || Set <- [<<"set:one">>, <<"set:other">>]
    ]),
    with(Sets, fun(Members) ->
        {
            lists:seq(1, ?MEMBERS),
            lists:sort([binary_to_integer(Member) || Member <- lists:append(Members)])
        }
    end);
seen(combined_members, Mirror, _) ->
    {Combine, Length} = one_of([{sunion, ?MEMBERS}, {sinter, 0}]),
    Members = eslaver_mirror:Combine(one_db(Mirror), [<<"set:one">>, <<"set:other">>]),
    with(Members, fun(_) -> {Length, length(Members)} end);
seen(hash, Mirror, _) ->
    {Hash, Fields} = one_of(?HASHES),
    Found = eslaver_mirror:hgetall(one_db(Mirror), list_to_binary(Hash)),
    with(Found, fun(_) ->
        {{Fields, 1}, {map_size(Found), length(lists:usort(maps:values(Found)))}}
    end);
seen(keys, Mirror, _) ->
    %% one of the sets may be empty
    Most = ?ACCOUNTS + length(?RINGS) + 2 + length(?HASHES),
    with(eslaver_mirror:dbsize(one_db(Mirror)), fun(Count) ->
        {true, Count =:= Most orelse Count =:= Most - 1 orelse Count}
    end);
seen(clock, Mirror, Clock) ->
    Latest = atomics:get(Clock, 1),
    with(eslaver_mirror:get({Mirror, ?CLOCK_DB}, <<"clock">>), fun(Now) ->
        Seen = binary_to_integer(Now),
        ok = latest(Clock, Seen, Latest),
        {true, Seen >= Latest orelse {Seen, Latest}}
    end).

%% Another reader may have seen a later one meanwhile.
latest(Clock, Seen, Known) when Seen > Known ->
    case atomics:compare_exchange(Clock, 1, Known, Seen) of
        ok -> ok;
        Other -> latest(Clock, Seen, Other)
    end;
latest(_Clock, _Seen, _Known) ->
    ok.

one_db(Mirror) ->
    {Mirror, one_of(?DBS)}.

%% All of one moment.
moment(Mirror, Reads) ->
    Results = eslaver_mirror:read(Mirror, fun() -> [Read() || Read <- Reads] end),
    case [Error || {error, _} = Error <- Results] of
        [] -> Results;
        Errors when length(Errors) =:= length(Reads) -> hd(Errors);
        _ -> {error, {not_of_one_moment, Results}}
    end.

with({error, Why}, _Fun) -> {error, Why};
with(Result, Fun) -> Fun(Result).
