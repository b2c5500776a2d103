%% @doc Options: every key, its default and its check. Used by {@link eslaver} and
%% {@link eslaver_server}, in the caller, before anything is started.
%% @private
-module(eslaver_options).

-export([parse/1, from_environment/1, wrapped/1]).
-export_type([options/0, input/0, error/0, secret/0]).

%% More than that no server counts, arguments or bytes.
-define(INT_MAX, (1 bsl 31 - 1)).
-define(UNLIMITED, (1 bsl 63 - 1)).

-type input() :: #{atom() => term()}.
-type error() :: {error, {invalid_option, Key :: term(), Value :: term()}}.
-type secret() :: fun(() -> binary() | undefined).
%% In a fun, as what holds it may be printed.

-type options() :: #{
    address := {tcp, binary(), inet:port_number()} | {local, binary()},
    user := binary() | undefined,
    password := secret(),
    callback := eslaver_callback:spec(),
    mailbox_limit := pos_integer() | infinity,
    dump := binary() | undefined,
    tls := undefined | eslaver_nif:tls(),
    load_dump := boolean(),
    announce_ip := binary() | undefined,
    announce_port := inet:port_number(),
    connect_timeout := pos_integer(),
    repl_timeout := pos_integer(),
    proto_max_bulk_len := pos_integer(),
    max_arguments := pos_integer(),
    max_value := pos_integer(),
    resume := undefined | eslaver:position() | {file, binary()},
    events := classic | full,
    filter := undefined | eslaver_filter:filter(),
    hooks := eslaver_hooks:spec(),
    name := undefined | {local, atom()} | {global, term()} | {via, module(), term()}
}.
%% Checked and complete.

%% @doc Checks what a user gave, and adds the defaults.
-spec parse(term()) -> {ok, options()} | error().
parse(Input) when is_map(Input) -> parse_given(maps:map(fun unwrap/2, Input));
parse(_Input) -> {error, {invalid_option, options, not_a_map}}.

