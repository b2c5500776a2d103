%% A mirror without a replica: a keyspace to which commands are applied one by one, as from a
%% master's stream, and which `eslaver_mirror' reads.
-module(eslaver_test_keyspace).

-export([tests/2, new/1, new_with_nil/1, load/1, load/2, run/3, run_all/2, close/1]).

-export_type([mirror/0]).

-type version() :: {Major :: non_neg_integer(), Minor :: non_neg_integer()}.
-type master() :: version() | {valkey, version()}.

-type mirror() :: #{
    keyspace := eslaver_nif:keyspace(),
    db := non_neg_integer()
}.

%% EUnit tests that are given a mirror each: of a master of this version, or of the newest.
-spec tests(atom(), [{Title, Test} | {Title, master(), Test}]) -> list() when
    Title :: string(), Test :: fun((mirror()) -> _).
tests(Name, Tests) ->
    lists:map(
        fun
            ({Title, Test}) -> test(Title, fun() -> with(new(Name), Test) end);
            ({Title, Version, Test}) -> test(Title, fun() -> with(new(Name, Version), Test) end)
        end,
        Tests
    ).

test(Title, Test) ->
    {Title, {timeout, 60, Test}}.

with(Mirror, Test) ->
    Test(Mirror),
    close(Mirror).

%% A mirror that readers find by this name, of a master of the newest version.
-spec new(atom()) -> mirror().
new(Name) ->
    new(Name, {8, 6}).

%% The same of a master of this version of Redis, or of Valkey. It belongs to the calling process.
new(Name, Master) ->
    new(Name, Master, undefined).

%% The same of a mirror that has `nil' for what is missing.
-spec new_with_nil(atom()) -> mirror().
new_with_nil(Name) ->
    new(Name, {8, 6}, nil).

new(Name, Master, Missing) ->
    Interests = eslaver_nif:interests_new(),
    Keyspace = eslaver_nif:keyspace_new(Name, Interests, self(), #{
        serves_stale => true,
        missing => Missing,
        in_place => false,
        max_memory => undefined,
        fresh_within => undefined
    }),
    ok = eslaver_nif:keyspace_load(Keyspace, snapshot(Master)),
    #{keyspace => Keyspace, db => 0}.

%% Loads a snapshot of no keys, of a master of the newest version.
-spec load(eslaver_nif:keyspace()) -> ok | {error, binary()}.
load(Keyspace) ->
    eslaver_nif:keyspace_load(Keyspace, snapshot({8, 6})).

%% Loads a snapshot of these keys, which are strings.
-spec load(eslaver_nif:keyspace(), [{Key :: binary(), Value :: binary()}]) -> ok.
load(Keyspace, Strings) ->
    Keys = [
        [0, eslaver_test_rdb_encoder:str(Key), eslaver_test_rdb_encoder:str(Value)]
     || {Key, Value} <- Strings
    ],
    File = eslaver_test_rdb_encoder:file(<<"REDIS0011">>, Keys),
    ok = eslaver_nif:keyspace_load(Keyspace, File).

%% Of no keys.
snapshot({valkey, Version}) -> snapshot("valkey-ver", Version);
snapshot(Version) -> snapshot("redis-ver", Version).

snapshot(Name, {Major, Minor}) ->
    Text = io_lib:format("~b.~b.0", [Major, Minor]),
    Aux = [eslaver_test_rdb_encoder:str(Word) || Word <- [Name, Text]],
    eslaver_test_rdb_encoder:file(<<"REDIS0011">>, [250 | Aux]).

%% Applies a command of the stream, which must be possible.
-spec run(mirror(), [binary()], Now :: integer()) -> mirror().
run(Mirror, [<<"select">>, Number], _Now) ->
    Mirror#{db := binary_to_integer(Number)};
run(#{keyspace := Keyspace, db := Db} = Mirror, Command, Now) ->
    [] = eslaver_nif:keyspace_apply(Keyspace, Db, [Command], Now),
    Mirror.

%% Applies commands as of now, written as words of any kind.
-spec run_all(mirror(), [[iodata() | integer()]]) -> mirror().
run_all(Mirror, Commands) ->
    Now = erlang:system_time(millisecond),
    lists:foldl(fun(Command, Acc) -> run(Acc, words(Command), Now) end, Mirror, Commands).

words(Command) ->
    [word(Word) || Word <- Command].

word(Word) when is_integer(Word) -> integer_to_binary(Word);
word(Word) -> iolist_to_binary(Word).

-spec close(mirror()) -> ok.
close(#{keyspace := Keyspace}) ->
    eslaver_nif:keyspace_close(Keyspace).
