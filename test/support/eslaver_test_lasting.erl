%% Random commands on a server, of which something lasts: it can be compared with what another
%% server or a mirror has of it.
-module(eslaver_test_lasting).

-export([taken/1, run/3, digest/2]).

%% Words of commands that are left out; see eslaver_test_command_forms. Redis 8 ends when it finds
%% VADD with CAS in an append-only file.
-define(LEFT_OUT, ["CAS"]).
%% What expires within so many ms does not last until the end.
-define(SOON, 600_000).
-define(PATIENCE, 20_000).
%% DEBUG DIGEST walks through an array's gaps, too.
-define(DIGESTED_ARRAY, 1_000_000).
-define(DBS, [0, 1, 2, 3]).

%% What a server takes. It is tried on another one of its version, so that this one has no more
%% commands than are to be applied.
-spec taken(eslaver_test_servers:server()) -> eslaver_test_workload:taken().
taken(#{server := Server}) ->
    Tried = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Tried),
    Taken = used(eslaver_test_workload:taken(Client)),
    ok = eslaver_test_client:close(Client),
    ok = eslaver_test_master:stop(Tried),
    Taken.

%% Runs this number of random commands. What expires soon is gone afterwards.
-spec run(pos_integer(), eslaver_test_workload:taken(), eslaver_test_client:client()) -> ok.
run(Count, Taken, Client) ->
    {First, Last} = lists:split(
        Count div 2, eslaver_test_workload:steps(Count, Taken, #{evictions => true})
    ),
    Steps = First ++ lists:filter(fun keeps_keys/1, Last),
    #{client := Client} = eslaver_test_workload_runner:run(Steps, #{client => Client}),
    true = eslaver_test_wait:until(fun() -> is_lasting(Client) end, ?PATIENCE),
    ok.

%% Something is to be there at the end.
keeps_keys(Step) ->
    binary:match(term_to_binary(Step), <<"FLUSH">>) =:= nomatch.

%% The forms that are used.
used(#{writes := Writes, blocking := Blocking} = Taken) ->
    Taken#{
        writes := [
            {Weight, Left}
         || {Weight, Forms} <- Writes,
            [_ | _] = Left <- [lists:filter(fun(Form) -> is_used(Form) end, Forms)]
        ],
        blocking := [Each || {_, Form, _, Then} = Each <- Blocking, is_used([Then | Form])]
    }.

is_used(Form) ->
    lists:all(fun(Item) -> is_used_item(Item) end, Form).

is_used_item({many, Form}) ->
    is_used(Form);
is_used_item(Text) ->
    not lists:any(fun(Word) -> lists:member(Word, ?LEFT_OUT) end, string:lexemes(Text, " ")).

%% Deletes what expires soon: whether the server has nothing left that does, seen or unseen.
is_lasting(Client) ->
    [] =:= [passing || Db <- ?DBS, not is_lasting(Client, Db)].

is_lasting(Client, Db) ->
    %% Keys may go while they are asked for.
    try eslaver_test_master_data:read_db(Client, Db) of
        Items -> is_lasting(Client, Db, Items)
    catch
        error:{command_failed, _, _} -> false
    end.

is_lasting(Client, Db, Items) ->
    _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
    Passing = [Key || {Key, Item} <- Items, is_passing(Item)],
    _ = eslaver_test_client:pipeline(Client, [["DEL", Key] || Key <- Passing]),
    Passing =:= [] andalso eslaver_test_client:ok(Client, ["DBSIZE"]) =:= length(Items).

is_passing(#{expires := true, ttl := Left}) when Left < ?SOON ->
    true;
is_passing(#{field_expire_at := Times}) ->
    Soon = erlang:system_time(millisecond) + ?SOON,
    lists:any(fun({_Field, At}) -> At < Soon end, Times);
is_passing(#{type := {module, <<"none">>}}) ->
    true;
is_passing(_) ->
    false.

%% To be asked once the data was read: before Redis 4.0 a server that still makes room for more keys
%% crashes at it, and each read brings that forward.
-spec digest(eslaver_test_client:client(), eslaver_test_servers:server()) -> binary().
digest(Client, Description) ->
    delete_wide_arrays(Client),
    _ = [remove_zeros(Client) || may_lose_signs(Description)],
    eslaver_test_client:ok(Client, ["DEBUG", "DIGEST"]).

%% The digest would take hours over their gaps.
delete_wide_arrays(Client) ->
    [
        begin
            _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
            eslaver_test_client:ok(Client, ["DEL", Key])
        end
     || Db <- ?DBS,
        {Key, #{type := array, value := Elements}} <- eslaver_test_master_data:read_db(Client, Db),
        element(1, lists:last(Elements)) > ?DIGESTED_ARRAY
    ].

%% From 7.0 on, a sorted set that has always been small loses the signs of zeros, and one that was
%% large keeps them. What it was, the store does not know.
may_lose_signs(#{family := redis, version := {Major, _, _}}) -> Major >= 7;
may_lose_signs(_Description) -> true.

remove_zeros(Client) ->
    [
        begin
            _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
            eslaver_test_client:ok(Client, ["ZREMRANGEBYSCORE", Key, 0, 0])
        end
     || Db <- ?DBS,
        {Key, #{type := zset}} <- eslaver_test_master_data:read_db(Client, Db)
    ].
