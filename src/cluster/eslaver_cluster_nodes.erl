%% @doc What a node of a cluster says in `CLUSTER NODES'. It is pure.
%% @private
-module(eslaver_cluster_nodes).

-export([question/0, read/2, self/1]).
-export_type([id/0, cluster_node/0, ranges/0]).

%% The last of the slots.
-define(LAST, 16383).

-type id() :: binary().
%% Of a node: 40 hexadecimal digits.

-type ranges() :: [{First :: 0..?LAST, Last :: 0..?LAST}].

-type cluster_node() :: #{
    id := id(),
    %% Whether it is the node that was asked.
    self := boolean(),
    %% Undefined while the cluster does not know it.
    address := eslaver_nif:address() | undefined,
    role := master | replica,
    %% The master of a replica.
    master := id() | undefined,
    %% Whether the cluster has agreed that it is down.
    failed := boolean(),
    epoch := non_neg_integer(),
    slots := ranges(),
    %% To which nodes slots of the node that was asked are being moved, and from which ones it gets
    %% some.
    migrating := [{0..?LAST, id()}],
    importing := [{0..?LAST, id()}]
}.

%% @doc The command to ask.
-spec question() -> [binary()].
question() -> [<<"CLUSTER">>, <<"NODES">>].

%% @doc Reads the answer of the node at an address, which may not know its own yet.
-spec read(eslaver_resp:reply(), eslaver_nif:address()) ->
    {ok, [cluster_node()]} | {error, eslaver_control:error()}.
read(Text, Asked) when is_binary(Text) ->
    Lines = binary:split(Text, [<<"\r\n">>, <<"\n">>], [global, trim_all]),
    try [line(Line, Asked) || Line <- Lines] of
        Nodes -> {ok, [Node || Node <- Nodes, Node =/= stranger]}
    catch
        error:_ -> {error, {malformed, <<"its answer to CLUSTER NODES cannot be read">>}}
    end;
read({error, <<"ERR This instance has cluster support disabled", _/binary>>}, _Asked) ->
    {error, {not_a_cluster, <<"it is no node of a cluster: use master_host instead of cluster">>}};
read({error, Text}, _Asked) ->
    Shown = eslaver_control:shown(Text),
    {error, {refused, eslaver_text:format("it refuses CLUSTER NODES (~ts)", [Shown])}};
read(_Other, _Asked) ->
    {error, {malformed, <<"its answer to CLUSTER NODES cannot be read">>}}.

%% @doc The node that was asked.
-spec self([cluster_node()]) -> {ok, cluster_node()} | error.
self(Nodes) ->
    case [Node || #{self := true} = Node <- Nodes] of
        [Node] -> {ok, Node};
        _ -> error
    end.

%% Nodes in a handshake have no id of their own yet.
line(Line, Asked) ->
    [Id, Where, Flags, Master, _Ping, _Pong, Epoch, _Link | Slots] =
        binary:split(Line, <<" ">>, [global, trim_all]),
    Words = binary:split(Flags, <<",">>, [global]),
    case has(<<"handshake">>, Words) of
        true ->
            stranger;
        false ->
            Self = has(<<"myself">>, Words),
            slots(Slots, #{
                id => Id,
                self => Self,
                address => address(Where, has(<<"noaddr">>, Words), Self, Asked),
                role => role(Words),
                master => master(Master),
                failed => has(<<"fail">>, Words),
                epoch => binary_to_integer(Epoch),
                slots => [],
                migrating => [],
                importing => []
            })
    end.

has(Word, Words) -> lists:member(Word, Words).

role(Words) ->
    case has(<<"slave">>, Words) orelse has(<<"replica">>, Words) of
        true -> replica;
        false -> master
    end.

master(<<"-">>) -> undefined;
master(Id) -> Id.

%% `host:port@busport,hostname,…': the host may have colons, and may be missing.
address(_Where, true, _Self, _Asked) ->
    undefined;
address(Where, false, Self, Asked) ->
    [Endpoint | Names] = binary:split(Where, <<",">>, [global]),
    [HostAndPort | _BusPort] = binary:split(Endpoint, <<"@">>),
    {At, _} = lists:last(binary:matches(HostAndPort, <<":">>)),
    <<Host:At/binary, $:, Port/binary>> = HostAndPort,
    case {Host, binary_to_integer(Port)} of
        {_, 0} -> undefined;
        {Missing, Number} when Missing =:= <<>>; Missing =:= <<"?">> ->
            named(Names, Number, Self, Asked);
        {_, Number} ->
            {tcp, Host, Number}
    end.

named([Name | _], Port, _Self, _Asked) when Name =/= <<>>, Name =/= <<"?">> -> {tcp, Name, Port};
named(_Names, _Port, true, Asked) -> Asked;
named(_Names, _Port, false, _Asked) -> undefined.

slots([], #{slots := Slots} = Node) ->
    Node#{slots := lists:reverse(Slots)};
slots([<<$[, Moving/binary>> | Rest], #{migrating := Out, importing := In} = Node) ->
    [Text, Other] = binary:split(binary:part(Moving, 0, byte_size(Moving) - 1), <<"-">>),
    Slot = slot(Text),
    case Other of
        <<">-", Id/binary>> -> slots(Rest, Node#{migrating := [{Slot, Id} | Out]});
        <<"<-", Id/binary>> -> slots(Rest, Node#{importing := [{Slot, Id} | In]})
    end;
slots([Text | Rest], #{slots := Slots} = Node) ->
    Range =
        case binary:split(Text, <<"-">>) of
            [First, Last] -> {slot(First), slot(Last)};
            [Slot] -> {slot(Slot), slot(Slot)}
        end,
    slots(Rest, Node#{slots := [Range | Slots]}).

slot(Text) ->
    Slot = binary_to_integer(Text),
    true = Slot >= 0 andalso Slot =< ?LAST,
    Slot.
