%% @doc What a watcher asks a Sentinel, and what the answers say. It is pure.
%% @private
-module(eslaver_sentinel_answers).

-export([questions/2, replicas/0, replicas/2, read/2, channels/0]).
-export_type([report/0, replicas/0]).

-type report() :: #{
    master := eslaver_nif:address(),
    epoch := non_neg_integer(),
    %% The other Sentinels, as this one knows them.
    sentinels := [{Id :: binary(), eslaver_nif:address()}],
    %% The replicas that are up and have a link to the master.
    replicas := [eslaver_nif:address()]
}.
%% What a Sentinel says of a group.

-type replicas() :: binary().
%% The name of the subcommand that lists the replicas.

%% @doc The commands to ask. The epoch comes first: if an election ends between the two, the new
%% address comes under the old epoch, and is not believed before the next poll. The address is asked
%% for by itself, as `SENTINEL MASTER' shows the old one until the last replica has been moved.
-spec questions(Name :: binary(), replicas()) -> [[binary()]].
questions(Name, Replicas) ->
    [
        [<<"SENTINEL">>, <<"MASTER">>, Name],
        [<<"SENTINEL">>, <<"GET-MASTER-ADDR-BY-NAME">>, Name],
        [<<"SENTINEL">>, <<"SENTINELS">>, Name],
        [<<"SENTINEL">>, Replicas, Name]
    ].

%% @doc The name to ask for replicas by, at first.
-spec replicas() -> replicas().
replicas() -> <<"REPLICAS">>.

%% @doc The name to ask for replicas by, after these answers: Sentinels before Redis 5 know another.
-spec replicas([eslaver_resp:reply()], replicas()) -> replicas().
replicas([_, _, _, {error, <<"ERR Unknown sentinel subcommand", _/binary>>}], _Asked) ->
    <<"SLAVES">>;
replicas(_Answers, Asked) ->
    Asked.

%% @doc The events after which to ask at once: a Sentinel has a new master, or, as the leader of an
%% election, has just promoted one.
-spec channels() -> [binary()].
channels() -> [<<"+switch-master">>, <<"+promoted-slave">>].

%% @doc Reads the answers. What a Sentinel does not tell of others and of replicas is left out.
-spec read(Name :: binary(), [eslaver_resp:reply()]) ->
    {ok, report()} | {error, eslaver_control:error()}.
read(Name, [{error, Text}, _, _, _]) ->
    {error, refused(Name, Text)};
read(Name, [_, {error, Text}, _, _]) ->
    {error, refused(Name, Text)};
read(_Name, [Master, [Host, Port], Sentinels, Replicas]) when is_list(Master) ->
    case {address(Host, Port), number(maps:get(<<"config-epoch">>, pairs(Master), none))} of
        {{tcp, _, _} = Address, Epoch} when is_integer(Epoch) ->
            {ok, #{
                master => Address,
                epoch => Epoch,
                sentinels => lists:append([sentinel(One) || One <- all(Sentinels)]),
                replicas => lists:append([replica(One) || One <- all(Replicas)])
            }};
        _ ->
            {error, odd()}
    end;
read(Name, [_, null, _, _]) ->
    {error, unknown(Name)};
read(_Name, _Answers) ->
    {error, odd()}.

refused(Name, Text) ->
    Has = fun(Words) -> string:find(Text, Words) =/= nomatch end,
    case binary:split(Text, <<" ">>) of
        [<<"NOAUTH">> | _] ->
            {sentinel_auth, said("it requires a password: set sentinel_auth", Text)};
        [<<"NOPERM">> | _] ->
            {sentinel_auth, said("its user may not use all of the command SENTINEL", Text)};
        _ ->
            case {Has("No such master"), Has("unknown command")} of
                {true, _} -> unknown(Name);
                {_, true} -> {not_a_sentinel, said("it is not a Sentinel", Text)};
                _ -> {sentinel_refused, said("it refuses to answer", Text)}
            end
    end.

said(What, Text) ->
    eslaver_text:format("~ts (~ts)", [What, eslaver_control:shown(Text)]).

unknown(Name) ->
    Text = "it knows no master called ~ts: set master_name to one that SENTINEL MASTERS lists",
    {sentinel_unknown_master, eslaver_text:format(Text, [eslaver_control:shown(Name)])}.

odd() ->
    {sentinel_refused, <<"its answer is none of a Sentinel">>}.

sentinel(#{<<"runid">> := Id, <<"ip">> := Host, <<"port">> := Port}) ->
    [{Id, Address} || {tcp, _, _} = Address <- [address(Host, Port)]];
sentinel(_Other) ->
    [].

replica(#{<<"flags">> := Flags, <<"ip">> := Host, <<"port">> := Port} = Replica) ->
    Down = [<<"s_down">>, <<"o_down">>, <<"disconnected">>, <<"master_down">>],
    IsUp =
        [] =:= [Flag || Flag <- binary:split(Flags, <<",">>, [global]), lists:member(Flag, Down)],
    HasLink = maps:get(<<"master-link-status">>, Replica, <<"ok">>) =:= <<"ok">>,
    [Address || IsUp, HasLink, {tcp, _, _} = Address <- [address(Host, Port)]];
replica(_Other) ->
    [].

all(Answers) when is_list(Answers) -> [pairs(Answer) || Answer <- Answers, is_list(Answer)];
all(_Refused) -> [].

%% A flat list of names and values.
pairs([Name, Value | Rest]) when is_binary(Name), is_binary(Value) ->
    maps:merge(pairs(Rest), #{Name => Value});
pairs([_, _ | Rest]) ->
    pairs(Rest);
pairs(_Odd) ->
    #{}.

address(Host, Port) ->
    case {eslaver_host:parse(Host), number(Port)} of
        {{ok, Parsed}, Number} when is_integer(Number), Number > 0, Number < 65536 ->
            {tcp, Parsed, Number};
        _ ->
            none
    end.

number(<<_, _/binary>> = Digits) when byte_size(Digits) < 20 ->
    case lists:all(fun(Digit) -> Digit >= $0 andalso Digit =< $9 end, binary_to_list(Digits)) of
        true -> binary_to_integer(Digits);
        false -> none
    end;
number(_Other) ->
    none.
