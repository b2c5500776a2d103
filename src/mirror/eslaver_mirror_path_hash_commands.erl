%% @doc Applies the commands that write path hashes. It ignores their conditions (`FNX', `FXX'):
%% masters replicate such a command only if they were met.
%% @private
-module(eslaver_mirror_path_hash_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

%% @private
-spec commands() -> [binary()].
commands() ->
    [<<"phset">>, <<"phmset">>, <<"phdel">>, <<"phdelprefix">>].

%% @private
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(Set, [Key | Args], Ctx) when Set =:= <<"phset">>; Set =:= <<"phmset">> ->
    eslaver_mirror_keys:change(Ctx, Key, path_hash, fun eslaver_mirror_path_hash:new/0, fun(Body) ->
        set(Ctx, Body, Args)
    end);
apply(<<"phdel">>, [Key, Path], Ctx) ->
    existing(Ctx, Key, fun(Store, Body) ->
        eslaver_mirror_path_hash:remove_path(Store, Body, Path)
    end);
apply(<<"phdel">>, [Key, Path | Fields], Ctx) ->
    existing(Ctx, Key, fun(Store, Body) ->
        eslaver_mirror_path_hash:remove_fields(Store, Body, Path, Fields)
    end);
apply(<<"phdelprefix">>, [Key, Prefix], Ctx) ->
    existing(Ctx, Key, fun(Store, Body) ->
        eslaver_mirror_path_hash:remove_prefix(Store, Body, Prefix)
    end).

set(_Ctx, Body, []) ->
    Body;
set(#{store := Store} = Ctx, Body, [Path | Args]) ->
    [Count | Words] = behind_fields(Args),
    {Flat, Others} = lists:split(2 * binary_to_integer(Count), Words),
    set(Ctx, eslaver_mirror_path_hash:set(Store, Body, Path, pairs(Flat)), Others).

behind_fields([Word | Args]) ->
    case string:lowercase(Word) of
        <<"fields">> -> Args;
        <<"fnx">> -> behind_fields(Args);
        <<"fxx">> -> behind_fields(Args)
    end.

pairs([]) -> [];
pairs([Field, Value | Rest]) -> [{Field, Value} | pairs(Rest)].

existing(#{store := Store} = Ctx, Key, Change) ->
    Body = eslaver_mirror_keys:existing(Ctx, Key, path_hash),
    eslaver_mirror_keys:update(Ctx, Key, Change(Store, Body)).
