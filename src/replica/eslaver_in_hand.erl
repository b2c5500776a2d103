%% @doc Which event the callback has in hand, and since when, for others to see while it hangs: the
%% kind of event, but no key and no value. As every event passes by, this costs next to nothing:
%% what the event is called is packed into integers, and any process unpacks it.
%% @private
-module(eslaver_in_hand).

-export([new/0, none/0, begins/2, takes/3, done/1, skipped/2, info/1]).
-export_type([hand/0, last/0]).

-opaque hand() :: atomics:atomics_ref().

-opaque last() :: {Name :: term(), Db :: integer()}.
%% The latest event in hand.

%% The places: since when, in µs, the three parts of the name, the db, and the events skipped.
-define(SINCE, 1).
-define(NAME, 2).
-define(MORE, 3).
-define(REST, 4).
-define(DB, 5).
-define(SKIPPED, 6).

%% Set in the first part of a name that has more parts. Each has seven bytes.
-define(GOES_ON, (1 bsl 56)).
-define(NO_DB, -1).

%% What is not a command is called one of these.
-define(KINDS, {
    other,
    batch,
    link,
    slots,
    shard,
    message,
    call,
    start,
    eof,
    aux,
    function,
    string,
    list,
    set,
    zset,
    hash,
    stream,
    module,
    array,
    gcra,
    path_hash,
    vectorset
}).

%% @doc None.
-spec new() -> hand().
new() ->
    Hand = atomics:new(6, []),
    ok = atomics:put(Hand, ?DB, ?NO_DB),
    Hand.

%% @doc There has been no event.
-spec none() -> last().
none() -> {none, ?NO_DB}.

%% @doc The next events begin now, in monotonic µs.
-spec begins(integer(), hand()) -> ok.
begins(Now, Hand) ->
    atomics:put(Hand, ?SINCE, Now).

%% @doc The callback gets this event, or all of these, or a `message' or a `call' of others. `Last'
%% is what this has returned before: mostly the same comes again.
-spec takes(term(), last(), hand()) -> last().
takes({stream, Name, _}, {Name, _} = Last, _Hand) -> Last;
takes({stream, Name, _, #{db := Db}}, {Name, Db} = Last, _Hand) -> Last;
takes({loading, Kind, _, _}, {Kind, _} = Last, _Hand) -> Last;
takes({loading, Kind, _, _, #{db := Db}}, {Kind, Db} = Last, _Hand) -> Last;
takes(Event, _Last, Hand) -> shows(named(Event), Hand).

named({stream, Name, _Args}) -> {Name, ?NO_DB};
named({stream, Name, _Args, #{db := Db}}) -> {Name, Db};
named({loading, Kind, _, _, #{db := Db}}) -> {Kind, Db};
named({loading, Kind, _, _, _}) -> {Kind, ?NO_DB};
named({loading, Kind, _, _}) -> {Kind, ?NO_DB};
named({loading, Kind, _}) -> {Kind, ?NO_DB};
named({loading, Kind}) -> {Kind, ?NO_DB};
named({Kind, _, _}) -> {Kind, ?NO_DB};
named(Events) when is_list(Events) -> {batch, ?NO_DB};
named(Kind) -> {Kind, ?NO_DB}.

shows({Name, Db} = Shown, Hand) ->
    ok = atomics:put(Hand, ?DB, Db),
    ok =
        case is_binary(Name) orelse is_list(Name) of
            true -> command(Name, Hand);
            false -> kind(Name, Hand)
        end,
    Shown.

command(Name, Hand) when is_list(Name) ->
    command(list_to_binary(Name), Hand);
command(<<N:56, More:56, Rest:56, _/binary>>, Hand) ->
    long(N, More, Rest, Hand);
command(<<N:56, More:56, Rest/binary>>, Hand) ->
    long(N, More, binary:decode_unsigned(Rest), Hand);
command(<<N:56, Rest/binary>>, Hand) when Rest =/= <<>> ->
    long(N, binary:decode_unsigned(Rest), 0, Hand);
command(Short, Hand) ->
    atomics:put(Hand, ?NAME, binary:decode_unsigned(Short)).

long(N, More, Rest, Hand) ->
    ok = atomics:put(Hand, ?MORE, More),
    ok = atomics:put(Hand, ?REST, Rest),
    atomics:put(Hand, ?NAME, N bor ?GOES_ON).

kind(Kind, Hand) ->
    atomics:put(Hand, ?NAME, -number(Kind)).

number(string) -> 12;
number(list) -> 13;
number(set) -> 14;
number(zset) -> 15;
number(hash) -> 16;
number(Kind) -> number(Kind, 1).

number(Kind, At) when At =< tuple_size(?KINDS), element(At, ?KINDS) =:= Kind -> At;
number(Kind, At) when At < tuple_size(?KINDS) -> number(Kind, At + 1);
number(_Other, _At) -> 1.

%% @doc It has none any more.
-spec done(hand()) -> ok.
done(Hand) ->
    atomics:put(Hand, ?SINCE, 0).

%% @doc Shows how many events have been skipped so far.
-spec skipped(non_neg_integer(), hand()) -> ok.
skipped(Count, Hand) ->
    atomics:put(Hand, ?SKIPPED, Count).

%% @doc For `info'.
-spec info(hand()) ->
    #{
        event := undefined | #{type := atom() | binary(), db := _, for := non_neg_integer()},
        skipped := non_neg_integer()
    }.
info(Hand) ->
    #{event => event(atomics:get(Hand, ?SINCE), Hand), skipped => atomics:get(Hand, ?SKIPPED)}.

event(0, _Hand) ->
    undefined;
event(Since, Hand) ->
    For = max(erlang:monotonic_time(microsecond) - Since, 0),
    #{type => type(atomics:get(Hand, ?NAME), Hand), db => db(Hand), for => For div 1000}.

type(Kind, _Hand) when Kind < 0 ->
    element(-Kind, ?KINDS);
type(Name, Hand) when Name >= ?GOES_ON ->
    More = binary:encode_unsigned(atomics:get(Hand, ?MORE)),
    Rest = [binary:encode_unsigned(Rest) || Rest <- [atomics:get(Hand, ?REST)], Rest > 0],
    iolist_to_binary([binary:encode_unsigned(Name - ?GOES_ON), More | Rest]);
type(Name, _Hand) ->
    binary:encode_unsigned(Name).

db(Hand) ->
    case atomics:get(Hand, ?DB) of
        ?NO_DB -> undefined;
        Db -> Db
    end.
