%% @doc A source with one address, or one name that may come to stand for another server.
%%
%% Where a failover needs no Sentinel (`FAILOVER', `REPLICAOF'), the old master becomes a replica and
%% names the new one. That is followed, but only until the link is lost: the address of the options
%% is the user's word, so each search begins there.
%% @private
-module(eslaver_source_fixed).

-export([new/1, find/1, refused/3, shown/1]).
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
-spec find(fixed()) -> {eslaver_nif:address(), fixed()}.
find(#fixed{address = Address} = Fixed) ->
    {Address, Fixed#fixed{hops = 0}}.

%% @doc A node is a replica where a master is wanted, or the reverse.
-spec refused(replica | master, eslaver_source:peer(), fixed()) ->
    {found, eslaver_nif:address(), fixed()} | {again, fixed()}.
refused(replica, #{master := {Host, Port}}, #fixed{hops = Hops} = Fixed) when Hops < ?HOPS ->
    {found, {tcp, Host, Port}, Fixed#fixed{hops = Hops + 1}};
refused(_Reason, _Peer, Fixed) ->
    {again, Fixed}.

%% @doc The address, for people.
-spec shown(fixed()) -> binary().
shown(#fixed{address = Address}) -> eslaver_log:address(Address).
