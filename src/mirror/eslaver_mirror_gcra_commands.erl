%% @doc Applies the command that writes rate limits (of Redis built with GCRA). The value is the
%% theoretical arrival time as Unix time in microseconds, at which the key expires. Masters
%% replicate the resulting value.
%% @private
-module(eslaver_mirror_gcra_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

%% @private
-spec commands() -> [binary()].
commands() ->
    [<<"gcrasetvalue">>].

%% @private
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"gcrasetvalue">>, [Key, Time], Ctx) ->
    Microseconds = binary_to_integer(Time),
    eslaver_mirror_keys:put(Ctx, Key, gcra, Microseconds, Microseconds div 1000).
