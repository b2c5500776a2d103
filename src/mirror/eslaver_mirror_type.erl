%% @doc A type of value in a mirror: the behaviour of `eslaver_mirror_string', `_list', `_set',
%% `_zset', `_hash', `_stream', `_array', `_path_hash' and `_vectorset', each of which knows how its
%% values are stored in the tables; and the module of each type.
%%
%% The commands have succeeded on a master, so these modules need not repeat its checks. They raise
%% if the tables cannot be what the master has; the keys concerned are then marked as unknown.
%% @private
-module(eslaver_mirror_type).

-export([is_type/1, of_value/2, load/4, copy/3, discard/4]).
-export_type([ctx/0, body/0]).

-type body() :: term().
%% The part of a key's row that describes its value.

-type ctx() :: #{
    %% The keys of the db that the command is for.
    keys := ets:tid(),
    db := non_neg_integer(),
    %% The time of the command's arrival, as Unix time in ms.
    now := integer(),
    store := eslaver_mirror_store:store()
}.
%% What a command is applied to.

-callback load(eslaver_mirror_store:store(), Value :: term(), Meta :: map()) -> body() | empty.
%% Loads a value of a snapshot, as in full events, into the tables.

-callback copy(eslaver_mirror_store:store(), body()) -> body().
%% Copies a value and its elements.

-callback discard(eslaver_mirror_store:store(), body(), Limit :: pos_integer()) ->
    done | {more, body()}.
%% Removes about `Limit' rows of a discarded value.

%% @doc The module of a type.
-spec module(eslaver_mirror_store:type()) -> module() | none.
module(string) -> eslaver_mirror_string;
module(list) -> eslaver_mirror_list;
module(set) -> eslaver_mirror_set;
module(zset) -> eslaver_mirror_zset;
module(hash) -> eslaver_mirror_hash;
module(stream) -> eslaver_mirror_stream;
module(array) -> eslaver_mirror_array;
module(path_hash) -> eslaver_mirror_path_hash;
module(vectorset) -> eslaver_mirror_vectorset;
module(_) -> none.

%% @doc Whether a key can have this type.
-spec is_type(term()) -> boolean().
is_type(Type) ->
    Type =:= module orelse Type =:= gcra orelse module(Type) =/= none.

%% @doc The type of a value of a snapshot: a vector set arrives as a module's value.
-spec of_value(eslaver_rdb:type(), term()) -> eslaver_mirror_store:type().
of_value(module, {<<"vectorset">>, 0, _Fields}) -> vectorset;
of_value(Type, _Value) -> Type.

%% @doc As the type's `load/3'. The values of modules and of `gcra' are kept as they are.
-spec load(eslaver_mirror_store:type(), eslaver_mirror_store:store(), term(), map()) ->
    body() | empty.
load(Type, Store, Value, Meta) ->
    case module(Type) of
        none -> Value;
        Module -> Module:load(Store, Value, Meta)
    end.

%% @doc As the type's own.
-spec copy(eslaver_mirror_store:type() | unknown, eslaver_mirror_store:store(), body()) -> body().
copy(Type, Store, Body) ->
    case module(Type) of
        none -> Body;
        Module -> Module:copy(Store, Body)
    end.

%% @doc As the type's own.
-spec discard(
    eslaver_mirror_store:type() | unknown, eslaver_mirror_store:store(), body(), pos_integer()
) -> done | {more, body()}.
discard(Type, Store, Body, Limit) ->
    case module(Type) of
        none -> done;
        Module -> Module:discard(Store, Body, Limit)
    end.
