%% @doc Folds over the keys of a mirror, and the options of `SCAN' and similar commands.
%% @private
-module(eslaver_mirror_scan).

-export([options/1, keys/1, fold/4]).

-type options() :: eslaver_mirror_types:scan_options().

-define(COUNT, 10).
%% About how many keys a fold reads at a time.
-define(KEYS, 500).
-define(TRIES, 20).

-define(TYPES, [
    string, list, set, zset, hash, stream, module, array, gcra, path_hash, vectorset
]).

%% @doc The pattern and the count. Raises `badarg' unless the options are valid.
-spec options(options()) -> {binary() | any, pos_integer()}.
options(Options) ->
    Given = given([match, count], Options),
    {maps:get(match, Given, any), maps:get(count, Given, ?COUNT)}.

%% @doc The pattern, the type and the count.
-spec keys(map() | eslaver_types:keywords()) ->
    {binary() | any, eslaver_mirror_types:value_type() | any, pos_integer()}.
keys(Options) ->
    Given = given([match, count, type], Options),
    {maps:get(match, Given, any), maps:get(type, Given, any), maps:get(count, Given, ?COUNT)}.

given(Names, Options) ->
    Checks = #{
        match => fun is_binary/1,
        count => fun eslaver_mirror_arguments:is_count/1,
        type => fun is_type/1
    },
    eslaver_mirror_arguments:options(maps:with(Names, Checks), Options).

is_type({module, Name}) -> is_binary(Name);
is_type(Type) -> lists:member(Type, ?TYPES).

%% @doc See {@link eslaver_mirror:fold_keys/4}. The fun is the user's, so it is never called again
%% for the same key.
-spec fold(eslaver_mirror_types:mirror(), fun((binary(), Acc) -> Acc), Acc, map() | list()) ->
    Acc | eslaver_mirror_types:failure() | {error, replaced}.
fold(Mirror, Fun, Acc, Options) ->
    {Name, Db} = eslaver_mirror_read:db_of(Mirror),
    Given = given([match, type], Options),
    Query = {maps:get(match, Given, any), maps:get(type, Given, any)},
    case eslaver_mirror_read:session(Name) of
        {own, Session} ->
            Ask = fun(Page) -> eslaver_mirror_read:within(Session, Db, Page, ?TRIES) end,
            whole(Session, Mirror, pages(0, Query, Ask, Mirror, Fun, Acc));
        {transaction, _} ->
            Ask = fun(Page) -> eslaver_mirror_read:ask(Mirror, Page) end,
            pages(0, Query, Ask, Mirror, Fun, Acc)
    end.

%% The keys may have been replaced when the last of them had been read.
whole(Session, Mirror, Result) ->
    case eslaver_mirror_read:is_unchanged(Session) of
        true -> Result;
        false -> replaced(Mirror)
    end.

%% The session notices when the db's keys are replaced as a whole, not when single ones change.
pages(Cursor, {Glob, Type} = Query, Ask, Mirror, Fun, Acc) ->
    case Ask({scan, Cursor, Glob, Type, ?KEYS}) of
        {0, Keys} -> lists:foldl(Fun, Acc, Keys);
        {error, _} = Error -> Error;
        {Next, Keys} -> pages(Next, Query, Ask, Mirror, Fun, lists:foldl(Fun, Acc, Keys));
        changed -> replaced(Mirror)
    end.

%% The mirror has ended, or its data has become too old, or its keys were replaced.
replaced(Mirror) ->
    case eslaver_mirror_read:ask(Mirror, {dbsize}) of
        {error, Why} when Why =:= not_running; Why =:= stale -> {error, Why};
        _ -> {error, replaced}
    end.
