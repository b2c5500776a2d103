%% @doc Applies those of RedisJSON's commands that remove a key. A mirror has no documents, so it
%% cannot apply the others.
%% @private
-module(eslaver_mirror_json_commands).
-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

-spec commands() -> [binary()].
commands() ->
    [<<"json.del">>, <<"json.forget">>].

-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(_Name, [Key | Path], Ctx) ->
    case is_root(Path) of
        true -> _ = eslaver_mirror_keys:delete(Ctx, Key);
        false -> eslaver_mirror_keys:forget_value(Ctx, Key)
    end,
    ok.

is_root([]) -> true;
is_root([Path]) -> Path =:= <<"$">> orelse Path =:= <<".">>;
is_root(_) -> false.
