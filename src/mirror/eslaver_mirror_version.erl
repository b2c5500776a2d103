%% @doc The server that made a snapshot, from its aux fields: the same command does not always do
%% the same, nor the same data give the same answer.
%% @private
-module(eslaver_mirror_version).

-export([with_aux/3]).

%% Valkey's commands do the same as those of this version of Redis.
-define(REDIS_OF_VALKEY, {7, 2}).
%% Later than all others. Servers built from their development branch have this number.
-define(NEWEST, 255).

%% @doc Sets the store's version from an aux field. Other fields change nothing.
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

%% Parts that the text leaves out count as the newest.
parse(Text) ->
    case re:run(Text, "^(\\d{1,4})(?:\\.(\\d{1,4}))?(?!\\d)", [{capture, [1, 2], binary}]) of
        {match, [Major, <<>>]} -> {binary_to_integer(Major), ?NEWEST};
        {match, [Major, Minor]} -> {binary_to_integer(Major), binary_to_integer(Minor)};
        nomatch -> {?NEWEST, ?NEWEST}
    end.
