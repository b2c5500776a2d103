%% @doc The options that say where the master is: which of them go together, and what they come to.
%% It is pure.
%% @private
-module(eslaver_options_source).

-export([conflict/1, spec/2, names/1]).

-type options() :: #{atom() => term()}.
-type advice() :: {Key :: atom(), eslaver_advice:advice()}.

%% Options that are of no use without another.
-define(OF_SENTINELS, [master_name, sentinel_user, sentinel_auth, sentinel_tls]).
-define(OF_CLUSTERS, [shards, addresses, migration_wait]).
%% The address of a single master: not with `sentinels' or `cluster'.
-define(FIXED, [master_host, master_port]).
%% Options that are about one data set.
-define(NOT_OF_CLUSTERS, [dbfilename, load_dump]).

%% @doc An option that does not go with the others, and what to do.
-spec conflict(options()) -> advice() | none.
conflict(Given) ->
    Named = [Key || {Key, Value} <- maps:to_list(Given), Value =/= undefined, Value =/= false],
    Among = fun(Keys) -> [Key || Key <- Keys, lists:member(Key, Named)] end,
    case Among([cluster, sentinels]) of
        [cluster | Others] ->
            first([
                {Others ++ Among(?FIXED ++ ?OF_SENTINELS), nodes_are_told},
                {Among(?NOT_OF_CLUSTERS), useless_with_a_cluster},
                {[resume || #{resume := #{}} <- [Given]], position_of_each_shard}
            ]);
        [sentinels] ->
            first([
                {Among(?FIXED), master_is_told},
                {[sentinels || [] =:= Among([master_name])], name_of_the_group},
                {Among(?OF_CLUSTERS), useless_without_a_cluster}
            ]);
        [] ->
            first([
                {Among(?OF_SENTINELS), useless_without_sentinels},
                {Among(?OF_CLUSTERS), useless_without_a_cluster}
            ])
    end.

first([{[], _} | Rest]) -> first(Rest);
first([{[Key | _], Advice} | _]) -> {Key, Advice};
first([]) -> none.

%% @doc What the options come to. `Password' is what Sentinels want, for these users.
-spec spec(options(), fun((User, eslaver_control:secret()) -> eslaver_control:secret())) ->
    {fixed, eslaver_nif:address()}
    | {sentinel, eslaver_sentinel_group:group()}
    | {cluster, map()}
when
    User :: binary() | undefined.
spec(#{cluster := [_ | _] = Seeds} = Checked, _Password) ->
    #{shards := Shards, addresses := Addresses, migration_wait := Wait} = Checked,
    {cluster, #{
        seeds => Seeds, shards => Shards, addresses => reach(Addresses), migration_wait => Wait
    }};
spec(#{sentinels := undefined, master_host := Host, master_port := Port}, _Password) ->
    {fixed, address(Host, Port)};
spec(#{sentinels := Sentinels, master_name := Name, sentinel_user := User} = Checked, Password) ->
    #{sentinel_auth := Secret, sentinel_tls := Tls} = Checked,
    {sentinel, #{
        name => Name,
        sentinels => Sentinels,
        user => User,
        password => Password(User, Secret),
        tls => Tls
    }}.

reach(undefined) ->
    fun(Address) -> Address end;
reach(Fun) ->
    fun({tcp, Host, Port} = Address) ->
        try Fun({Host, Port}) of
            {Given, To} when is_integer(To), To > 0, To < 65536 -> reached(Given, To, Address);
            _ -> unreached(Address)
        catch
            _:_ -> unreached(Address)
        end
    end.

reached(Host, Port, Address) ->
    case eslaver_host:given(Host) of
        {ok, Parsed} -> {tcp, Parsed, Port};
        error -> unreached(Address)
    end.

%% The address as the node announces it may do.
unreached({tcp, Host, Port} = Address) ->
    ok = eslaver_log:report(warning, address_failed, #{
        replica => addresses, address => eslaver_log:address({tcp, Host, Port})
    }),
    Address.

address({host, Host}, Port) -> {tcp, Host, Port};
address({local, Path}, _Port) -> {local, Path}.

%% @doc The hosts whose certificates are checked: of the masters that options name, and of
%% Sentinels.
-spec names(options()) -> {[term()], [term()]}.
names(#{cluster := [_ | _] = Seeds}) -> {hosts(Seeds), []};
names(#{sentinels := undefined, master_host := Host}) -> {[Host], []};
names(#{sentinels := Sentinels}) -> {[], hosts(Sentinels)}.

hosts(Addresses) -> [{host, Host} || {tcp, Host, _} <- Addresses].
