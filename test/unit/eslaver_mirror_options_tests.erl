-module(eslaver_mirror_options_tests).

-include_lib("eunit/include/eunit.hrl").

defaults_test() ->
    {ok, Options} = eslaver_mirror_options:parse(#{}),
    ?assertMatch(
        #{
            name := eslaver_mirror,
            full_resync := beside,
            max_memory := undefined,
            serve_stale_data := true,
            persist := #{file := undefined, scope := <<>>}
        },
        Options
    ).

persist_test_() ->
    [
        ?_assertMatch(
            {ok, #{persist := #{file := File, interval := Interval}}},
            eslaver_mirror_options:parse(#{persist => Given})
        )
     || {Given, File, Interval} <- [
            {undefined, undefined, infinity},
            {"mirror.rdb", <<"mirror.rdb">>, 300000},
            {<<"mirror.rdb">>, <<"mirror.rdb">>, 300000},
            {#{file => "mirror.rdb"}, <<"mirror.rdb">>, 300000},
            {#{file => "mirror.rdb", interval => 1000}, <<"mirror.rdb">>, 1000},
            {#{file => "mirror.rdb", interval => infinity}, <<"mirror.rdb">>, infinity}
        ]
    ].

%% Filters that let the same pass are the same, however they are given.
scope_test_() ->
    Scope = fun(Filter) ->
        {ok, #{persist := #{scope := Scope}}} = eslaver_mirror_options:parse(#{filter => Filter}),
        Scope
    end,
    Same = [
        #{keys => ["a*", <<"b*">>], dbs => [0, 1]},
        #{keys => [<<"b*">>, "a*", "a*"], dbs => [1, 0]}
    ],
    Others = [undefined, #{keys => ["a*"]}, #{keys => "b*"}, #{dbs => [0]}, #{keys => []}],
    [
        ?_assertEqual(1, length(lists:usort([Scope(Filter) || Filter <- Same]))),
        ?_assertEqual(6, length(lists:usort([Scope(Filter) || Filter <- [hd(Same) | Others]])))
    ].

fresh_within_test_() ->
    Given = fun(Options) ->
        {ok, #{fresh_within := Limit}} = eslaver_mirror_options:parse(Options),
        Limit
    end,
    [
        ?_assertEqual(undefined, Given(#{})),
        ?_assertEqual(undefined, Given(#{fresh_within => infinity})),
        ?_assertEqual(500, Given(#{fresh_within => 500}))
    ].

%% The last save may take its time.
shutdown_test_() ->
    Shutdown = fun(Options) -> maps:get(shutdown, eslaver_mirror:child_spec(Options)) end,
    [
        ?_assertEqual(5000, Shutdown(#{})),
        ?_assertEqual(5000, Shutdown(#{persist => undefined})),
        ?_assertEqual(60000, Shutdown(#{persist => "mirror.rdb"}))
    ].

refused_test_() ->
    [
        ?_assertEqual(
            {error, {invalid_option, Key, Told}}, eslaver_mirror_options:parse(#{Key => Value})
        )
     || {Key, Value, Told} <- [
            {name, "mirror", "mirror"},
            {name, undefined, undefined},
            {full_resync, never, never},
            {max_memory, 0, 0},
            {max_memory, infinity, infinity},
            {fresh_within, 0, 0},
            {fresh_within, 1.5, 1.5},
            {fresh_within, never, never},
            {read_concurrency, true, hidden},
            {serve_stale_data, maybe_so, maybe_so},
            {persist, 1, 1},
            {persist, "", ""},
            {persist, <<"a", 0>>, <<"a", 0>>},
            {persist, #{interval => 1}, #{interval => 1}},
            {persist, #{file => "a", interval => 0}, #{file => "a", interval => 0}},
            {persist, #{file => "a", every => 1}, #{file => "a", every => 1}},
            %% They are about a callback, and there is none.
            {events, full, full},
            {resume, {file, "x"}, {file, "x"}},
            {mailbox_limit, 10, 10},
            {callback, undefined, undefined},
            {callback, {no_such_module, f}, {no_such_module, f}},
            {load_dump, true, true},
            {filter, #{types => [hash]}, #{types => [hash]}},
            {filter, #{commands => [set]}, #{commands => [set]}},
            {filter, #{origin => user}, #{origin => user}},
            {filter, #{keys => 1}, #{keys => 1}},
            {master_port, 0, 0},
            {nonsense, 1, 1},
            {master_auth, 1, hidden}
        ]
    ] ++ [?_assertMatch({error, _}, eslaver_mirror_options:parse(not_a_map))].

callback_test_() ->
    Callbacks = [fun(_) -> ok end, self(), {self(), #{demand => 1}}, some_name, [], {io, format}],
    More = #{
        events => full,
        resume => {file, "x"},
        mailbox_limit => 10,
        acknowledge => received,
        filter => #{keys => "a*", origin => user}
    },
    [
        ?_assertMatch({ok, _}, eslaver_mirror_options:parse(Options#{callback => Callback}))
     || Callback <- Callbacks, Options <- [#{}, More]
    ].

%% A supervisor gets the options in funs; they are what they were.
child_spec_test() ->
    Given = #{
        name => m,
        full_resync => in_place,
        serve_stale_data => false,
        master_auth => "secret",
        filter => #{keys => "password:*"}
    },
    #{id := m, start := {eslaver_mirror, start_link, [Wrapped]}} = eslaver_mirror:child_spec(Given),
    ?assertEqual(nomatch, string:find(io_lib:format("~p", [Wrapped]), "secret")),
    ?assertMatch(
        {ok, #{name := m, full_resync := in_place, serve_stale_data := false}},
        eslaver_mirror_options:parse(Wrapped)
    ),
    Types = #{keys => "password:*", types => [hash]},
    #{start := {_, _, [Refused]}} = eslaver_mirror:child_spec(Given#{filter := Types}),
    ?assertEqual(
        {error, {invalid_option, filter, Types}}, eslaver_mirror_options:parse(Refused)
    ).

%% Several mirrors and replicas fit under one supervisor by their names.
child_ids_test_() ->
    [
        ?_assertMatch(#{id := Id}, Module:child_spec(Options))
     || {Module, Options, Id} <- [
            {eslaver_mirror, #{}, eslaver_mirror},
            {eslaver_mirror, [{name, nil}], eslaver_mirror},
            {eslaver_mirror, [{name, one}], one},
            {eslaver_mirror, #{name => other}, other},
            {eslaver_mirror, #{name => {local, other}}, other},
            {eslaver, #{}, eslaver},
            {eslaver, [{name, one}], one}
        ]
    ].

%% What reads answer for what is missing.
missing_test_() ->
    [
        ?_assertMatch({ok, #{missing := undefined}}, eslaver_mirror_options:parse(#{})),
        ?_assertMatch({ok, #{missing := nil}}, eslaver_mirror_options:parse(#{undefined => nil})),
        ?_assertMatch({ok, #{missing := nil}}, eslaver_mirror_options:parse([{undefined, nil}])),
        ?_assertMatch(
            {ok, #{missing := undefined}}, eslaver_mirror_options:parse(#{undefined => undefined})
        ),
        ?_assertEqual(
            {error, {invalid_option, undefined, null}},
            eslaver_mirror_options:parse(#{undefined => null})
        )
    ].

child_spec_of_what_is_no_map_test() ->
    #{start := {Module, Function, Args}} =
        Spec = eslaver_mirror:child_spec([{master_auth, "secret"}, 1]),
    ?assertEqual(nomatch, string:find(io_lib:format("~p", [Spec]), "secret")),
    ?assertEqual({error, {invalid_option, options, not_a_map}}, apply(Module, Function, Args)).

%% As Elixir has options.
keywords_test() ->
    Given = [
        {name, {local, m}},
        {filter, [{dbs, [0]}]},
        {max_memory, nil},
        {fresh_within, nil},
        {persist, [{file, "f"}, {interval, 1000}]},
        {tls, [{verify, false}]}
    ],
    #{id := m, shutdown := 60000, start := {_, _, [Wrapped]}} = eslaver_mirror:child_spec(Given),
    ?assertMatch(
        {ok, #{
            name := m,
            max_memory := undefined,
            persist := #{file := <<"f">>, interval := 1000},
            replica := #{filter := #{dbs := [0]}, tls := #{verify := false}}
        }},
        eslaver_mirror_options:parse(Wrapped)
    ),
    #{id := eslaver_mirror, shutdown := 5000} = eslaver_mirror:child_spec([{persist, nil}]),
    ?assertMatch(
        {error, {invalid_option, filter, [{types, [hash]}]}},
        eslaver_mirror_options:parse([{filter, [{types, [hash]}]}])
    ).

%% What may be printed shows no password.
secret_test() ->
    {ok, Options} = eslaver_mirror_options:parse(#{master_auth => "open sesame"}),
    ?assertEqual(nomatch, string:find(io_lib:format("~0p", [Options]), "sesame")).
