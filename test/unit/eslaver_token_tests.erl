%% Tokens: what servers tell, and what is none.
-module(eslaver_token_tests).

-include_lib("eunit/include/eunit.hrl").

-define(ID, <<"8c3a1a5cb4a4e8a6e0e9c3b3a7d1f2e4b5c6d7e8">>).

of_info_test_() ->
    New = [
        "# Replication\r\nrole:master\r\nmaster_failover_state:no-failover\r\nmaster_replid:",
        ?ID,
        "\r\nmaster_replid2:0000000000000000000000000000000000000000\r\n",
        "master_repl_offset:1042\r\nsecond_repl_offset:-1\r\n"
    ],
    Old = <<"# Replication\r\nrole:master\r\nmaster_repl_offset:7\r\nrepl_backlog_active:1\r\n">>,
    [
        ?_assertEqual({offset, ?ID, 1042}, eslaver_token:of_info(New)),
        ?_assertEqual({offset, ?ID, 1042}, eslaver_token:of_info(iolist_to_binary(New))),
        ?_assertEqual({offset, 7}, eslaver_token:of_info(Old)),
        ?_assertError(badarg, eslaver_token:of_info(<<"NOAUTH Authentication required.">>)),
        ?_assertError(badarg, eslaver_token:of_info(<<"x_master_repl_offset:7\r\n">>)),
        ?_assertError(badarg, eslaver_token:of_info(undefined))
    ].

write_test_() ->
    Bad = [
        {offset, ?ID, -1},
        {offset, ?ID, 1.0},
        {offset, ?ID, 1 bsl 64},
        {offset, <<"short">>, 1},
        {offset, binary_to_list(?ID), 1},
        {offset, any, 1},
        {offset, <<"1">>},
        {offset, -1},
        {position, 1},
        later,
        #{}
    ],
    [
        ?_assertEqual({?ID, 0}, eslaver_token:write({offset, ?ID, 0})),
        ?_assertEqual({any, 5}, eslaver_token:write({offset, 5}))
        | [?_assertError(badarg, eslaver_token:write(Token)) || Token <- Bad]
    ].
