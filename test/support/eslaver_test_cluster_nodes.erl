%% What `CLUSTER NODES` says, and files with which nodes begin as a cluster. It shares no code with
%% the product.
-module(eslaver_test_cluster_nodes).

-export([parse/1, myself/1, owners/1, in/2, numbers/1, file/3, shard/2]).
-export_type([line/0, range/0, member/0]).

-type range() :: {First :: 0..16383, Last :: 0..16383}.
%% `moving`: slots that are moved key by key, to another node or from it.
-type line() :: #{
    id := binary(),
    port := inet:port_number(),
    flags := [binary()],
    master := none | binary(),
    epoch := non_neg_integer(),
    link := binary(),
    slots := [range()],
    moving := [{0..16383, to | from, Id :: binary()}]
}.
%% A node to be. `master`: the number of its master, if it is a replica.
-type member() :: #{
    number := pos_integer(),
    id := string(),
    port := inet:port_number(),
    master := none | pos_integer(),
    slots := [range()]
}.

-define(BUS, 10_000).

-spec parse(binary()) -> [line()].
parse(Text) ->
    [line(Line) || Line <- binary:split(Text, <<"\n">>, [global]), Line =/= <<>>].

%% The line of the node that was asked.
-spec myself([line()]) -> line().
myself(Lines) ->
    [Own] = [Line || #{flags := Flags} = Line <- Lines, lists:member(<<"myself">>, Flags)],
    Own.

line(Line) ->
    [Id, Address, Flags, Master, _Sent, _Got, Epoch, Link | Slots] =
        binary:split(Line, <<" ">>, [global]),
    [Place | _] = binary:split(Address, [<<"@">>, <<",">>]),
    [_, Port] = binary:split(Place, <<":">>),
    #{
        id => Id,
        port => binary_to_integer(Port),
        flags => binary:split(Flags, <<",">>, [global]),
        master => master(Master),
        epoch => binary_to_integer(Epoch),
        link => Link,
        slots => [range(Range) || <<First, _/binary>> = Range <- Slots, First =/= $[],
        moving => [moving(Slot) || <<"[", Slot/binary>> <- Slots]
    }.

master(<<"-">>) -> none;
master(Id) -> Id.

range(Text) ->
    case [binary_to_integer(Number) || Number <- binary:split(Text, <<"-">>)] of
        [First, Last] -> {First, Last};
        [Slot] -> {Slot, Slot}
    end.

%% `93->-ID]` or `93-<-ID]`.
moving(Text) ->
    [Slot, <<Way:3/binary, Rest/binary>>] =
        case binary:match(Text, [<<"->-">>, <<"-<-">>]) of
            {At, 3} ->
                [binary:part(Text, 0, At), binary:part(Text, At, byte_size(Text) - At)]
        end,
    {binary_to_integer(Slot), way(Way), binary:part(Rest, 0, byte_size(Rest) - 1)}.

way(<<"->-">>) -> to;
way(<<"-<-">>) -> from.

%% The slots that have an owner, each with it.
-spec owners([line()]) -> [{range(), Id :: binary()}].
owners(Lines) ->
    lists:sort([{Range, Id} || #{id := Id, slots := Ranges} <- Lines, Range <- Ranges]).

-spec in(0..16383, [range()]) -> boolean().
in(Slot, Ranges) ->
    lists:any(fun({First, Last}) -> Slot >= First andalso Slot =< Last end, Ranges).

%% Every slot of these ranges.
-spec numbers([range()]) -> [0..16383].
numbers(Ranges) ->
    [Slot || {First, Last} <- Ranges, Slot <- lists:seq(First, Last)].

%% The file of the member with this number, as a server of this version keeps it.
-spec file(pos_integer(), [member()], {non_neg_integer(), non_neg_integer(), term()}) -> iodata().
file(Own, Members, Version) ->
    Epoch = length([Member || #{master := none} = Member <- Members]),
    [
        [member(Member, Own, Members, Version) || Member <- Members],
        io_lib:format("vars currentEpoch ~b lastVoteEpoch 0~n", [Epoch])
    ].

member(#{number := Number, id := Id, port := Port} = Member, Own, Members, Version) ->
    #{master := Master, slots := Slots} = Member,
    {Role, Follows, First} =
        case Master of
            none ->
                {"master", "-", Number};
            _ ->
                #{id := Of} = lists:nth(Master, Members),
                {"slave", Of, Master}
        end,
    Flags =
        case Number of
            Own -> ["myself,", Role];
            _ -> Role
        end,
    Ranges = [io_lib:format(" ~b-~b", [A, B]) || {A, B} <- Slots],
    io_lib:format("~s 127.0.0.1:~b@~b~s ~s ~s 0 0 ~b connected~s~n", [
        Id, Port, Port + ?BUS, shard_id(First, Members, Version), Flags, Follows, First, Ranges
    ]).

%% From 7.2 on all must have the same shard's id from the start.
shard_id(First, Members, {Major, Minor, _} = Version) when {Major, Minor} >= {7, 2} ->
    #{id := Id} = lists:nth(First, Members),
    [",,shard-id=", shard(list_to_binary(Id), Version)];
shard_id(_First, _Members, _Version) ->
    "".

%% The id of the shard that begins with this master. Before 7.2 shards have none.
-spec shard(Id :: binary(), {non_neg_integer(), non_neg_integer(), term()}) -> binary().
shard(Id, {Major, Minor, _}) when {Major, Minor} >= {7, 2} ->
    list_to_binary(lists:reverse(binary_to_list(Id)));
shard(Id, _Version) ->
    Id.
