%% What a replica is doing: a table of messages of its links, and of its turns.
-module(eslaver_session_tests).

-include_lib("eunit/include/eunit.hrl").

-define(REPLID, <<"0123456789012345678901234567890123456789">>).
-define(FULL, #{replid => ?REPLID, offset => 100, bytes => 9, master => <<"host:1">>}).
-define(LOADED, #{keys => 1, bytes => 9, offset => 100, db => 2}).
-define(CLOSED(Reason), {closed, Reason, <<"text">>, true}).

new(StandIn) ->
    eslaver_session:new(none, <<"given:1">>, StandIn, 0).

%% What comes of messages: the names of the effects of both steps, and how many events there were.
message(Source, Message, {_, _, Session}) ->
    {Before, Events, Arrived} = eslaver_session:arrived(Source, Message, Session),
    {After, Handled} = eslaver_session:handled(Source, Message, Arrived),
    {[name(Effect) || Effect <- Before ++ After], length(Events), Handled}.

name(Effect) when is_atom(Effect) -> Effect;
name({log, _Level, What, _Report}) -> {log, What};
name({load, abandoned}) -> load_abandoned;
name({load, {started, _}}) -> load_started;
name({load, {finished, _}}) -> load_finished;
name(Effect) -> element(1, Effect).

messages(Session, Messages) ->
    lists:foldl(
        fun({Source, Message}, State) -> message(Source, Message, State) end,
        {[], 0, Session},
        Messages
    ).

messages_test_() ->
    Loading = [{master, {full, ?FULL}}],
    Streaming = Loading ++ [{master, {loaded, ?LOADED}}],
    %% messages, the effects of the last one, how many events it gives, and the phase behind it
    Table = [
        {Loading, [close_file, forget, load_started, {log, link_up}, learn], 1, loading},
        {Streaming, [load_finished, notify, up, answer_waiting, credit], 1, streaming},
        {[{master, ?CLOSED(cannot_connect)}], [down], 0, waiting},
        {Loading ++ [{master, ?CLOSED(closed)}], [down, load_abandoned], 1, waiting},
        {Streaming ++ [{master, ?CLOSED(closed)}], [down], 1, waiting},
        {Streaming ++ [{master, {left_out, #{text => <<>>}}}], [{log, left_out}], 0, streaming},
        {[{file, ?CLOSED(finished)}], [load_abandoned, close_file], 0, connecting},
        {
            [{file, ?CLOSED(bad_snapshot)}],
            [{log, replay_failed}, load_abandoned, close_file],
            0,
            connecting
        }
    ],
    [
        ?_test(begin
            {Found, Count, Session} = messages(new(false), Messages),
            ?assertEqual({Effects, Phase}, {Found, eslaver_session:phase(Session)}),
            ?assertEqual(Events > 0, Count > 0)
        end)
     || {Messages, Effects, Events, Phase} <- Table
    ].

position_is_that_of_the_snapshot_test() ->
    {_, _, Session} = messages(new(false), [
        {master, {full, ?FULL}}, {master, {loaded, ?LOADED}}
    ]),
    Safe = eslaver_position:safe(eslaver_session:position(Session)),
    ?assertEqual(#{replid => ?REPLID, offset => 100, db => 2}, Safe).

a_position_survives_a_lost_link_but_no_new_snapshot_test() ->
    Safe = #{replid => ?REPLID, offset => 7, db => 1},
    Session = eslaver_session:new(Safe, <<"given:1">>, false, 0),
    {_, _, Lost} = messages(Session, [{master, ?CLOSED(closed)}]),
    ?assertEqual(Safe, eslaver_position:safe(eslaver_session:position(Lost))),
    {_, _, Anew} = messages(Lost, [{master, {full, ?FULL}}]),
    ?assertEqual(undefined, eslaver_session:position(Anew)).

%% What a link says of itself: why it is up, and the role of the node.
why_and_role_test() ->
    Other = <<"9876543210987654321098765432109876543210">>,
    Safe = #{replid => ?REPLID, offset => 100, db => 0},
    Session = eslaver_session:new(Safe, <<"given:1">>, false, 0),
    Peer = #{
        role => replica,
        master_link => up,
        replid => Other,
        replid2 => ?REPLID,
        second_offset => 50,
        keys => 3
    },
    {[{met, Peer}, {observe, {mirror, told, Peer}}], [], Met} = eslaver_session:arrived(
        master, {peer, Peer}, Session
    ),
    ?assertMatch(#{role := undefined, master_link := undefined}, eslaver_session:info(Met)),
    {Effects, Events, Up} = eslaver_session:arrived(master, {full, ?FULL#{replid := Other}}, Met),
    ?assertMatch(
        [{log, warning, link_up, #{why := diverged, role := replica, resync := full}}],
        [Log || {log, _, _, _} = Log <- Effects]
    ),
    ?assertMatch([{link, up, #{why := diverged, role := replica}}, {loading, start, _}], Events),
    ?assertMatch(#{role := replica, master_link := up}, eslaver_session:info(Up)),
    {_, _, Lost} = message(master, ?CLOSED(closed), {[], 0, Up}),
    ?assertMatch(#{role := undefined, master_link := undefined}, eslaver_session:info(Lost)).

%% The syncs that there have been, and the state of waiting for the snapshot.
syncs_test() ->
    New = new(false),
    Info = fun(Session) ->
        maps:with([state, full_syncs, partial_syncs], eslaver_session:info(Session))
    end,
    None = #{state => connecting, full_syncs => 0, partial_syncs => 0},
    ?assertEqual(None, Info(New)),
    ?assertMatch(#{last_sync := undefined}, eslaver_session:info(New)),
    {_, _, Granted} = messages(New, [{master, {granted, #{}}}]),
    ?assertEqual(None#{state := waiting_for_snapshot}, Info(Granted)),
    %% which may not come
    {_, _, Again} = messages(Granted, [{master, ?CLOSED(closed)}]),
    ?assertEqual(None#{state := waiting}, Info(Again)),
    ?assertEqual(None, Info(eslaver_session:connecting(<<"there:1">>, Again))),
    {_, _, Full} = messages(Granted, [{master, {full, ?FULL}}]),
    ?assertEqual(None#{state := loading, full_syncs := 1}, Info(Full)),
    ?assertMatch(
        #{last_sync := #{resync := full, why := first, at := At}} when is_integer(At),
        eslaver_session:info(Full)
    ),
    {_, _, Lost} = messages(Full, [{master, {loaded, ?LOADED}}, {master, ?CLOSED(closed)}]),
    {_, _, Partial} = messages(Lost, [
        {master, {partial, #{replid => undefined, offset => 100, master => <<"there:1">>}}}
    ]),
    ?assertEqual(#{state => streaming, full_syncs => 1, partial_syncs => 1}, Info(Partial)).

%% The position that a link asks from is the earlier of what is handled and what is applied.
position_asked_from_test_() ->
    Peer = #{role => master, replid => ?REPLID, offset => 150, keys => 3},
    Why = fun(Handled, Applied) ->
        Safe = #{replid => ?REPLID, offset => Handled, db => 0},
        Placed = eslaver_session:placed(
            Safe#{offset := Applied},
            true,
            true,
            eslaver_session:new(Safe, <<"given:1">>, false, 0)
        ),
        {_, _, Met} = eslaver_session:arrived(master, {peer, Peer}, Placed),
        {_, [{link, up, #{why := Found}} | _], _} =
            eslaver_session:arrived(master, {full, ?FULL}, Met),
        Found
    end,
    [
        ?_assertEqual(backlog, Why(100, 100)),
        ?_assertEqual(backlog, Why(200, 150)),
        ?_assertEqual(backlog, Why(150, 200)),
        ?_assertEqual(diverged, Why(200, 151)),
        ?_assertEqual(diverged, Why(200, 200))
    ].

%% A link may end before it has told what it has applied. A callback has handled no more than that.
placed_test_() ->
    Safe = #{replid => ?REPLID, offset => 100, db => 0},
    Position = fun(HasCallback) ->
        Session = eslaver_session:new(Safe, <<"given:1">>, false, 0),
        Placed = eslaver_session:placed(Safe#{offset := 150, db := 3}, true, HasCallback, Session),
        eslaver_position:safe(eslaver_session:position(Placed))
    end,
    [
        ?_assertEqual(Safe#{offset := 150, db := 3}, Position(false)),
        ?_assertEqual(Safe, Position(true))
    ].

%% Where there is data, a master without any has to be looked at twice.
confirms_empty_test_() ->
    Safe = #{replid => ?REPLID, offset => 100, db => 0},
    New = fun(Delay) -> eslaver_session:new(Safe, <<"given:1">>, false, Delay) end,
    Void = eslaver_session:new(none, <<"given:1">>, false, 60000),
    Confirms = fun(Messages, Session) ->
        At = eslaver_session:connecting(<<"a:1">>, Session),
        {_, _, Later} = messages(At, Messages),
        timer:sleep(30),
        eslaver_session:confirms_empty(eslaver_session:connecting(<<"a:1">>, Later))
    end,
    Empty = {master, {peer, #{role => master, replid => <<"other">>, keys => 0}}},
    Good = {master, {peer, #{role => master, replid => <<"other">>, keys => 1}}},
    Refused = {master, ?CLOSED(empty_master)},
    Placed = fun(HasKeys, Session) -> eslaver_session:placed(Safe, HasKeys, false, Session) end,
    [
        ?_assertNot(Confirms([], Void)),
        ?_assertNot(Confirms([], New(0))),
        ?_assert(Confirms([], New(60000))),
        ?_assert(Confirms([{master, {full, ?FULL}}, {master, {loaded, ?LOADED}}], Void)),
        %% a mirror knows whether it has keys
        ?_assertNot(Confirms([], Placed(false, New(60000)))),
        ?_assert(Confirms([], Placed(true, Void))),
        %% the second look
        ?_assert(Confirms([Empty, Refused], New(60000))),
        ?_assertNot(Confirms([Empty, Refused], New(20))),
        ?_assertNot(Confirms([Empty, Refused, {master, ?CLOSED(closed)}], New(20))),
        %% another answer in between
        ?_assert(Confirms([Empty, Refused, Good, {master, ?CLOSED(closed)}], New(20))),
        ?_assert(Confirms([Empty, Refused, Empty, {master, ?CLOSED(replica)}], New(20)))
    ].

%% The RDB file of an earlier run stands in once, and only before anything else has been loaded.
file_stands_in_test_() ->
    Opened = fun(StandIn, Messages) ->
        {Effects, _, _} = messages(new(StandIn), Messages),
        lists:member(open_file, Effects)
    end,
    Lost = {master, ?CLOSED(cannot_connect)},
    [
        ?_assert(Opened(true, [Lost])),
        ?_assertNot(Opened(false, [Lost])),
        ?_assertNot(Opened(true, [Lost, Lost])),
        ?_assertNot(Opened(true, [{master, {full, ?FULL}}, Lost]))
    ].

turns_test() ->
    Ready = new(false),
    ?assert(eslaver_session:is_ready(Ready)),
    {[{work_after, 0, One}], Scheduled} = eslaver_session:postponed(turn, Ready),
    ?assertNot(eslaver_session:is_ready(Scheduled)),
    ?assertMatch({[], _}, eslaver_session:continued(Scheduled)),
    {true, Again} = eslaver_session:work(One, Scheduled),
    ?assert(eslaver_session:is_ready(Again)),
    %% the message of a turn that is over, which must not end a pause that has begun since
    ?assertMatch({false, _}, eslaver_session:work(One, Again)),
    {[{work_after, 20, Two}], Timed} = eslaver_session:postponed({pause, 20}, Scheduled),
    ?assertMatch({false, _}, eslaver_session:work(One, Timed)),
    ?assertMatch({true, _}, eslaver_session:work(Two, Timed)),
    {[], Paused} = eslaver_session:postponed({pause, infinity}, Again),
    ?assertMatch(#{paused := true}, eslaver_session:info(Paused)),
    ?assertMatch({false, _}, eslaver_session:work(One, Paused)),
    ?assertMatch({[{work_after, 0, _}], _}, eslaver_session:continued(Paused)),
    ?assertMatch({[{work_after, 5, _}], _}, eslaver_session:postponed(held, Ready)),
    ?assertMatch({[{work_after, 20, _}], _}, eslaver_session:postponed({pause, 20}, Ready)).
