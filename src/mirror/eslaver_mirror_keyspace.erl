%% @doc Reads of a mirror's keys as a whole.
%% @private
-module(eslaver_mirror_keyspace).

-export([keys/2, fold/4, size/1, random/1]).

-define(ROWS, 500).
%% Random slots to try for a key before all keys are listed.
-define(TRIES, 200).

%% @doc See {@link eslaver_mirror:keys/2}.
-spec keys(eslaver_mirror_view:mirror(), Glob :: binary()) ->
    [binary()] | eslaver_mirror_view:failure().
keys(Mirror, Glob) ->
    eslaver_mirror_view:db(Mirror, [], fun(_Store, Keys) ->
        fold_table(Keys, #{match => Glob}, fun(Key, Found) -> [Key | Found] end, [])
    end).

%% @doc See {@link eslaver_mirror:scan/4}. The fun is the user's, so it is never called again for
%% the same key.
-spec fold(eslaver_mirror_view:mirror(), map(), fun((binary(), Acc) -> Acc), Acc) ->
    Acc | eslaver_mirror_view:failure() | {error, replaced}.
fold(Mirror, Options, Fun, Acc) ->
    ok = eslaver_mirror_arguments:options(
        #{match => fun is_binary/1, type => fun eslaver_mirror_type:is_type/1}, Options
    ),
    case eslaver_mirror_view:db(Mirror, none, fun(_Store, Keys) -> {keys, Keys} end) of
        none ->
            Acc;
        {error, _} = Error ->
            Error;
        {keys, Keys} ->
            try
                whole(Mirror, Keys, fold_table(Keys, Options, Fun, Acc))
            catch
                throw:{?MODULE, replaced} -> replaced(Mirror)
            end
    end.

%% The result is incomplete if the db was flushed meanwhile, since a flushed table is emptied in
%% steps.
whole(Mirror, Keys, Result) ->
    case eslaver_mirror_view:db(Mirror, none, fun(_Store, Now) -> Now end) of
        Keys -> Result;
        {error, stale} -> Result;
        _Others -> replaced(Mirror)
    end.

%% The mirror has ended, or its keys were replaced.
replaced(Mirror) ->
    case eslaver_mirror_view:status(Mirror) of
        not_running -> {error, not_running};
        _ -> {error, replaced}
    end.

%% The table is fixed, so that no row that stays in it is missed.
fold_table(Keys, Options, Fun, Acc) ->
    Glob = maps:get(match, Options, <<"*">>),
    true = of_table(Keys, fun() -> ets:safe_fixtable(Keys, true) end),
    try
        First = of_table(Keys, fun() -> ets:select(Keys, pattern(Options), ?ROWS) end),
        chunks(First, Keys, Glob, Fun, Acc)
    after
        unfix(Keys)
    end.

chunks('$end_of_table', _Keys, _Glob, _Fun, Acc) ->
    Acc;
chunks({Rows, More}, Keys, Glob, Fun, Acc) ->
    Now = erlang:system_time(millisecond),
    Found = [Key || {Key, At} <- Rows, At > Now, eslaver_keys:matches(Glob, Key)],
    Next = lists:foldl(Fun, Acc, Found),
    chunks(of_table(Keys, fun() -> ets:select(More) end), Keys, Glob, Fun, Next).

pattern(#{type := Type}) -> [{{'$1', Type, '_', '$2'}, [], [{{'$1', '$2'}}]}];
pattern(#{}) -> [{{'$1', '_', '_', '$2'}, [], [{{'$1', '$2'}}]}].

%% A full resync, and commands that empty a db, replace its table.
of_table(Keys, Fun) ->
    try
        Fun()
    catch
        error:badarg ->
            case ets:info(Keys, size) of
                undefined -> throw({?MODULE, replaced});
                _ -> error(badarg)
            end
    end.

unfix(Keys) ->
    try
        ets:safe_fixtable(Keys, false)
    catch
        error:badarg -> true
    end.

%% @doc See {@link eslaver_mirror:dbsize/1}.
-spec size(eslaver_mirror_view:mirror()) -> non_neg_integer() | eslaver_mirror_view:failure().
size(Mirror) ->
    eslaver_mirror_view:db(Mirror, 0, fun(Store, Keys) ->
        count(Keys) - eslaver_mirror_keys:unsure(Store, Keys)
    end).

%% It raises when the table is gone.
count(Keys) ->
    case ets:info(Keys, size) of
        Count when is_integer(Count) -> Count
    end.

%% @doc See {@link eslaver_mirror:randomkey/1}. A table has at most a few times as many slots as
%% keys, and few keys in each slot.
-spec random(eslaver_mirror_view:mirror()) -> binary() | undefined | eslaver_mirror_view:failure().
random(Mirror) ->
    eslaver_mirror_view:db(Mirror, undefined, fun(_Store, Keys) ->
        Slots = max(256, 2 * count(Keys)),
        random(Keys, Slots, erlang:system_time(millisecond), ?TRIES)
    end).

random(Keys, _Slots, _Now, 0) ->
    %% most of the keys have expired
    case fold_table(Keys, #{}, fun(Key, Found) -> [Key | Found] end, []) of
        [] -> undefined;
        Found -> lists:nth(rand:uniform(length(Found)), Found)
    end;
random(Keys, Slots, Now, Tries) ->
    case [Key || {Key, _, _, At} <- slot(Keys, rand:uniform(Slots) - 1), At > Now] of
        [] -> random(Keys, Slots, Now, Tries - 1);
        Found -> lists:nth(rand:uniform(length(Found)), Found)
    end.

slot(Keys, Slot) ->
    try ets:slot(Keys, Slot) of
        '$end_of_table' -> [];
        Rows -> Rows
    catch
        error:badarg -> []
    end.