parse_given(#{master_url := Url} = Input) ->
    case from_url(Url, maps:without([master_url, tls], Input)) of
        {ok, Given} -> parse_given(maps:merge(Given, maps:with([tls], Input)));
        error -> {error, {invalid_option, master_url, hidden}}
    end;
parse_given(Input) ->
    case check(maps:to_list(Input), #{}) of
        {ok, Given} -> {ok, complete(maps:merge(defaults(), Given))};
        Error -> Error
    end.

%% @doc The same options, with what must not be shown in funs: a supervisor shows them.
-spec wrapped(input()) -> input().
wrapped(Input) ->
    maps:map(fun wrap/2, Input).

wrap(Key, Value) ->
    case not is_function(Value) andalso may_hold_secret(Key, Value) of
        true -> fun() -> Value end;
        false -> Value
    end.

%% The password stays in its fun.
unwrap(Key, Fun) when is_function(Fun, 0), Key =/= master_auth, Key =/= callback, Key =/= hooks ->
    try
        Fun()
    catch
        _:_ -> Fun
    end;
unwrap(_Key, Value) ->
    Value.

%% @doc The options of the application environment, whose keys may be strings, as those of the
%% original were. A callback that is not `[]' comes before the environment's.
-spec from_environment(eslaver_callback:spec()) -> {ok, options()} | error().
from_environment(Callback) ->
    Environment = [{key(Key), Value} || {Key, Value} <- application:get_all_env(eslaver)],
    Given = maps:remove(included_applications, maps:from_list(Environment)),
    case Callback of
        [] -> parse(Given);
        _ -> parse(Given#{callback => Callback})
    end.

%% OTP says that keys are atoms, and lets them be anything.
-dialyzer({nowarn_function, key/1}).
key(Key) when is_list(Key) ->
    Known = [{atom_to_list(Name), Name} || Name <- [master_url | maps:keys(defaults())]],
    proplists:get_value(Key, Known, Key);
key(Key) ->
    Key.

defaults() ->
    #{
        master_host => {host, <<"127.0.0.1">>},
        master_port => 6379,
        master_auth => fun() -> undefined end,
        master_user => undefined,
        dbfilename => undefined,
        tls => undefined,
        load_dump => false,
        callback => [],
        mailbox_limit => 1000,
        announce_ip => undefined,
        announce_port => 0,
        connect_timeout => 10000,
        repl_timeout => 60000,
        proto_max_bulk_len => 512 bsl 20,
        max_arguments => ?INT_MAX,
        max_value => ?UNLIMITED,
        resume => undefined,
        events => classic,
        filter => undefined,
        hooks => undefined,
        name => undefined
    }.

complete(#{master_host := Host, master_port := Port} = Checked) ->
    #{master_user := User, master_auth := Password, dbfilename := Dump} = Checked,
    Renamed = [master_host, master_port, master_user, master_auth, dbfilename],
    maps:merge(maps:without(Renamed, Checked), #{
        address => address(Host, Port),
        user => User,
        password => Password,
        dump => Dump
    }).

address({host, Host}, Port) -> {tcp, Host, Port};
address({local, Path}, _Port) -> {local, Path}.

check([], Checked) ->
    {ok, Checked};
check([{Key, Value} | Rest], Checked) ->
    case value(Key, Value) of
        {ok, Good} -> check(Rest, Checked#{Key => Good});
        error -> invalid(Key, Value)
    end.

invalid(Key, Value) ->
    case may_hold_secret(Key, Value) of
        true -> {error, {invalid_option, Key, hidden}};
        false -> {error, {invalid_option, Key, Value}}
    end.

%% Whether a value must not be shown. A secret may also be where it was put by mistake: under a key
%% that is unknown, in a host's name, or beside what belongs there.
may_hold_secret(Key, _Value) when Key =:= callback; Key =:= hooks ->
    false;
may_hold_secret(Key, _Value) when Key =:= master_auth; Key =:= master_url ->
    true;
may_hold_secret(_Key, Value) when is_number(Value) ->
    false;
may_hold_secret(master_user, User) ->
    optional_text(User) =:= error;
may_hold_secret(tls, Tls) when is_map(Tls) ->
    map_size(maps:without(maps:keys(tls_defaults()), Tls)) > 0;
may_hold_secret(tls, Tls) ->
    not is_atom(Tls);
may_hold_secret(Key, Value) ->
    not is_map_key(Key, defaults()) orelse looks_secret(Value).

looks_secret(Value) ->
    Text = string:lowercase(io_lib:format("~0tp", [Value])),
    Signs = ["pass", "secret", "@", "://"],
    lists:any(fun(Sign) -> string:find(Text, Sign) =/= nomatch end, Signs).

value(master_host, {local, Path}) -> tag(local, text(Path));
value(master_host, Address) when is_tuple(Address) -> address_text(inet:ntoa(Address));
value(master_host, Host) -> host(text(Host));
value(master_port, Port) -> port(Port, 1);
value(master_auth, Secret) -> secret(Secret);
value(master_user, User) -> optional_text(User);
value(dbfilename, File) -> optional_text(File);
value(load_dump, Load) -> keep(Load, is_boolean(Load));
value(tls, false) -> {ok, undefined};
value(tls, true) -> tls([]);
value(tls, Tls) when is_map(Tls) -> tls(maps:to_list(Tls));
value(announce_ip, Address) -> optional_text(Address);
value(announce_port, Port) -> port(Port, 0);
value(connect_timeout, Time) -> time(Time);
value(repl_timeout, Time) -> time(Time);
value(proto_max_bulk_len, Bytes) -> limit(Bytes, ?UNLIMITED);
value(max_arguments, Count) -> limit(Count, ?INT_MAX);
value(max_value, infinity) -> {ok, ?UNLIMITED};
value(max_value, Bytes) -> limit(Bytes, ?UNLIMITED);
value(resume, undefined) -> {ok, undefined};
value(resume, {file, Path}) -> tag(file, text(Path));
value(resume, Position) -> keep(Position, eslaver_place:is_position(Position));
value(events, Events) -> keep(Events, Events =:= classic orelse Events =:= full);
value(filter, undefined) -> {ok, undefined};
value(filter, Filter) -> eslaver_filter:parse_types(Filter);
value(hooks, Hooks) -> keep(Hooks, eslaver_hooks:check(Hooks));
value(mailbox_limit, infinity) -> {ok, infinity};
value(mailbox_limit, Limit) -> keep(Limit, is_integer(Limit) andalso Limit > 0);
value(callback, Callback) -> keep(Callback, eslaver_callback:check(Callback));
value(name, {local, Name} = Full) -> keep(Full, is_atom(Name));
value(name, {global, _} = Full) -> {ok, Full};
value(name, {via, Module, _} = Full) -> keep(Full, is_atom(Module));
value(_Key, _Value) -> error.

tls(Given) ->
    tls(Given, tls_defaults()).

tls_defaults() ->
    #{
        cacertfile => undefined,
        certfile => undefined,
        keyfile => undefined,
        server_name => undefined,
        verify => true
    }.

tls([], #{certfile := Cert, keyfile := Key} = Tls) ->
    keep(Tls, is_binary(Cert) =:= is_binary(Key));
tls([{verify, Verify} | Rest], Tls) when is_boolean(Verify) ->
    tls(Rest, Tls#{verify := Verify});
tls([{Key, Value} | Rest], Tls) when is_map_key(Key, Tls), Key =/= verify ->
    case text(Value) of
        {ok, Text} -> tls(Rest, Tls#{Key := Text});
        error -> error
    end;
tls(_, _Tls) ->
    error.

%% A URL stands for host, port, user and password, so none of them may be given beside it.
from_url(Url, Input) ->
    Named = maps:with([master_host, master_port, master_user, master_auth], Input),
    case text(Url) of
        {ok, Text} when map_size(Named) =:= 0 ->
            case uri_string:parse(Text) of
                #{scheme := Scheme} = Parts -> url(Scheme, Parts, Input);
                _ -> error
            end;
        _ ->
            error
    end.

url(<<"redis">>, Parts, Input) ->
    tcp_url(Parts, Input);
url(<<"rediss">>, Parts, Input) ->
    tcp_url(Parts, Input#{tls => true});
url(<<"unix">>, #{path := <<"/", _/binary>> = Path} = Parts, Input) ->
    case maps:get(host, Parts, <<>>) of
        <<>> -> {ok, Input#{master_host => {local, unquoted(Path)}}};
        _ -> error
    end;
url(_, _, _) ->
    error.

tcp_url(#{host := <<_, _/binary>> = Host, path := Path} = Parts, Input) when
    Path =:= <<>>; Path =:= <<"/">>
->
    Port =
        case Parts of
            #{port := Given} when is_integer(Given) -> #{master_port => Given};
            _ -> #{}
        end,
    Who = user_info(maps:get(userinfo, Parts, <<>>)),
    {ok, maps:merge(maps:merge(Input#{master_host => Host}, Port), Who)};
tcp_url(_, _) ->
    error.

user_info(<<>>) ->
    #{};
user_info(Info) ->
    case binary:split(Info, <<":">>) of
        [User] -> #{master_user => unquoted(User)};
        [<<>>, Password] -> #{master_auth => unquoted(Password)};
        [User, Password] -> #{master_user => unquoted(User), master_auth => unquoted(Password)}
    end.

unquoted(Text) ->
    uri_string:percent_decode(Text).

keep(Value, true) -> {ok, Value};
keep(_Value, false) -> error.

tag(Tag, {ok, Text}) -> {ok, {Tag, Text}};
tag(_Tag, error) -> error.

%% A URL is no host, and its password would be shown wherever the host is.
host({ok, Host}) ->
    case binary:match(Host, [<<"/">>, <<"@">>]) of
        nomatch -> {ok, {host, Host}};
        _ -> error
    end;
host(error) ->
    error.

address_text({error, einval}) -> error;
address_text(Text) -> host(text(Text)).

port(Port, Least) -> keep(Port, is_integer(Port) andalso Port >= Least andalso Port =< 65535).

%% Some 24 days at the most: what a clock can be asked to add.
time(Time) -> keep(Time, is_integer(Time) andalso Time > 0 andalso Time < 1 bsl 31).

limit(Limit, Most) -> keep(Limit, is_integer(Limit) andalso Limit > 0 andalso Limit =< Most).

optional_text(None) when None =:= undefined; None =:= undef -> {ok, undefined};
optional_text(Text) -> text(Text).

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

%% A string, in either form, that is not empty.
text([_ | _] = Text) ->
    try unicode:characters_to_binary(Text) of
        Binary when is_binary(Binary) -> {ok, Binary};
        _ -> error
    catch
        error:badarg -> error
    end;
text(<<_, _/binary>> = Text) ->
    {ok, Text};
text(_) ->
    error.
