-module(eslaver_mirror_version_tests).

-include_lib("eunit/include/eunit.hrl").

%% What a text leaves open is as of the newest.
aux_test_() ->
    [
        ?_assertEqual({Version, Server}, told(Name, Text))
     || {Name, Text, Version, Server} <- [
            {<<"redis-ver">>, <<"7.0.15">>, {7, 0}, {redis, {7, 0}}},
            {<<"redis-ver">>, <<"3.2">>, {3, 2}, {redis, {3, 2}}},
            {<<"redis-ver">>, <<"8.10.2-rc1">>, {8, 10}, {redis, {8, 10}}},
            {<<"redis-ver">>, <<"255.255.255">>, {255, 255}, {redis, {255, 255}}},
            {<<"redis-ver">>, <<"7">>, {7, 255}, {redis, {7, 255}}},
            {<<"redis-ver">>, <<"7.x">>, {7, 255}, {redis, {7, 255}}},
            {<<"redis-ver">>, <<"unstable">>, {255, 255}, {redis, {255, 255}}},
            {<<"redis-ver">>, <<>>, {255, 255}, {redis, {255, 255}}},
            {<<"redis-ver">>, <<"df-v1.21.2">>, {255, 255}, {redis, {255, 255}}},
            {<<"redis-ver">>, <<"20260101.1">>, {255, 255}, {redis, {255, 255}}},
            {<<"redis-ver">>, <<255, 254>>, {255, 255}, {redis, {255, 255}}},
            {<<"valkey-ver">>, <<"9.1.2">>, {7, 2}, {valkey, {9, 1}}},
            {<<"valkey-ver">>, <<"unstable">>, {7, 2}, {valkey, {255, 255}}},
            {<<"ctime">>, <<"7.0">>, unknown, {redis, unknown}}
        ]
    ].

told(Name, Text) ->
    Store = eslaver_mirror_version:with_aux(Name, Text, eslaver_mirror_store:new([])),
    ok = eslaver_mirror_store:delete(Store, here),
    {eslaver_mirror_store:version(Store), eslaver_mirror_store:server(Store)}.
