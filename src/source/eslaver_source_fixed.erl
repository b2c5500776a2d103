%% @doc A source with one address, or one name that may come to stand for another server.
%%
%% Where a failover needs no Sentinel (`FAILOVER', `REPLICAOF'), the old master becomes a replica
%% and names the new one. That is followed, but only until the link is lost: the address of the
%% options is the user's word, so each search begins there.
%% @private
-module(eslaver_source_fixed).
-behaviour(eslaver_source_kind).

-export([new/1, find/2, handle/3, refused/3, node_at/2, look/3, shown/1, close/1]).
-export_type([fixed/0]).

%% A chain of replicas is followed this far. A longer one may be a circle.
-define(HOPS, 3).

-record(fixed, {
    address :: eslaver_nif:address(),
    hops = 0 :: 0..?HOPS
}).

-opaque fixed() :: #fixed{}.

%% @doc The master is at this address.
-spec new(eslaver_nif:address()) -> fixed().
new(Address) -> #fixed{address = Address}.

%% @doc Where a search begins.
-spec find(eslaver_source_kind:need(), fixed()) -> {found, eslaver_nif:address(), fixed()}.
find(_Need, #fixed{address = Address} = Fixed) ->
    {found, Address, Fixed#fixed{hops = 0}}.

%% @doc No messages belong to it.
-spec handle(term(), eslaver_source_kind:need(), fixed()) -> {nothing, fixed()}.
handle(_Message, _Need, Fixed) ->
    {nothing, Fixed}.

%% @doc A node is a replica where a master is wanted, or the reverse.
-spec refused(replica | master, eslaver_source_kind:peer(), fixed()) ->
    {found, eslaver_nif:address(), fixed()} | {again, fixed()}.
refused(replica, #{master := {Host, Port}}, #fixed{hops = Hops} = Fixed) when Hops < ?HOPS ->
    {found, {tcp, Host, Port}, Fixed#fixed{hops = Hops + 1}};
refused(_Reason, _Peer, Fixed) ->
    {again, Fixed}.

%% @doc Nodes have no ids.
-spec node_at(eslaver_nif:address(), fixed()) -> undefined.
node_at(_Address, _Fixed) -> undefined.

%% @doc There is no other node.
-spec look(eslaver_source_kind:need(), eslaver_nif:address(), fixed()) -> fixed().
look(_Need, _Followed, Fixed) ->
    Fixed.

%% @doc The address, for people.
-spec shown(fixed()) -> binary().
shown(#fixed{address = Address}) -> eslaver_log:address(Address).

%% @doc Nothing is left behind.
-spec close(fixed()) -> ok.
close(_Fixed) -> ok.
