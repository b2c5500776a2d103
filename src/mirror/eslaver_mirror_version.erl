%% @doc Which server a snapshot is of, as its aux fields tell: the same command does not always do
%% the same, nor the same data give the same answer.
%% @private
-module(eslaver_mirror_version).

-export([with_aux/3]).

%% What Valkey's commands do is what those of this version of Redis did.
-define(REDIS_OF_VALKEY, {7, 2}).
%% Later than all. The number that servers built from their development branch give themselves.
-define(NEWEST, 255).

%% @doc The store of the master that has this field. Other fields tell nothing.
-spec with_aux(Name :: binary(), Value :: binary(), Store) -> Store when
    Store :: eslaver_mirror_store:store().
with_aux(<<"redis-ver">>, Text, Store) ->
    Version = parse(Text),
    with(Version, {redis, Version}, Store);
with_aux(<<"valkey-ver">>, Text, Store) ->
    with(?REDIS_OF_VALKEY, {valkey, parse(Text)}, Store);
with_aux(_Other, _Value, Store) ->
    Store.

with(Version, Server, Store) ->
    eslaver_mirror_store:with_server(Server, eslaver_mirror_store:with_version(Version, Store)).

%% Whatever a text leaves open counts as the newest.
parse(Text) ->
    case re:run(Text, "^(\\d{1,4})(?:\\.(\\d{1,4}))?(?!\\d)", [{capture, [1, 2], binary}]) of
        {match, [Major, <<>>]} -> {binary_to_integer(Major), ?NEWEST};
        {match, [Major, Minor]} -> {binary_to_integer(Major), binary_to_integer(Minor)};
        nomatch -> {?NEWEST, ?NEWEST}
    end.
