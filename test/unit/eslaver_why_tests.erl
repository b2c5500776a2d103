%% Why a link is up: what there was before, against what the node tells of itself.
-module(eslaver_why_tests).

-include_lib("eunit/include/eunit.hrl").

-define(OURS, <<"0123456789012345678901234567890123456789">>).
-define(OTHER, <<"9876543210987654321098765432109876543210">>).
-define(THIRD, <<"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd">>).
-define(MASTER, <<"127.0.0.1:6379">>).

%% At offset 100 of our history, from a master.
before() ->
    before(#{}).

before(Changes) ->
    maps:merge(
        #{
            position => {?OURS, 100},
            loaded => true,
            empty => false,
            replid => ?OURS,
            master => ?MASTER
        },
        Changes
    ).

full_test_() ->
    Void = before(#{position => undefined, loaded => false, replid => undefined}),
    NoPosition = before(#{position => undefined}),
    NoPsync = before(#{position => {undefined, 0}, replid => undefined}),
    Same = #{replid => ?OURS, offset => 100, keys => 5},
    Promoted = #{replid => ?OTHER, replid2 => ?OURS, offset => 500, keys => 5},
    Other = #{replid => ?OTHER, replid2 => undefined, offset => 7, keys => 5},
    Table = [
        %% nothing before
        {Void, Other, ?MASTER, first},
        {Void, Other#{keys => 0}, ?MASTER, first},
        {Void, #{}, ?MASTER, first},
        %% no position, or no history
        {NoPosition, Same, ?MASTER, no_position},
        {NoPosition, Same#{keys => 0}, ?MASTER, no_position},
        {NoPosition, Promoted#{keys => 0}, ?MASTER, no_position},
        {NoPosition, Other, ?MASTER, no_position},
        {NoPosition, #{}, ?MASTER, no_position},
        {NoPosition, #{keys => 0}, ?MASTER, no_position},
        {NoPosition, Other#{keys => 0}, ?MASTER, empty_master},
        {NoPsync, Same, ?MASTER, no_psync},
        %% our history, as far as we are
        {before(), Same, ?MASTER, backlog},
        {before(), Same#{offset => 101}, ?MASTER, backlog},
        {before(), Same#{offset => undefined}, ?MASTER, backlog},
        {before(), Same#{keys => 0}, ?MASTER, backlog},
        {before(), Promoted#{second_offset => 101}, ?MASTER, backlog},
        {before(), Promoted#{second_offset => 101, keys => 0}, ?MASTER, backlog},
        %% our history, and not as far
        {before(), Same#{offset => 99}, ?MASTER, diverged},
        {before(), Promoted#{second_offset => 100}, ?MASTER, diverged},
        {before(), Promoted#{second_offset => 1}, ?MASTER, diverged},
        {before(), Promoted#{second_offset => 100, keys => undefined}, ?MASTER, diverged},
        {before(), Promoted#{second_offset => 100, keys => 0}, ?MASTER, empty_master},
        %% another history
        {before(), Other, ?MASTER, restarted},
        {before(), Other#{replid2 => ?THIRD, second_offset => 1000}, ?MASTER, restarted},
        {before(), Other, <<"127.0.0.1:6380">>, failover},
        {before(#{master => undefined}), Other, ?MASTER, restarted},
        {before(), Other#{keys => undefined}, ?MASTER, restarted},
        {before(), Other#{keys => 0}, ?MASTER, empty_master},
        {before(), Other#{keys => 0}, <<"127.0.0.1:6380">>, empty_master},
        %% nothing to lose
        {NoPosition#{empty => true}, Other#{keys => 0}, ?MASTER, no_position},
        {before(#{empty => true}), Promoted#{second_offset => 100, keys => 0}, ?MASTER, diverged},
        {before(#{empty => true}), Other#{keys => 0}, ?MASTER, restarted},
        %% not told
        {before(), #{}, ?MASTER, unknown},
        {before(), #{role => master, offset => 100}, ?MASTER, unknown},
        {before(), #{replid => undefined, replid2 => undefined, keys => 0}, ?MASTER, unknown}
    ],
    [
        {lists:flatten(io_lib:format("~0p ~0p", [Before, Peer])), [
            ?_assertEqual(Why, full(Before, Peer, Master)),
            ?_assertEqual(expected_level(Why), eslaver_why:level(Why))
        ]}
     || {Before, Peer, Master, Why} <- Table
    ].

full(Before, Peer, Master) ->
    Replid =
        case Peer of
            #{replid := <<_/binary>> = Told} -> Told;
            _ -> ?OTHER
        end,
    eslaver_why:full(Before, Peer, #{replid => Replid, master => Master, offset => 1000}).

%% A master that gives no id knows no PSYNC, whatever it tells of itself.
sync_without_an_id_test() ->
    Link = #{replid => undefined, master => ?MASTER},
    ?assertEqual(no_psync, eslaver_why:full(before(), #{replid => ?OURS}, Link)),
    ?assertEqual(no_psync, eslaver_why:full(before(#{position => undefined}), #{}, Link)),
    Void = before(#{position => undefined, loaded => false}),
    ?assertEqual(first, eslaver_why:full(Void, #{}, Link)).

partial_test_() ->
    Elsewhere = <<"127.0.0.1:6380">>,
    Table = [
        {before(), undefined, ?MASTER, reconnect},
        {before(), ?OURS, ?MASTER, reconnect},
        {before(#{master => undefined}), undefined, Elsewhere, reconnect},
        {before(#{master => undefined}), ?OTHER, ?MASTER, failover},
        {before(), undefined, Elsewhere, failover},
        {before(), ?OTHER, ?MASTER, failover},
        {before(), ?OTHER, Elsewhere, failover}
    ],
    [
        ?_assertEqual(
            Why, eslaver_why:partial(Before, #{replid => Replid, master => Master, offset => 100})
        )
     || {Before, Replid, Master, Why} <- Table
    ].

expected_level(Why) when Why =:= backlog; Why =:= diverged; Why =:= empty_master -> warning;
expected_level(_) -> notice.
