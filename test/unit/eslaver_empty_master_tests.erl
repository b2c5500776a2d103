%% When a master that has lost its data is taken at its word.
-module(eslaver_empty_master_tests).

-include_lib("eunit/include/eunit.hrl").

-define(A, <<"a:6379">>).
-define(B, <<"b:6379">>).

new(Delay) -> eslaver_empty_master:new(Delay).

%% What there was to see, each with its time, and whether the node is refused at a later look.
looks_test_() ->
    Table = [
        %% the first look
        {[], ?A, 0, true},
        {[], undefined, 0, true},
        %% the second, too early and in time
        {[{seen, ?A, 5}], ?A, 5, true},
        {[{seen, ?A, 5}], ?A, 104, true},
        {[{seen, ?A, 5}], ?A, 105, false},
        {[{seen, ?A, 5}], ?A, 1000, false},
        %% looks in between do not put it off
        {[{seen, ?A, 5}, {seen, ?A, 50}, {seen, ?A, 90}], ?A, 105, false},
        %% another answer voids the first look
        {[{seen, ?A, 5}, forget], ?A, 105, true},
        {[{seen, ?A, 5}, forget, {seen, ?A, 60}], ?A, 159, true},
        {[{seen, ?A, 5}, forget, {seen, ?A, 60}], ?A, 160, false},
        %% another node has a first look of its own
        {[{seen, ?A, 5}], ?B, 105, true},
        {[{seen, ?A, 5}, {seen, ?B, 60}], ?B, 159, true},
        {[{seen, ?A, 5}, {seen, ?B, 60}], ?B, 160, false},
        {[{seen, ?A, 5}, {seen, ?B, 60}, {seen, ?A, 61}], ?A, 105, true}
    ],
    [
        ?_assertEqual(Refused, eslaver_empty_master:is_refused(Address, Now, seen(Looks, new(100))))
     || {Looks, Address, Now, Refused} <- Table
    ].

without_a_delay_test() ->
    ?assertNot(eslaver_empty_master:is_refused(?A, 0, new(0))),
    ?assertNot(eslaver_empty_master:is_refused(?A, 0, seen([{seen, ?A, 0}], new(0)))).

seen(Looks, First) ->
    lists:foldl(
        fun
            ({seen, Address, Now}, State) -> eslaver_empty_master:seen(Address, Now, State);
            (forget, State) -> eslaver_empty_master:forget(State)
        end,
        First,
        Looks
    ).
