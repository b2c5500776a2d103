%% What servers of several versions say in INFO.
-module(eslaver_replication_info_tests).

-include_lib("eunit/include/eunit.hrl").

read_test_() ->
    Id = binary:copy(<<"a">>, 40),
    Zeros = binary:copy(<<"0">>, 40),
    Facts = #{
        role => replica,
        master_link => up,
        replid => undefined,
        replid2 => undefined,
        offset => undefined,
        second_offset => undefined
    },
    Table = [
        {["role:slave", "master_link_status:up"], Facts},
        {["# Replication", "role:slave", "master_link_status:down"], Facts#{master_link := down}},
        {["role:slave"], Facts#{master_link := down}},
        {["role:master", "master_repl_offset:12", "slave_repl_offset:9"], Facts#{
            role := master, master_link := undefined, offset := 12
        }},
        {
            ["role:slave", "master_link_status:up", "slave_repl_offset:9", "master_repl_offset:12"],
            Facts#{
                offset := 9
            }
        },
        {
            [
                "role:slave",
                "master_link_status:up",
                ["master_replid:", Id],
                ["master_replid2:", Zeros],
                "second_repl_offset:-1"
            ],
            Facts#{replid := Id}
        },
        {
            [
                "role:slave",
                "master_link_status:up",
                ["master_replid2:", Id],
                "second_repl_offset:77"
            ],
            Facts#{replid2 := Id, second_offset := 77}
        },
        {["role:slave", "master_link_status:up", "master_replid:short"], Facts}
    ],
    [
        ?_assertEqual({ok, Expected}, eslaver_replication_info:read(text(Lines)))
     || {Lines, Expected} <- Table
    ].

text(Lines) -> iolist_to_binary([[Line, "\r\n"] || Line <- Lines]).

refused_test_() ->
    Table = [
        {{error, <<"NOPERM no permissions">>}, "NOPERM"},
        {<<"role:sentinel\r\n">>, "role"},
        {<<>>, "role"},
        {null, "role"}
    ],
    [
        ?_test(begin
            {error, Text} = eslaver_replication_info:read(Answer),
            ?assertMatch({match, _}, re:run(Text, Regex))
        end)
     || {Answer, Regex} <- Table
    ].
