%% What the environment asks of the tests.
-module(eslaver_test_env).

-export([seed/0, is_long/0]).

%% The seed of random numbers: $ESLAVER_SEED repeats a run.
-spec seed() -> integer().
seed() ->
    Seed =
        case os:getenv("ESLAVER_SEED") of
            false -> erlang:system_time(millisecond) rem 1_000_000_000;
            Given -> list_to_integer(Given)
        end,
    ct:pal("ESLAVER_SEED=~b", [Seed]),
    Seed.

%% Whether slow tests run in full ($ESLAVER_LONG).
-spec is_long() -> boolean().
is_long() ->
    os:getenv("ESLAVER_LONG", "") =/= "".
