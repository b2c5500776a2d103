%% @doc Folds over the keys of a mirror with their values.
%% @private
-module(eslaver_mirror_fold).

-export([fold/4]).

-define(FAILED(Fold), {?MODULE, Fold, failed}).

%% @doc See {@link eslaver_mirror:fold/4}. Each value is read after the key has been found, so it
%% may be gone, or of another type.
-spec fold(
    eslaver_mirror_read:mirror(),
    map(),
    fun((binary(), {eslaver_mirror_read:type() | unknown, term()}, Acc) -> Acc),
    Acc
) -> Acc | eslaver_mirror_read:failure() | {error, replaced}.
fold(Mirror, Options, Fun, Acc) when is_map(Options), is_function(Fun, 3) ->
    Type = maps:get(type, Options, any),
    Fold = make_ref(),
    Each = fun(Key, Before) ->
        case eslaver_mirror_read:ask(Mirror, {value, Key, Type}) of
            undefined -> Before;
            {error, unknown} -> Fun(Key, {unknown, undefined}, Before);
            {error, Why} -> throw({?FAILED(Fold), Why});
            Value -> Fun(Key, Value, Before)
        end
    end,
    try
        eslaver_mirror_scan:fold(Mirror, Options, Each, Acc)
    catch
        %% The data that the keys were found in is gone.
        throw:{?FAILED(Fold), loading} -> {error, replaced};
        throw:{?FAILED(Fold), Why} -> {error, Why}
    end;
fold(_Mirror, _Options, _Fun, _Acc) ->
    error(badarg).
