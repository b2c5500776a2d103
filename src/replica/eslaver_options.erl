%% @doc Options: every key, its default and its check.
%% @private
-module(eslaver_options).

-export([parse/1, given/1, keys/0, wrapped/1, default_client_name/1]).
-export_type([options/0, error/0, secret/0]).

%% The most that servers count, of arguments and of bytes.
-define(INT_MAX, (1 bsl 31 - 1)).
-define(UNLIMITED, (1 bsl 63 - 1)).
-define(PORT, 6379).
-define(SENTINEL_PORT, 26379).
%% What a URL stands for.
-define(PARTS_OF_URLS, [master_host, master_port, master_user, master_auth]).
%% About as much as the buffers on the way to a callback hold if it hangs.
-define(WARN_LAG, 1 bsl 20).
%% The length of a replica's name in its client name, in characters.
-define(CLIENT_NAME_LENGTH, 100).

-type error() :: {error, {invalid_option, Key :: term(), Value :: term()}}.
%% The value, or `hidden' if it may hold a secret. For an option that does not go with others, or
%% not without them, a sentence says what to do.
-type secret() :: eslaver_control:secret().

-type options() :: #{
    source := eslaver_source:spec() | {cluster, map()},
    read_from := eslaver_source:read_from(),
    empty_master_delay := non_neg_integer(),
    user := binary() | undefined,
    password := secret(),
    callback := undefined | eslaver_callback:spec(),
    mailbox_limit := pos_integer() | infinity,
    on_error := eslaver_skips:spec(),
    dbfilename := binary() | undefined,
    tls := undefined | eslaver_nif:tls(),
    load_dump := boolean(),
    announce_ip := binary() | undefined,
    announce_port := inet:port_number(),
    client_name := binary() | undefined,
    psync_command := binary(),
    rdb_compression := auto | boolean(),
    connect_timeout := pos_integer(),
    repl_timeout := pos_integer(),
    proto_max_bulk_len := pos_integer(),
    max_arguments := pos_integer(),
    max_value := pos_integer(),
    resume := eslaver_position_keeper:resume(),
    acknowledge := handled | received,
    events := classic | full,
    filter := undefined | eslaver_filter:filter(),
    telemetry := eslaver_telemetry:spec(),
    telemetry_every := pos_integer() | infinity,
    log_data := boolean(),
    warn_lag := pos_integer() | infinity,
    master_offset_every := pos_integer() | undefined,
    name := eslaver_name:name(),
    observer => eslaver_observer:observer(),
    %% Of a replica of a cluster's shard: what it is called in logs, what of the shard users are
    %% told, and where the native cluster has it.
    label => atom() | {Cluster :: term(), Shard :: binary()},
    shard => eslaver_shard:shard(),
    native_shard => map(),
    node => binary() | undefined,
    keyspace => eslaver_nif:filled(),
    backlog => eslaver_nif:backlog(),
    confirm_empty => boolean()
}.
%% Checked and complete. A mirror adds itself as the observer, and perhaps no callback, and a
%% cluster the shard; the link gets its keyspace, and whether to refuse a master that has lost its
%% data.

%% @doc Checks the user's options, and adds the defaults.
-spec parse(term()) -> {ok, options()} | error().
parse(Input) ->
    case given(Input) of
        {ok, Given} -> parse_given(Given);
        {error, _} = Error -> Error
    end.

%% @doc The options as a map without wrappings, except passwords, which stay in their funs.
-spec given(term()) -> {ok, map()} | error().
given(Input) ->
    case eslaver_option_map:from(Input) of
        {ok, Map} -> {ok, eslaver_option_map:defined(maps:map(fun unwrap/2, Map))};
        {twice, Key} -> eslaver_advice:error(Key, twice);
        error -> {error, {invalid_option, options, not_a_map}}
    end.

parse_given(#{master_url := undefined} = Input) ->
    parse_given(maps:remove(master_url, Input));
parse_given(#{master_url := _, sentinels := Sentinels}) when Sentinels =/= undefined ->
    eslaver_advice:error(master_url, master_is_told);
parse_given(#{master_url := _, cluster := Cluster}) when Cluster =/= undefined ->
    eslaver_advice:error(master_url, nodes_are_told);
parse_given(#{master_url := Url} = Input) ->
    Absent = [Key || Key <- ?PARTS_OF_URLS, maps:get(Key, Input, undefined) =:= undefined],
    Others = maps:without([master_url | Absent], Input),
    case from_url(eslaver_text:given(Url), Others) of
        {ok, #{tls := true}} when map_get(tls, Others) =:= false -> invalid(tls, false);
        {ok, Options} -> parse_given(maps:merge(Options, Others));
        {error, Advice} -> eslaver_advice:error(master_url, Advice);
        error -> {error, {invalid_option, master_url, hidden}}
    end;
parse_given(Input) ->
    case check(maps:to_list(Input), #{}) of
        {ok, #{hooks := Hooks} = Given} when Hooks =/= undefined -> renamed(Given);
        {ok, Given} -> complementary(Given);
        Error -> Error
    end.

%% `hooks' is what `telemetry' was called first.
renamed(#{telemetry := _}) -> eslaver_advice:error(hooks, hooks_are_telemetry);
renamed(#{hooks := Hooks} = Given) -> complementary(Given#{telemetry => Hooks}).

%% A URL stands for host, port, user and password, so none of these may be given as well.
from_url({ok, Url}, Input) ->
    Named = maps:with(?PARTS_OF_URLS, Input),
    case eslaver_url:options(Url) of
        {ok, Options} when map_size(Named) =:= 0 -> {ok, Options};
        {ok, _} -> {error, url_and_parts};
        Error -> Error
    end;
from_url(error, _Input) ->
    error.

complementary(Given) ->
    case eslaver_options_source:conflict(Given) of
        none -> consistent(maps:merge(defaults(), Given));
        {Key, Advice} -> eslaver_advice:error(Key, Advice)
    end.

%% @doc Wraps secret options in funs, since supervisors show child specifications.
-spec wrapped(map()) -> map().
wrapped(Input) ->
    maps:map(fun wrap/2, Input).

wrap(Key, Value) ->
    case not is_function(Value) andalso may_hold_secret(Key, Value) of
        true -> fun() -> Value end;
        false -> Value
    end.

unwrap(Key, Fun) when
    is_function(Fun, 0),
    Key =/= master_auth,
    Key =/= sentinel_auth,
    Key =/= callback,
    Key =/= telemetry,
    Key =/= hooks
->
    try
        Fun()
    catch
        _:_ -> Fun
    end;
unwrap(_Key, Value) ->
    Value.

%% @doc All options.
-spec keys() -> [atom()].
keys() -> [master_url | maps:keys(defaults())].

defaults() ->
    #{
        master_host => {host, <<"127.0.0.1">>},
        master_port => ?PORT,
        master_auth => fun() -> undefined end,
        master_user => undefined,
        sentinels => undefined,
        master_name => undefined,
        sentinel_auth => fun() -> undefined end,
        sentinel_user => undefined,
        sentinel_tls => undefined,
        cluster => undefined,
        shards => all,
        addresses => undefined,
        migration_wait => 1000,
        read_from => master,
        empty_master_delay => 10000,
        dbfilename => undefined,
        tls => undefined,
        load_dump => false,
        callback => [],
        mailbox_limit => 1000,
        on_error => stop,
        announce_ip => undefined,
        announce_port => 0,
        client_name => default,
        psync_command => <<"PSYNC">>,
        rdb_compression => auto,
        connect_timeout => 10000,
        repl_timeout => 60000,
        proto_max_bulk_len => 512 bsl 20,
        max_arguments => ?INT_MAX,
        max_value => ?UNLIMITED,
        resume => undefined,
        acknowledge => handled,
        events => classic,
        filter => undefined,
        telemetry => true,
        telemetry_every => 10000,
        hooks => undefined,
        log_data => false,
        warn_lag => ?WARN_LAG,
        master_offset_every => undefined,
        name => undefined
    }.

%% Checks options that depend on each other.
consistent(#{tls := Tls, sentinel_tls := SentinelTls} = Checked) ->
    {Hosts, Sentinels} = eslaver_options_source:names(Checked),
    case {are_tls_names(Hosts, Tls), are_tls_names(Sentinels, SentinelTls)} of
        {true, true} -> consistent_files(Checked);
        {false, _} -> invalid(tls, Tls);
        {true, false} -> invalid(sentinel_tls, SentinelTls)
    end.

%% Whether there are names that the certificates of these hosts can be checked for.
are_tls_names(_Hosts, undefined) ->
    true;
are_tls_names(Hosts, #{server_name := Name}) ->
    Names = [
        case {Host, Name} of
            {{local, _}, _} -> <<>>;
            {{host, Own}, undefined} -> Own;
            _ -> Name
        end
     || Host <- Hosts
    ],
    lists:all(
        fun eslaver_host:is_tls_name/1, [Given || Given <- [Name], Given =/= undefined] ++ Names
    ).

consistent_files(#{load_dump := true, dbfilename := undefined}) ->
    invalid(load_dump, true);
consistent_files(#{resume := {file, Path}, dbfilename := <<_/binary>> = File} = Checked) ->
    Kept = [filename:absname(Name) || Name <- [Path, <<Path/binary, ".lock">>]],
    case lists:member(filename:absname(File), Kept) of
        true -> invalid(resume, {file, Path});
        false -> {ok, complete(Checked)}
    end;
consistent_files(Checked) ->
    {ok, complete(Checked)}.

complete(#{master_user := User, master_auth := Password} = Checked) ->
    Renamed = [master_host, master_port, master_user, master_auth, sentinels, master_name, hooks],
    OfSentinels = [sentinel_user, sentinel_auth, sentinel_tls],
    OfClusters = [cluster, shards, addresses, migration_wait],
    maps:merge(maps:without(Renamed ++ OfSentinels ++ OfClusters, Checked), #{
        source => eslaver_options_source:spec(Checked, fun password/2),
        client_name => client_name(Checked),
        user => User,
        password => password(User, Password)
    }).

%% Some users accept any password; for the others the master rejects an empty one.
password(undefined, Password) -> Password;
password(_User, Password) -> fun() -> sent(Password()) end.

sent(undefined) -> <<>>;
sent(Password) -> Password.

client_name(#{client_name := default, name := Name}) -> default_client_name(Name);
client_name(#{client_name := Given}) -> Given.

%% @doc The default name of a replica in its master's `CLIENT LIST'.
-spec default_client_name(eslaver_name:name()) -> binary().
default_client_name(undefined) -> <<"eslaver">>;
default_client_name({local, Name}) -> client_name_of(atom_to_list(Name));
default_client_name({global, Name}) -> client_name_of(io_lib:format("~0tp", [Name]));
default_client_name({via, _Module, Name}) -> client_name_of(io_lib:format("~0tp", [Name])).

%% Servers accept only the printable characters of ASCII.
client_name_of(Name) ->
    Short = string:slice(unicode:characters_to_list(Name), 0, ?CLIENT_NAME_LENGTH),
    list_to_binary(["eslaver:" | [printable(Char) || Char <- Short]]).

printable(Char) ->
    case is_printable(Char) of
        true -> Char;
        false -> $_
    end.

is_printable(Char) -> Char >= $! andalso Char =< $~.

check([], Checked) ->
    {ok, Checked};
check([{Key, Value} | Rest], Checked) ->
    case value(Key, Value) of
        {ok, Good} -> check(Rest, Checked#{Key => Good});
        error -> invalid(Key, Value)
    end.

invalid(Key, Value) ->
    case may_hold_secret(Key, Value) of
        true -> {error, {invalid_option, Key, hidden(Key, Value)}};
        false -> {error, {invalid_option, Key, Value}}
    end.

%% Of TLS the names of its keys are shown, as one may be misspelt.
hidden(Key, Tls) when Key =:= tls; Key =:= sentinel_tls -> eslaver_tls_options:hidden(Tls);
hidden(_Key, _Value) -> hidden.

%% Whether a value must not be shown. A secret may also be in the wrong place: under an unknown key,
%% in a host's name, or next to a valid value.
may_hold_secret(Key, _Value) when
    Key =:= callback;
    Key =:= telemetry;
    Key =:= hooks;
    Key =:= shards;
    Key =:= addresses;
    Key =:= on_error
->
    false;
may_hold_secret(Key, _Value) when
    Key =:= master_auth; Key =:= master_url; Key =:= sentinel_auth
->
    true;
may_hold_secret(_Key, Value) when is_number(Value) ->
    false;
may_hold_secret(Key, User) when Key =:= master_user; Key =:= sentinel_user ->
    optional_text(User) =:= error;
may_hold_secret(Key, Tls) when Key =:= tls; Key =:= sentinel_tls ->
    not is_atom(Tls) andalso not eslaver_tls_options:has_only_known(Tls);
may_hold_secret(Key, Value) ->
    not is_map_key(Key, defaults()) orelse looks_secret(Value).

looks_secret(Value) ->
    Text = string:lowercase(io_lib:format("~0tp", [Value])),
    Signs = ["pass", "secret", "@", "://"],
    lists:any(fun(Sign) -> string:find(Text, Sign) =/= nomatch end, Signs).

value(master_host, {local, Path}) -> tag(local, socket(eslaver_text:path(Path)));
value(master_host, Host) -> tag(host, eslaver_host:given(Host));
value(master_port, Port) -> port(Port, 1);
value(master_auth, Secret) -> secret(Secret);
value(master_user, User) -> optional_text(User);
value(sentinels, undefined) -> {ok, undefined};
value(sentinels, Sentinels) -> addresses(Sentinels, ?SENTINEL_PORT, []);
value(cluster, undefined) -> {ok, undefined};
value(cluster, Seeds) -> addresses(Seeds, ?PORT, []);
value(shards, all) -> {ok, all};
value(shards, Choice) -> keep(Choice, eslaver_callback:is_callable(Choice, 1));
value(addresses, undefined) -> {ok, undefined};
value(addresses, Reach) -> keep(Reach, eslaver_callback:is_callable(Reach, 1));
value(migration_wait, Time) -> time(Time);
value(master_name, undefined) -> {ok, undefined};
value(master_name, Name) -> word(Name);
value(sentinel_auth, Secret) -> secret(Secret);
value(sentinel_user, User) -> optional_text(User);
value(sentinel_tls, Tls) -> eslaver_tls_options:parse(Tls);
value(read_from, From) -> keep(From, lists:member(From, [master, replica, prefer_replica]));
value(empty_master_delay, 0) -> {ok, 0};
value(empty_master_delay, Time) -> time(Time);
value(dbfilename, None) when None =:= undefined; None =:= undef -> {ok, undefined};
value(dbfilename, File) -> eslaver_text:path(File);
value(load_dump, Load) -> keep(Load, is_boolean(Load));
value(tls, Tls) -> eslaver_tls_options:parse(Tls);
value(announce_ip, None) when None =:= undefined; None =:= undef -> {ok, undefined};
value(announce_ip, Host) -> eslaver_host:given(Host);
value(announce_port, Port) -> port(Port, 0);
value(client_name, undefined) -> {ok, undefined};
value(client_name, Name) -> word(Name);
value(psync_command, Name) -> word(Name);
value(rdb_compression, auto) -> {ok, auto};
value(rdb_compression, Compression) -> keep(Compression, is_boolean(Compression));
value(connect_timeout, Time) -> time(Time);
value(repl_timeout, Time) -> time(Time);
value(proto_max_bulk_len, Bytes) -> limit(Bytes, ?UNLIMITED);
value(max_arguments, Count) -> limit(Count, ?INT_MAX);
value(max_value, infinity) -> {ok, ?UNLIMITED};
value(max_value, Bytes) -> limit(Bytes, ?UNLIMITED);
value(resume, undefined) -> {ok, undefined};
value(resume, {file, Path}) -> tag(file, eslaver_text:path(Path));
value(resume, {Module, Args}) -> keep({store, Module, Args}, is_store(Module));
value(resume, Position) -> keep(Position, eslaver_position:is_safe(Position));
value(acknowledge, What) -> keep(What, What =:= handled orelse What =:= received);
value(events, Events) -> keep(Events, Events =:= classic orelse Events =:= full);
value(filter, undefined) -> {ok, undefined};
value(filter, Filter) -> eslaver_filter:parse_types(Filter);
value(Key, Use) when Key =:= telemetry; Key =:= hooks -> keep(Use, eslaver_telemetry:check(Use));
value(telemetry_every, infinity) -> {ok, infinity};
value(telemetry_every, Time) -> time(Time);
value(log_data, Shown) -> keep(Shown, is_boolean(Shown));
value(warn_lag, infinity) -> {ok, infinity};
value(warn_lag, Bytes) -> limit(Bytes, ?UNLIMITED);
value(master_offset_every, undefined) -> {ok, undefined};
value(master_offset_every, Time) -> time(Time);
value(mailbox_limit, infinity) -> {ok, infinity};
value(mailbox_limit, Limit) -> keep(Limit, is_integer(Limit) andalso Limit > 0);
value(on_error, OnError) -> keep(OnError, eslaver_skips:check(OnError));
value(callback, Callback) -> keep(Callback, eslaver_callback:check(Callback));
value(name, undefined) -> {ok, undefined};
value(name, Name) when is_atom(Name) -> {ok, {local, Name}};
value(name, {local, Name} = Full) -> keep(Full, is_atom(Name) andalso Name =/= undefined);
value(name, {global, _} = Full) -> {ok, Full};
value(name, {via, Module, _} = Full) -> keep(Full, is_registry(Module));
value(_Key, _Value) -> error.

%% In any order, and each once: they are the same group, or cluster.
addresses([], _Default, [_ | _] = Checked) ->
    {ok, lists:usort(Checked)};
addresses([Given | Rest], Default, Checked) ->
    case eslaver_host:endpoint(Given, Default) of
        {ok, {Host, Port}} -> addresses(Rest, Default, [{tcp, Host, Port} | Checked]);
        error -> error
    end;
addresses(_Given, _Default, _Checked) ->
    error.

keep(Value, true) -> {ok, Value};
keep(_Value, false) -> error.

tag(Tag, {ok, Text}) -> {ok, {Tag, Text}};
tag(_Tag, error) -> error.

%% The path of a socket is limited by the size of `sun_path'.
socket({ok, Path}) ->
    Room =
        case os:type() of
            {unix, linux} -> 108;
            _ -> 104
        end,
    keep(Path, byte_size(Path) < Room);
socket(error) ->
    error.

is_registry(Module) ->
    exports(Module, [{register_name, 2}, {unregister_name, 1}, {whereis_name, 1}, {send, 2}]).

is_store(Module) -> exports(Module, [{load, 2}, {save, 3}]).

exports(Module, Calls) ->
    lists:all(fun({F, Arity}) -> eslaver_callback:is_exported(Module, F, Arity) end, Calls).

port(Port, Least) -> keep(Port, is_integer(Port) andalso Port >= Least andalso Port =< 65535).

%% About 24 days at most: what can be added to a clock.
time(Time) -> keep(Time, is_integer(Time) andalso Time > 0 andalso Time < 1 bsl 31).

limit(Limit, Most) -> keep(Limit, is_integer(Limit) andalso Limit > 0 andalso Limit =< Most).

optional_text(None) when None =:= undefined; None =:= undef -> {ok, undefined};
optional_text(Text) -> eslaver_text:given(Text).

%% Printable characters without spaces.
word(Value) ->
    case eslaver_text:given(Value) of
        {ok, Text} -> keep(Text, lists:all(fun is_printable/1, binary_to_list(Text)));
        error -> error
    end.

secret(Secret) when is_function(Secret, 0) ->
    try
        secret(Secret())
    catch
        _:_ -> error
    end;
secret(Secret) ->
    case optional_text(Secret) of
        {ok, Text} -> {ok, fun() -> Text end};
        error -> error
    end.
