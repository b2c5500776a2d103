%% @doc How much of a command a mirror with a filter can apply: the mirror has only the keys and dbs
%% that pass, but gets every command that has at least one such key, whole.
%% @private
-module(eslaver_mirror_filter).

-export([scope/3, is_wanted/3, has_dbs/2]).

-type filter() :: undefined | eslaver_filter:filter().
-type command() :: {Name :: binary(), Args :: [binary()], Db :: non_neg_integer()}.

%% @doc Whether a command can be applied: as it is; or if the keys that it also writes are removed
%% afterwards; or not at all, since it reads keys that are not mirrored.
-spec scope(command(), eslaver_nif:keys(), filter()) ->
    whole | {all_but, [eslaver_nif:named_key()]} | inputs_missing.
scope(_Command, _Keys, undefined) ->
    whole;
scope({Name, Args, Db}, {Changed, Read}, Filter) ->
    Unwanted = fun(Keys) -> [Key || Key <- Keys, not is_wanted(Key, Db, Filter)] end,
    case {Unwanted(Read), Unwanted(Changed)} of
        {[_ | _], _} -> inputs_missing;
        {[], []} -> reads_others(Name, Args, Filter);
        {[], Keys} -> {all_but, Keys}
    end;
scope(_Command, _NoKeys, _Filter) ->
    whole.

%% The keys that `SORT' finds by patterns are not among its arguments.
reads_others(<<"sort">>, Args, #{keys := [_ | _]}) ->
    case lists:any(fun(Arg) -> binary:match(Arg, <<"*">>) =/= nomatch end, Args) of
        true -> inputs_missing;
        false -> whole
    end;
reads_others(_Name, _Args, _Filter) ->
    whole.

%% @doc Whether a key passes.
-spec is_wanted(eslaver_nif:named_key(), Db :: non_neg_integer(), filter()) -> boolean().
is_wanted(_Key, _Db, undefined) -> true;
is_wanted({Db, Key}, _Selected, Filter) -> is_wanted(Key, Db, Filter);
is_wanted(Key, Db, Filter) -> has_dbs([Db], Filter) andalso matches(Key, Filter).

%% @doc Whether all of these dbs pass.
-spec has_dbs([non_neg_integer()], filter()) -> boolean().
has_dbs(_Dbs, undefined) -> true;
has_dbs(_Dbs, #{dbs := undefined}) -> true;
has_dbs(Dbs, #{dbs := Wanted}) -> Dbs -- Wanted =:= [].

matches(_Key, #{keys := undefined}) ->
    true;
matches(Key, #{keys := Globs}) ->
    lists:any(fun(Glob) -> eslaver_keys:matches(Glob, Key) end, Globs).
