-module(eslaver_mirror_functions_tests).

-include_lib("eunit/include/eunit.hrl").

-define(ONE, <<"#!lua name=one\nreturn 1">>).
-define(TWO, <<"#!js engine=x name=two">>).

change_test_() ->
    [
        ?_assertEqual(Expected, eslaver_mirror_functions:change(Args, Before))
     || {Args, Before, Expected} <- [
            {[<<"LOAD">>, ?ONE], #{}, #{<<"one">> => ?ONE}},
            {[<<"load">>, <<"REPLACE">>, ?ONE], #{<<"one">> => <<>>}, #{<<"one">> => ?ONE}},
            {[<<"LOAD">>, ?TWO], #{<<"one">> => ?ONE}, #{<<"one">> => ?ONE, <<"two">> => ?TWO}},
            {[<<"DELETE">>, <<"one">>], #{<<"one">> => ?ONE}, #{}},
            {[<<"FLUSH">>], #{<<"one">> => ?ONE}, #{}},
            {[<<"flush">>, <<"ASYNC">>], #{<<"one">> => ?ONE}, #{}},
            {[<<"RESTORE">>, dump(?ONE)], #{<<"two">> => ?TWO}, #{
                <<"one">> => ?ONE, <<"two">> => ?TWO
            }},
            {[<<"RESTORE">>, dump(?ONE), <<"FLUSH">>], #{<<"two">> => ?TWO}, #{
                <<"one">> => ?ONE
            }}
        ]
    ].

change_that_cannot_be_applied_test_() ->
    <<Cut:20/binary, _/binary>> = Whole = dump(?ONE),
    Corrupt = <<(binary:part(Whole, 0, byte_size(Whole) - 1))/binary, 1>>,
    [
        ?_assertError({badmatch, _}, eslaver_mirror_functions:change(Args, #{}))
     || Args <- [
            [<<"LOAD">>, <<"return 1">>],
            [<<"RESTORE">>, <<>>],
            [<<"RESTORE">>, Cut],
            [<<"RESTORE">>, Corrupt],
            [<<"RESTORE">>, <<250, 1, $a, 1, $b, 11:16/little, 0:64>>]
        ]
    ].

%% The opcode of a function, its code, version and checksum.
dump(Code) ->
    <<245, (byte_size(Code)), Code/binary, 11:16/little, 0:64>>.
