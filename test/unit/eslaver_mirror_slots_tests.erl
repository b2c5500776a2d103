-module(eslaver_mirror_slots_tests).

-include_lib("eunit/include/eunit.hrl").

%% As `CLUSTER KEYSLOT' of a real server gives them.
slot_test_() ->
    [
        ?_assertEqual(Slot, eslaver_mirror_slots:slot(Key))
     || {Key, Slot} <- [
            {<<>>, 0},
            {<<"123456789">>, 12739},
            {<<"foo">>, 12182},
            {<<"{foo}bar">>, 12182},
            {<<"x{foo}{bar}">>, 12182},
            {<<"foo{}{bar}">>, 8363},
            {<<"foo{{bar}}zap">>, 4015},
            {<<"{foo">>, 13308}
        ]
    ].
