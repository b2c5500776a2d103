%% Whether a replica with these options gets the load and the stream of a master, or why not.
-module(eslaver_test_connection).

-include_lib("stdlib/include/assert.hrl").

-export([works/2, works/3, fails/3]).

%% The load and the stream arrive.
-spec works(eslaver_test_master:master(), map()) -> ok.
works(Master, Options) ->
    Client = eslaver_test_client:connect(Master),
    works(Master, Client, Options).

%% With a client that may write.
-spec works(eslaver_test_master:master(), eslaver_test_client:client(), map()) -> ok.
works(Master, Client, Options) ->
    _ = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
    Collector = eslaver_test_collector:start(),
    Given = maps:merge(#{dbfilename => undefined, callback => Collector}, Options),
    {ok, Replica} = eslaver:start_link(Given),
    Events = eslaver_test_replica:loaded({Replica, Collector}),
    ?assert(lists:member({loading, string, <<"k">>, <<"v">>}, Events)),
    _ = eslaver_test_replica:mark(Client, Collector),
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 0])),
    _ = eslaver_test_client:ok(Client, ["SET", "big", eslaver_test_dataset:bytes(3_000_000, 1)]),
    _ = eslaver_test_replica:mark(Client, Collector),
    true = is_pid(Master),
    eslaver:stop(Replica).

%% Nothing arrives, and the last error has this reason and a text that matches.
-spec fails(map(), atom(), string()) -> ok.
fails(Options, Tag, Regex) ->
    Collector = eslaver_test_collector:start(),
    {ok, Replica} = eslaver:start_link(
        maps:merge(#{dbfilename => undefined, callback => Collector}, Options)
    ),
    #{reason := Reason, text := Text} = eslaver_test_wait:until(fun() ->
        case eslaver:info(Replica) of
            #{last_error := undefined} -> false;
            #{last_error := Error} -> Error
        end
    end),
    ct:pal("~p: ~ts", [Reason, Text]),
    ?assertEqual(Tag, Reason),
    ?assertMatch({match, _}, re:run(Text, Regex, [caseless, unicode])),
    ?assertEqual([], eslaver_test_collector:events(Collector)),
    eslaver:stop(Replica).
