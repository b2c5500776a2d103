#!/usr/bin/env escript
%% What lists and sorted sets of a mirror cost as they grow: bytes for each element, and
%% microseconds for each operation. ERL_LIBS names where eslaver is built; the argument is the
%% largest size, by default 1000000.
%%
%%     make build && ERL_LIBS=_build/default/lib bench/mirror_costs.escript 10000000
-mode(compile).

-define(TIMES, 20_000).

main([]) ->
    main(["1000000"]);
main([Largest]) ->
    Sizes = [Size || Size <- sizes(10), Size =< list_to_integer(Largest)],
    head("list", [element(1, Operation) || Operation <- list_operations(1)]),
    lists:foreach(fun list/1, Sizes),
    head("zset", [element(1, Operation) || Operation <- zset_operations(1)]),
    lists:foreach(fun zset/1, Sizes).

sizes(Size) when Size > 10_000_000 -> [];
sizes(Size) -> [Size | sizes(Size * 10)].

head(Type, Names) ->
    io:format("~-10s~8s", [Type, "bytes"]),
    [io:format("~10s", [Name]) || Name <- Names],
    io:nl().

list(Size) ->
    Elements = [member(N) || N <- lists:seq(1, Size)],
    {Store, Ctx, _} = New = new(),
    List = eslaver_mirror_list:load(Store, Elements, #{}),
    ok = eslaver_mirror_keys:put(Ctx, <<"key">>, list, List),
    measure(Size, New, eslaver_mirror_list_commands, list_operations(Size)).

list_operations(Size) ->
    [
        {"push, pop", fun(N) ->
            [{<<"rpush">>, [<<"key">>, member(N)]}, {<<"lpop">>, [<<"key">>]}]
        end},
        {"lset", fun(N) -> [{<<"lset">>, [<<"key">>, index(Size), member(N)]}] end},
        {"lindex", fun(Store, List) -> eslaver_mirror_list:index(Store, List, random(Size)) end},
        {"lrange10", fun(Store, List) ->
            From = random(Size),
            eslaver_mirror_list:range(Store, List, From, From + 9)
        end}
    ].

zset(Size) ->
    Members = [{member(N), rand:uniform() * 1.0e6} || N <- lists:seq(1, Size)],
    {Store, Ctx, _} = New = new(),
    Zset = eslaver_mirror_zset:load(Store, Members, #{}),
    ok = eslaver_mirror_keys:put(Ctx, <<"key">>, zset, Zset),
    measure(Size, New, eslaver_mirror_zset_commands, zset_operations(Size)).

zset_operations(Size) ->
    [
        {"add, rem", fun(N) ->
            Member = member(Size + N),
            [{<<"zadd">>, [<<"key">>, score(), Member]}, {<<"zrem">>, [<<"key">>, Member]}]
        end},
        {"zadd old", fun(_) -> [{<<"zadd">>, [<<"key">>, score(), old(Size)]}] end},
        {"zincrby", fun(_) -> [{<<"zincrby">>, [<<"key">>, <<"1">>, old(Size)]}] end},
        {"zscore", fun(Store, Zset) ->
            eslaver_mirror_zset:public_score(Store, Zset, old(Size))
        end},
        {"zrank", fun(Store, Zset) ->
            eslaver_mirror_zset:rank(Store, Zset, old(Size), forward)
        end},
        {"zrange10", fun(Store, Zset) ->
            Span = {random(Size), 10},
            eslaver_mirror_zset:range(Store, Zset, Span, forward)
        end}
    ].

new() ->
    Store = eslaver_mirror_store:with_db(0, eslaver_mirror_store:new([{read_concurrency, true}])),
    Ctx = #{keys => eslaver_mirror_store:keys(0, Store), db => 0, now => 0, store => Store},
    {Store, Ctx, eslaver_mirror_store:memory(Store)}.

%% Without the size of empty tables. Whatever is added is removed again, so that the size stays the
%% same.
measure(Size, {Store, Ctx, Empty}, Module, Operations) ->
    true = erlang:garbage_collect(),
    Bytes = (eslaver_mirror_store:memory(Store) - Empty) / Size,
    io:format("~-10b~8.1f", [Size, Bytes]),
    lists:foreach(
        fun({_, Fun}) -> io:format("~10.2f", [time(Fun, Store, Ctx, Module)]) end, Operations
    ),
    io:nl(),
    eslaver_mirror_store:delete(Store, here).

time(Fun, _Store, Ctx, Module) when is_function(Fun, 1) ->
    Commands = lists:append([Fun(N) || N <- lists:seq(1, ?TIMES)]),
    per_operation(length(Commands), fun() ->
        lists:foreach(fun({Name, Args}) -> ok = Module:apply(Name, Args, Ctx) end, Commands)
    end);
time(Fun, Store, #{keys := Keys}, _Module) ->
    per_operation(?TIMES, fun() ->
        lists:foreach(
            fun(_) ->
                [{_, _, Body, _}] = ets:lookup(Keys, <<"key">>),
                Fun(Store, Body)
            end,
            lists:seq(1, ?TIMES)
        )
    end).

per_operation(Times, Run) ->
    {Micros, _} = timer:tc(Run),
    Micros / Times.

member(N) -> <<"member:", (integer_to_binary(N))/binary>>.

old(Size) -> member(rand:uniform(Size)).

random(Size) -> rand:uniform(Size) - 1.

index(Size) -> integer_to_binary(random(Size)).

score() -> float_to_binary(rand:uniform() * 1.0e6, [short]).
