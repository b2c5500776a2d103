%% @doc Folds over the keys of a mirror with their values.
%% @private
-module(eslaver_mirror_fold).

-export([fold/4]).

-define(FAILED(Fold), {?MODULE, Fold, failed}).

%% @doc See {@link eslaver_mirror:fold/4}. Each value is read after the key has been found, so it
%% may be gone, or of another type.
-spec fold(
    eslaver_mirror_types:mirror(),
    fun((binary(), {eslaver_mirror_types:value_type() | unknown, term()}, Acc) -> Acc),
    Acc,
    map() | eslaver_types:keywords()
) -> Acc | eslaver_mirror_types:failure() | {error, replaced}.
fold(Mirror, Fun, Acc, Options) when is_function(Fun, 3) ->
    {_Glob, Type, _Count} = eslaver_mirror_scan:keys(Options),
    Fold = make_ref(),
    Each = fun(Key, Before) ->
        case eslaver_mirror_read:ask(Mirror, {value, Key, Type}) of
            {error, Why} -> throw({?FAILED(Fold), Why});
            {_Type, _Value} = Value -> Fun(Key, Value, Before);
            _Missing -> Before
        end
    end,
    try
        eslaver_mirror_scan:fold(Mirror, Each, Acc, Options)
    catch
        %% The data that the keys were found in is gone.
        throw:{?FAILED(Fold), loading} -> {error, replaced};
        throw:{?FAILED(Fold), Why} -> {error, Why}
    end;
fold(_Mirror, _Fun, _Acc, _Options) ->
    error(badarg).
