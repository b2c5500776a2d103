%% @doc The options of a mirror: its own, and those of the replica that feeds it.
%% @private
-module(eslaver_mirror_options).

-export([parse/1, keys/0, unchanged/1]).
-export_type([options/0, start/0, adapt/0]).

-type options() :: #{
    name := atom(),
    serve_stale_data := boolean(),
    %% What reads answer for what is missing.
    missing := undefined | nil,
    full_resync := beside | in_place,
    max_memory := pos_integer() | undefined,
    fresh_within := pos_integer() | undefined,
    project := [eslaver_mirror_projection:projection()],
    persist := eslaver_mirror_persist:options(),
    start := start(),
    %% Of the replica that feeds it, or of those that feed the mirror of a cluster.
    replica := eslaver_options:options(),
    %% Of the mirror of a cluster's shard: where it is found, and who tells subscribers.
    where => {eslaver_nif:cluster(), eslaver_nif:shard()},
    interests => eslaver_nif:interests(),
    listener => pid(),
    label => term()
}.

-type start() ::
    fun((Callback :: given | none, eslaver_observer:observer(), adapt()) -> started()).
%% Starts the replica, with the user's callback, if there is one, or without. A fun, since it knows
%% the password.

-type adapt() ::
    fun((eslaver_options:options()) -> {ok, eslaver_options:options()} | {error, term()}).
%% The last change of its options.

-type started() :: {ok, pid()} | {error, term()}.

%% Options about a callback, and those that only a replica without a mirror has.
-define(OF_CALLBACKS, [callback, events, resume, mailbox_limit, on_error]).
-define(NOT_FOR_MIRRORS, [load_dump]).

%% How often a mirror saves itself, in ms.
-define(INTERVAL, 300000).

%% @doc Checks the user's options, and adds the defaults.
-spec parse(term()) -> {ok, options()} | eslaver_options:error().
parse(Input) ->
    case eslaver_options:given(Input) of
        {ok, Given} -> parse_given(Given);
        {error, _} = Error -> Error
    end.

