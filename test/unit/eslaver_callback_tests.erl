%% Callbacks: each kind is called with the event, and what it raises is given back.
-module(eslaver_callback_tests).

-include_lib("eunit/include/eunit.hrl").

-export([tell/2, tell_main/1]).

tell(To, Event) -> To ! {told, Event}.

tell_main(Event) -> eslaver_callback_tests_main ! {told, Event}.

new(Spec) ->
    {ok, Callback} = eslaver_callback:new(Spec, 1000, #{}),
    Callback.

received(Callback) ->
    ok = eslaver_callback:handle(event, new(Callback)),
    receive
        Message -> Message
    after 1000 -> nothing
    end.

is_called_test_() ->
    [
        ?_test(begin
            Me = self(),
            ?assertEqual({told, event}, received(fun(E) -> Me ! {told, E} end))
        end),
        ?_test(?assertEqual({told, event}, received({?MODULE, tell, [self()]}))),
        ?_test(?assertEqual(event, received(self()))),
        ?_test(begin
            true = register(eslaver_callback_tests_main, self()),
            ?assertEqual(event, received(eslaver_callback_tests_main)),
            ?assertEqual({told, event}, received({?MODULE, tell_main})),
            unregister(eslaver_callback_tests_main)
        end)
    ].

raises_test_() ->
    Cases = [
        {fun(_) -> throw(a) end, throw, a},
        {fun(_) -> error(b) end, error, b},
        {fun(_) -> exit(c) end, exit, c},
        {no_such_registered_name, error, badarg},
        {{no_such_module, f}, error, undef}
    ],
    [
        ?_assertMatch(
            {raised, Class, Reason, [_ | _]},
            eslaver_callback:handle(event, new(Callback))
        )
     || {Callback, Class, Reason} <- Cases
    ].

a_receiver_is_ready_until_it_has_too_many_test() ->
    Receiver = spawn_link(fun() ->
        receive
            stop -> ok
        end
    end),
    Callback = new(Receiver),
    ?assertEqual(ready, eslaver_callback:readiness(Callback)),
    [Receiver ! N || N <- lists:seq(1, 1000)],
    ?assertEqual(held, eslaver_callback:readiness(Callback)),
    Receiver ! stop.

a_function_is_always_ready_test() ->
    ?assertEqual(ready, eslaver_callback:readiness(new(fun(_) -> ok end))).

%% Of a handler's two ways to begin, the one that is told more.
init_is_told_the_context_test() ->
    Context = #{shard => #{id => <<"ab">>}},
    Handler = {handler, eslaver_test_context_handler, self()},
    ?assert(eslaver_callback:check(Handler)),
    {ok, _} = eslaver_callback:new(Handler, 1000, Context),
    receive
        {context, Told} -> ?assertEqual(Context, Told)
    after 0 -> error(not_told)
    end.
