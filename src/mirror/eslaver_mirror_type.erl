%% @doc A type of value in a mirror: the behaviour of `eslaver_mirror_string', `_list', `_set',
%% `_zset', `_hash', `_stream', `_array', `_path_hash' and `_vectorset', which know how such a value
%% lies in the tables. Also which module has which type.
%%
%% What they apply comes from a master, for which it has succeeded: they need not check what it has
%% checked. Where something cannot be as the master must have it, they raise; the keys concerned are
%% then marked as unknown.
%% @private
-module(eslaver_mirror_type).

-export([is_type/1, of_value/2, load/4, copy/3, discard/4]).
-export_type([ctx/0, body/0]).

-type body() :: term().
%% What a key's row says of its value.

-type ctx() :: #{
    %% The keys of the db that the command is for.
    keys := ets:tid(),
    db := non_neg_integer(),
    %% Ms since the epoch, when the command came.
    now := integer(),
    store := eslaver_mirror_store:store()
}.
%% What a command is applied to.

-callback load(eslaver_mirror_store:store(), Value :: term(), Meta :: map()) -> body() | empty.
%% Puts a value of a snapshot, as of the full events, into the tables.

-callback copy(eslaver_mirror_store:store(), body()) -> body().
%% A second value, with elements of its own.

-callback discard(eslaver_mirror_store:store(), body(), Limit :: pos_integer()) ->
    done | {more, body()}.
%% Removes about `Limit' of the rows of a value that is out of reach.

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

%% @doc The type that a value of a snapshot has here: a vector set comes as a module's value.
-spec of_value(eslaver_rdb:type(), term()) -> eslaver_mirror_store:type().
of_value(module, {<<"vectorset">>, 0, _Fields}) -> vectorset;
of_value(Type, _Value) -> Type.

%% @doc As the type's own {@link load/3}. A module's value, and that of `gcra', is kept as it came.
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
