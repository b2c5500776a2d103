%% A mirror without a replica: tables to which commands are applied one by one, as they come in a
%% master's stream, and which are read by `eslaver_mirror'. For tests of the modules that apply
%% them.
-module(eslaver_test_mirror_tables).

-export([tests/2, new/1, run/3, run_all/2, load/5, close/1]).

-export_type([mirror/0]).

-type master() :: eslaver_mirror_store:version() | {valkey, eslaver_mirror_store:version()}.

-type mirror() :: #{
    lock := eslaver_mirror_lock:lock(),
    store := eslaver_mirror_store:store(),
    modules := #{binary() => module()},
    db := non_neg_integer()
}.

%% EUnit tests that are given a mirror each, in the process that owns its tables: of a master of
%% this version, or of the newest.
-spec tests(atom(), [{Title, Test} | {Title, master(), Test}]) -> list() when
    Title :: string(), Test :: fun((mirror()) -> _).
tests(Name, Tests) ->
    lists:map(
        fun
            ({Title, Test}) -> {Title, fun() -> with(new(Name), Test) end};
            ({Title, Version, Test}) -> {Title, fun() -> with(new(Name, Version), Test) end}
        end,
        Tests
    ).

with(Mirror, Test) ->
    Test(Mirror),
    close(Mirror).

%% A mirror that readers find by this name, of a master of the newest version.
-spec new(atom()) -> mirror().
new(Name) ->
    new(Name, {8, 6}).

%% The same of a master of this version of Redis, or of Valkey.
new(Name, Master) ->
    Store = eslaver_mirror_store:with_db(0, of_master(Master, eslaver_mirror_store:new([]))),
    Lock = eslaver_mirror_lock:new(#{name => Name, serve_stale_data => true}),
    Published = eslaver_mirror_lock:publish(Store, Lock),
    ok = eslaver_mirror_lock:status(fresh, Published),
    #{lock => Published, store => Store, modules => eslaver_mirror_commands:all(), db => 0}.

of_master({valkey, _} = Server, Store) ->
    GoesBy = eslaver_mirror_store:with_version({7, 2}, Store),
    eslaver_mirror_store:with_server(Server, GoesBy);
of_master(Version, Store) ->
    Known = eslaver_mirror_store:with_version(Version, Store),
    eslaver_mirror_store:with_server({redis, Version}, Known).

%% Applies a command of the stream. Those that bracket a transaction have no effect here.
-spec run(mirror(), [binary()], Now :: integer()) -> mirror().
run(#{lock := Lock, store := Store} = Mirror, [<<"select">>, Number], _Now) ->
    Db = binary_to_integer(Number),
    Next = eslaver_mirror_store:with_db(Db, Store),
    Mirror#{db := Db, store := Next, lock := eslaver_mirror_lock:publish(Next, Lock)};
run(#{modules := Modules} = Mirror, [Name | Args], Now) ->
    case Modules of
        #{Name := Module} ->
            ok = Module:apply(Name, Args, context(Mirror, Now)),
            Mirror;
        #{} ->
            true = lists:member(Name, [<<"ping">>, <<"multi">>, <<"exec">>, <<"replconf">>]),
            Mirror
    end.

context(#{store := Store, db := Db}, Now) ->
    #{
        keys => eslaver_mirror_store:keys(Db, Store),
        db => Db,
        now => Now,
        store => Store
    }.

%% Applies commands as of now, written as words of any kind.
-spec run_all(mirror(), [[iodata() | integer()]]) -> mirror().
run_all(Mirror, Commands) ->
    Now = erlang:system_time(millisecond),
    lists:foldl(fun(Command, Acc) -> run(Acc, words(Command), Now) end, Mirror, Commands).

words(Command) ->
    [word(Word) || Word <- Command].

word(Word) when is_integer(Word) -> integer_to_binary(Word);
word(Word) -> iolist_to_binary(Word).

%% A key as of a snapshot.
-spec load(mirror(), atom(), binary(), term(), map()) -> ok.
load(#{store := Store} = Mirror, Given, Key, Value, Meta) ->
    Type = eslaver_mirror_type:of_value(Given, Value),
    Body = eslaver_mirror_type:load(Type, Store, Value, Meta),
    ExpireAt = maps:get(expire_at, Meta, infinity),
    eslaver_mirror_keys:put(context(Mirror, 0), Key, Type, Body, ExpireAt).

-spec close(mirror()) -> ok.
close(#{lock := Lock, store := Store}) ->
    ok = eslaver_mirror_lock:close(Lock),
    eslaver_mirror_store:delete(Store, here).