parse_given(#{name := {local, Name}} = Given) ->
    parse_given(Given#{name := Name});
parse_given(Given) ->
    {Own, Replica} = maps:fold(fun sort/3, {defaults(), #{}}, Given),
    case check(maps:to_list(Own)) ++ not_for_mirrors(Given) of
        [] -> projected(Own, Replica);
        [{Key, Value} | _] -> {error, {invalid_option, Key, Value}}
    end.

%% @doc The options that only a mirror has.
-spec keys() -> [atom()].
keys() -> maps:keys(defaults()).

defaults() ->
    #{
        name => eslaver_mirror,
        serve_stale_data => true,
        undefined => undefined,
        full_resync => beside,
        max_memory => undefined,
        fresh_within => infinity,
        persist => undefined,
        project => []
    }.

sort(Key, Value, {Own, Replica}) when is_map_key(Key, Own) -> {Own#{Key := Value}, Replica};
sort(Key, Value, {Own, Replica}) -> {Own, Replica#{Key => Value}}.

check(Own) ->
    [{Key, Value} || {Key, Value} <- Own, not is_valid(Key, Value)].

is_valid(name, Name) -> is_atom(Name) andalso Name =/= undefined;
is_valid(full_resync, Way) -> Way =:= beside orelse Way =:= in_place;
is_valid(serve_stale_data, Value) -> is_boolean(Value);
is_valid(undefined, Missing) -> Missing =:= undefined orelse Missing =:= nil;
is_valid(max_memory, undefined) -> true;
is_valid(max_memory, Bytes) -> is_integer(Bytes) andalso Bytes > 0 andalso Bytes < 1 bsl 63;
is_valid(fresh_within, Bound) when Bound =:= infinity; Bound =:= undefined -> true;
is_valid(fresh_within, Ms) -> is_integer(Ms) andalso Ms > 0 andalso Ms < 1 bsl 32;
is_valid(project, _Declared) -> true;
is_valid(persist, Value) -> persist(Value) =/= error.

%% The file, and the interval.
persist(undefined) ->
    {undefined, infinity};
persist(#{file := File} = Given) when map_size(Given) =:= 1 ->
    persist(File, ?INTERVAL);
persist(#{file := File, interval := Interval} = Given) when map_size(Given) =:= 2 ->
    persist(File, Interval);
persist([{_, _} | _] = Given) ->
    case eslaver_option_map:from(Given) of
        {ok, Map} -> persist(Map);
        _ -> error
    end;
persist(File) ->
    persist(File, ?INTERVAL).

persist(File, Interval) ->
    case {eslaver_text:path(File), Interval} of
        {{ok, Path}, infinity} ->
            {Path, infinity};
        {{ok, Path}, _} when is_integer(Interval), Interval > 0, Interval < 1 bsl 32 ->
            {Path, Interval};
        _ ->
            error
    end.

not_for_mirrors(Input) ->
    Pointless = [Key || Key <- ?OF_CALLBACKS, not is_map_key(callback, Input)],
    Given = maps:to_list(maps:with(?NOT_FOR_MIRRORS ++ Pointless, Input)),
    Filter = maps:get(filter, Input, #{}),
    Unfit = [types, commands] ++ [origin || not is_map_key(callback, Input)],
    Partial =
        case eslaver_option_map:from(Filter) of
            {ok, Map} -> [Key || Key <- Unfit, is_map_key(Key, Map)] =/= [];
            _ -> false
        end,
    Given ++ [{filter, Filter} || Partial] ++ not_for_clusters(Input).

%% Keys that move between shards would be saved twice, and their rows removed.
not_for_clusters(#{cluster := Cluster} = Input) when Cluster =/= undefined ->
    Text = eslaver_advice:text(mirror_of_a_cluster),
    [{Key, Text} || Key <- [persist, project], maps:get(Key, Input, undefined) =/= undefined];
not_for_clusters(_Input) ->
    [].

projected(#{project := Declared} = Own, Replica) ->
    case eslaver_mirror_projection:parse(Declared) of
        {ok, Projections} -> replica(Own#{project := Projections}, Replica);
        {error, _} = Error -> Error
    end.

replica(Own, Given) ->
    ClientName = eslaver_options:default_client_name({local, maps:get(name, Own)}),
    Replica = maps:merge(#{client_name => ClientName}, Given),
    case eslaver_options:parse(Replica) of
        {ok, #{filter := Filter} = Parsed} ->
            {File, Interval} = persist(maps:get(persist, Own)),
            {ok, #{
                name => maps:get(name, Own),
                serve_stale_data => maps:get(serve_stale_data, Own),
                missing => maps:get(undefined, Own),
                full_resync => maps:get(full_resync, Own),
                max_memory => maps:get(max_memory, Own),
                fresh_within => fresh_within(maps:get(fresh_within, Own)),
                project => maps:get(project, Own),
                persist => #{file => File, interval => Interval, scope => scope(Filter)},
                start => fun(Callback, Observer, Adapt) ->
                    Called = fun(Options) -> Adapt(Options#{label => maps:get(name, Own)}) end,
                    start(Callback, Observer, Called, Replica)
                end,
                replica => Parsed
            }};
        {error, _} = Error ->
            Error
    end.

fresh_within(Ms) when is_integer(Ms) -> Ms;
fresh_within(_Unbound) -> undefined.

%% What a filter lets pass, the same for the same in another order.
scope(undefined) ->
    <<>>;
scope(#{keys := Keys, dbs := Dbs}) ->
    iolist_to_binary([part(keys, Keys), part(dbs, Dbs)]).

part(_Name, undefined) -> [];
part(Name, Values) -> io_lib:format("~s ~w~n", [Name, lists:usort(Values)]).

%% @doc The replica's options need no change.
-spec unchanged(eslaver_options:options()) -> {ok, eslaver_options:options()}.
unchanged(Options) -> {ok, Options}.

%% The options are read anew, as their funs may tell another address or password.
start(Callback, Observer, Adapt, Given) ->
    case with_callback(Callback, Given) of
        {ok, Options} -> start(Adapt(Options), Observer);
        {error, _} = Error -> Error
    end.

start({ok, Options}, Observer) -> eslaver_server:start_link(Options#{observer => Observer});
start({error, _} = Error, _Observer) -> Error.

with_callback(given, #{callback := _} = Given) ->
    eslaver_options:parse(Given);
with_callback(_None, Given) ->
    case eslaver_options:parse(maps:without(?OF_CALLBACKS, Given)) of
        {ok, Options} -> {ok, Options#{callback := undefined, events := full}};
        {error, _} = Error -> Error
    end.
