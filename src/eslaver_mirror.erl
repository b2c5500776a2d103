%% @doc A whole Redis dataset in ETS: a replica whose data any process of the node reads, by Redis'
%% own commands, without a message to any other.
-module(eslaver_mirror).

-export([read/2]).
-export_type([mirror/0, failure/0, scan_options/0]).

%% Keys.

%% Strings.
-export([get/2]).

%% Lists.

%% Sets.
-export([scard/2, sismember/3, smismember/3, smembers/2, srandmember/2, srandmember/3]).
-export([sscan/3, sscan/4, sinter/2, sunion/2, sdiff/2, sintercard/2, sintercard/3]).

%% Sorted sets.

%% Geo.

%% Hashes.
-export([hget/3, hmget/3, hgetall/2, hlen/2, hexists/3, hkeys/2, hvals/2, hstrlen/3]).
-export([hrandfield/2, hrandfield/3, hrandfield/4, hscan/3, hscan/4]).
-export([httl/3, hpttl/3, hexpiretime/3, hpexpiretime/3]).

%% Streams.
-export([xlen/2, xrange/4, xrange/5, xrevrange/4, xrevrange/5, xread/3, xread/4]).
-export([xinfo_stream/2, xinfo_groups/2, xinfo_consumers/3, xpending/3, xpending/6, xpending/7]).

-type mirror() :: eslaver_mirror_view:mirror().
%% The name of a mirror, for its db 0, or `{Name, Db}'.

-type failure() :: eslaver_mirror_view:failure().

-type key() :: binary().

-type entry_bound() :: eslaver_mirror_stream_id:bound().
%% An id of a stream's entry, as `<<"1526919030474-55">>' or without what follows the dash, included or
%% `{exclusive, Id}'; `-' and `+' are the least and the greatest.

-type entry() :: {Id :: binary(), [{Field :: binary(), Value :: binary()}]}.

-type pending_entry() :: {
    Id :: binary(),
    Consumer :: binary(),
    IdleMs :: non_neg_integer(),
    Deliveries :: non_neg_integer()
}.

-type scan_options() :: eslaver_mirror_scan:options().
%% `match': a glob as of `KEYS'; `count': about how many to look at, 10 without it.

%% @doc Runs a fun whose reads of this mirror are all of one moment: between two commands, and
%% between two transactions, of the master. It may be run more than once, so it should do no more
%% than read.
-spec read(mirror(), fun(() -> Result)) -> Result.
read(Mirror, Fun) ->
    eslaver_mirror_view:transaction(Mirror, Fun).

%% Keys.
%% ------------------------------------------------------------------------------------------------

%% Strings.
%% ------------------------------------------------------------------------------------------------

%% @doc The value of a string.
-spec get(mirror(), key()) -> binary() | undefined | failure().
get(Mirror, Key) ->
    eslaver_mirror_view:read(Mirror, Key, string, undefined, fun eslaver_mirror_string:value/2).

%% Lists.
%% ------------------------------------------------------------------------------------------------

%% Sets.
%% ------------------------------------------------------------------------------------------------

%% @doc How many members a set has.
-spec scard(mirror(), key()) -> non_neg_integer() | failure().
scard(Mirror, Key) ->
    eslaver_mirror_view:read(Mirror, Key, set, 0, fun eslaver_mirror_set:size/2).

%% @doc Whether this is a member.
-spec sismember(mirror(), key(), Member :: binary()) -> boolean() | failure().
sismember(Mirror, Key, Member) ->
    eslaver_mirror_view:read(Mirror, Key, set, false, fun(Store, Body) ->
        eslaver_mirror_set:is_member(Store, Body, Member)
    end).

%% @doc The same of each of these.
-spec smismember(mirror(), key(), [Member :: binary()]) -> [boolean()] | failure().
smismember(Mirror, Key, Members) ->
    set(Mirror, Key, fun(Store, Body) -> eslaver_mirror_set:are_members(Store, Body, Members) end).

%% @doc All members, in no order.
-spec smembers(mirror(), key()) -> [binary()] | failure().
smembers(Mirror, Key) ->
    set(Mirror, Key, fun eslaver_mirror_set:members/2).

%% @doc A member by chance.
-spec srandmember(mirror(), key()) -> binary() | undefined | failure().
srandmember(Mirror, Key) ->
    eslaver_mirror_view:read(Mirror, Key, set, undefined, fun eslaver_mirror_set:random/2).

%% @doc So many members by chance, each once; with a negative count so many of which any may come
%% again. All have the same chance.
-spec srandmember(mirror(), key(), Count :: integer()) -> [binary()] | failure().
srandmember(Mirror, Key, Count) when is_integer(Count) ->
    set(Mirror, Key, fun(Store, Body) -> eslaver_mirror_set:random(Store, Body, Count) end).

%% @equiv sscan(Mirror, Key, Cursor, #{})
-spec sscan(mirror(), key(), Cursor :: non_neg_integer()) ->
    {Next :: non_neg_integer(), [binary()]} | failure().
sscan(Mirror, Key, Cursor) ->
    sscan(Mirror, Key, Cursor, #{}).

%% @doc Some of the members, and the cursor to go on from. It begins with 0, and has ended when 0 is
%% the next one. What is a member all the while is found.
-spec sscan(mirror(), key(), Cursor :: non_neg_integer(), scan_options()) ->
    {Next :: non_neg_integer(), [binary()]} | failure().
sscan(Mirror, Key, Cursor, Options) when is_integer(Cursor), Cursor >= 0 ->
    eslaver_mirror_view:read(Mirror, Key, set, {0, []}, fun(Store, Body) ->
        eslaver_mirror_scan:run(Options, 0, fun(Count) ->
            eslaver_mirror_set:scan(Store, Body, {Cursor, Count})
        end)
    end).

%% @doc What is in all of these sets.
-spec sinter(mirror(), [key(), ...]) -> [binary()] | failure().
sinter(Mirror, [_ | _] = Keys) ->
    sets(Mirror, Keys, fun(Store, Sets) -> eslaver_mirror_set:intersection(Store, Sets, 0) end).

%% @doc What is in any of these sets.
-spec sunion(mirror(), [key(), ...]) -> [binary()] | failure().
sunion(Mirror, [_ | _] = Keys) ->
    sets(Mirror, Keys, fun eslaver_mirror_set:union/2).

%% @doc What is in the first of these sets, and in no other.
-spec sdiff(mirror(), [key(), ...]) -> [binary()] | failure().
sdiff(Mirror, [_ | _] = Keys) ->
    sets(Mirror, Keys, fun eslaver_mirror_set:difference/2).

%% @equiv sintercard(Mirror, Keys, 0)
-spec sintercard(mirror(), [key(), ...]) -> non_neg_integer() | failure().
sintercard(Mirror, Keys) ->
    sintercard(Mirror, Keys, 0).

%% @doc How many members are in all of these sets; counted no further than to a limit other than 0.
-spec sintercard(mirror(), [key(), ...], Limit :: non_neg_integer()) ->
    non_neg_integer() | failure().
sintercard(Mirror, [_ | _] = Keys, Limit) when is_integer(Limit), Limit >= 0 ->
    sets(Mirror, Keys, fun(Store, Sets) ->
        length(eslaver_mirror_set:intersection(Store, Sets, Limit))
    end).

set(Mirror, Key, Fun) ->
    sets(Mirror, [Key], fun(Store, [Body]) -> Fun(Store, Body) end).

sets(Mirror, Keys, Fun) ->
    eslaver_mirror_view:bodies(Mirror, Keys, set, Fun).

%% Sorted sets.
%% ------------------------------------------------------------------------------------------------

%% Geo.
%% ------------------------------------------------------------------------------------------------

%% Hashes.
%% ------------------------------------------------------------------------------------------------

%% Fields whose time has passed are not shown, and not counted by `hlen'.

%% @doc The value of a field.
-spec hget(mirror(), key(), Field :: binary()) -> binary() | undefined | failure().
hget(Mirror, Key, Field) ->
    eslaver_mirror_view:read(Mirror, Key, hash, undefined, fun(Store, Body) ->
        eslaver_mirror_hash:get(Store, Body, Field)
    end).

%% @doc The values of several fields.
-spec hmget(mirror(), key(), [Field :: binary()]) -> [binary() | undefined] | failure().
hmget(Mirror, Key, Fields) ->
    hash(Mirror, Key, fun(Store, Body) -> eslaver_mirror_hash:get_many(Store, Body, Fields) end).

%% @doc All fields with their values, in no order.
-spec hgetall(mirror(), key()) -> [{Field :: binary(), Value :: binary()}] | failure().
hgetall(Mirror, Key) ->
    eslaver_mirror_view:read(Mirror, Key, hash, [], fun eslaver_mirror_hash:pairs/2).

%% @doc How many fields there are.
-spec hlen(mirror(), key()) -> non_neg_integer() | failure().
hlen(Mirror, Key) ->
    eslaver_mirror_view:read(Mirror, Key, hash, 0, fun eslaver_mirror_hash:size/2).

%% @doc Whether there is such a field.
-spec hexists(mirror(), key(), Field :: binary()) -> boolean() | failure().
hexists(Mirror, Key, Field) ->
    eslaver_mirror_view:read(Mirror, Key, hash, false, fun(Store, Body) ->
        eslaver_mirror_hash:get(Store, Body, Field) =/= undefined
    end).

%% @doc All fields, in no order.
-spec hkeys(mirror(), key()) -> [Field :: binary()] | failure().
hkeys(Mirror, Key) ->
    eslaver_mirror_view:read(Mirror, Key, hash, [], fun eslaver_mirror_hash:fields/2).

%% @doc All values, in no order.
-spec hvals(mirror(), key()) -> [Value :: binary()] | failure().
hvals(Mirror, Key) ->
    eslaver_mirror_view:read(Mirror, Key, hash, [], fun eslaver_mirror_hash:values/2).

%% @doc The length of a field's value, or 0.
-spec hstrlen(mirror(), key(), Field :: binary()) -> non_neg_integer() | failure().
hstrlen(Mirror, Key, Field) ->
    eslaver_mirror_view:read(Mirror, Key, hash, 0, fun(Store, Body) ->
        case eslaver_mirror_hash:get(Store, Body, Field) of
            undefined -> 0;
            Value -> byte_size(Value)
        end
    end).

%% @doc A field by chance.
-spec hrandfield(mirror(), key()) -> Field :: binary() | undefined | failure().
hrandfield(Mirror, Key) ->
    hash(Mirror, Key, fun(Store, Body) ->
        case eslaver_mirror_hash:random(Store, Body, 1) of
            [{Field, _}] -> Field;
            [] -> undefined
        end
    end).

%% @doc So many fields by chance, each once; with a negative count so many of which any may come
%% again. All have the same chance.
-spec hrandfield(mirror(), key(), Count :: integer()) -> [Field :: binary()] | failure().
hrandfield(Mirror, Key, Count) when is_integer(Count) ->
    hash(Mirror, Key, fun(Store, Body) ->
        [Field || {Field, _} <- eslaver_mirror_hash:random(Store, Body, Count)]
    end).

%% @doc The same, with their values.
-spec hrandfield(mirror(), key(), Count :: integer(), withvalues) ->
    [{Field :: binary(), Value :: binary()}] | failure().
hrandfield(Mirror, Key, Count, withvalues) when is_integer(Count) ->
    hash(Mirror, Key, fun(Store, Body) -> eslaver_mirror_hash:random(Store, Body, Count) end).

%% @equiv hscan(Mirror, Key, Cursor, #{})
-spec hscan(mirror(), key(), Cursor :: non_neg_integer()) ->
    {Next :: non_neg_integer(), [{Field :: binary(), Value :: binary()}]} | failure().
hscan(Mirror, Key, Cursor) ->
    hscan(Mirror, Key, Cursor, #{}).

%% @doc Some of the fields with their values, as {@link sscan/4}.
-spec hscan(mirror(), key(), Cursor :: non_neg_integer(), scan_options()) ->
    {Next :: non_neg_integer(), [{Field :: binary(), Value :: binary()}]} | failure().
hscan(Mirror, Key, Cursor, Options) when is_integer(Cursor), Cursor >= 0 ->
    eslaver_mirror_view:read(Mirror, Key, hash, {0, []}, fun(Store, Body) ->
        eslaver_mirror_scan:run(Options, 1, fun(Count) ->
            eslaver_mirror_hash:scan(Store, Body, {Cursor, Count})
        end)
    end).

%% @doc How many seconds each of these fields has to live: -1 where that has no end, and -2 where
%% there is no such field.
-spec httl(mirror(), key(), [Field :: binary()]) -> [integer()] | failure().
httl(Mirror, Key, Fields) ->
    field_times(Mirror, Key, Fields, fun(At) -> seconds(At - erlang:system_time(millisecond)) end).

%% @doc The same in milliseconds.
-spec hpttl(mirror(), key(), [Field :: binary()]) -> [integer()] | failure().
hpttl(Mirror, Key, Fields) ->
    field_times(Mirror, Key, Fields, fun(At) -> max(0, At - erlang:system_time(millisecond)) end).

%% @doc When each of these fields will have lived, in seconds since the epoch; -1 and -2 as of {@link
%% httl/3}.
-spec hexpiretime(mirror(), key(), [Field :: binary()]) -> [integer()] | failure().
hexpiretime(Mirror, Key, Fields) ->
    field_times(Mirror, Key, Fields, fun seconds/1).

%% @doc The same in milliseconds.
-spec hpexpiretime(mirror(), key(), [Field :: binary()]) -> [integer()] | failure().
hpexpiretime(Mirror, Key, Fields) ->
    field_times(Mirror, Key, Fields, fun(At) -> At end).

field_times(Mirror, Key, Fields, Time) ->
    hash(Mirror, Key, fun(Store, Body) ->
        [field_time(At, Time) || At <- eslaver_mirror_hash:expire_times(Store, Body, Fields)]
    end).

field_time(none, _Time) -> -2;
field_time(infinity, _Time) -> -1;
field_time(At, Time) -> Time(At).

seconds(Ms) ->
    max(0, Ms + 999) div 1000.

hash(Mirror, Key, Fun) ->
    eslaver_mirror_view:bodies(Mirror, [Key], hash, fun(Store, [Body]) -> Fun(Store, Body) end).

%% Streams.
%% ------------------------------------------------------------------------------------------------

%% @doc How many entries a stream has.
-spec xlen(mirror(), key()) -> non_neg_integer() | failure().
xlen(Mirror, Key) ->
    eslaver_mirror_view:read(Mirror, Key, stream, 0, fun eslaver_mirror_stream:length/2).

%% @equiv xrange(Mirror, Key, Start, End, infinity)
-spec xrange(mirror(), key(), Start :: entry_bound(), End :: entry_bound()) ->
    [entry()] | failure().
xrange(Mirror, Key, Start, End) ->
    xrange(Mirror, Key, Start, End, infinity).

%% @doc At most so many entries from the one id to the other.
-spec xrange(
    mirror(), key(), Start :: entry_bound(), End :: entry_bound(), non_neg_integer() | infinity
) -> [entry()] | failure().
xrange(Mirror, Key, Start, End, Count) ->
    entries(Mirror, Key, bound(lower, Start), bound(upper, End), fun
        (From, To) when From =< To -> {From, To, Count};
        (_, _) -> none
    end).

%% @equiv xrevrange(Mirror, Key, End, Start, infinity)
-spec xrevrange(mirror(), key(), End :: entry_bound(), Start :: entry_bound()) ->
    [entry()] | failure().
xrevrange(Mirror, Key, End, Start) ->
    xrevrange(Mirror, Key, End, Start, infinity).

%% @doc The same from the greater id to the lesser.
-spec xrevrange(
    mirror(), key(), End :: entry_bound(), Start :: entry_bound(), non_neg_integer() | infinity
) -> [entry()] | failure().
xrevrange(Mirror, Key, End, Start, Count) ->
    entries(Mirror, Key, bound(lower, Start), bound(upper, End), fun
        (From, To) when From =< To -> {To, From, Count};
        (_, _) -> none
    end).

%% @equiv xread(Mirror, Key, After, infinity)
-spec xread(mirror(), key(), After :: binary()) -> [entry()] | failure().
xread(Mirror, Key, After) ->
    xread(Mirror, Key, After, infinity).

%% @doc At most so many of the entries behind this id. It does not wait for any.
-spec xread(mirror(), key(), After :: binary(), non_neg_integer() | infinity) ->
    [entry()] | failure().
xread(Mirror, Key, After, Count) ->
    xrange(Mirror, Key, {exclusive, After}, '+', Count).

entries(Mirror, Key, Lower, Upper, Range) ->
    eslaver_mirror_view:read(Mirror, Key, stream, [], fun(Store, Body) ->
        case Lower =/= none andalso Upper =/= none andalso Range(Lower, Upper) of
            {From, To, Count} ->
                Found = eslaver_mirror_stream:range(Store, Body, From, To, Count),
                [{eslaver_mirror_stream_id:format(Id), Fields} || {Id, Fields} <- Found];
            _Empty ->
                []
        end
    end).

bound(Side, Bound) ->
    eslaver_mirror_stream_id:bound(Side, Bound).

%% @doc What a stream says of itself. There is nothing of how a server stores it; what the master's
%% version does not have (entries added before Redis 7.0, `idmp' before 8.6) is what a newer one would
%% have made of it.
-spec xinfo_stream(mirror(), key()) ->
    eslaver_mirror_stream_info:stream() | undefined | failure().
xinfo_stream(Mirror, Key) ->
    stream(Mirror, Key, fun eslaver_mirror_stream_info:stream/2).

%% @doc Its consumer groups, by name. `lag' and `entries_read' are `undefined' where the master does not
%% know them.
-spec xinfo_groups(mirror(), key()) ->
    [eslaver_mirror_stream_info:group()] | undefined | failure().
xinfo_groups(Mirror, Key) ->
    stream(Mirror, Key, fun eslaver_mirror_stream_info:groups/2).

%% @doc The consumers of a group, by name. A consumer that has only asked in vain may be missing, or be
%% shown as idle for too long: masters do not replicate that.
-spec xinfo_consumers(mirror(), key(), Group :: binary()) ->
    [eslaver_mirror_stream_info:consumer()] | undefined | failure().
xinfo_consumers(Mirror, Key, Group) ->
    stream(Mirror, Key, fun(Store, Body) ->
        eslaver_mirror_stream_info:consumers(Store, Body, Group)
    end).

%% @doc How many entries are pending in a group, the first and the last of them, and how many for whom.
-spec xpending(mirror(), key(), Group :: binary()) ->
    eslaver_mirror_stream_info:summary() | undefined | failure().
xpending(Mirror, Key, Group) ->
    stream(Mirror, Key, fun(Store, Body) ->
        eslaver_mirror_stream_info:pending(Store, Body, Group)
    end).

%% @equiv xpending(Mirror, Key, Group, Start, End, Count, #{})
-spec xpending(
    mirror(),
    key(),
    Group :: binary(),
    Start :: entry_bound(),
    End :: entry_bound(),
    Count :: non_neg_integer() | infinity
) -> [pending_entry()] | undefined | failure().
xpending(Mirror, Key, Group, Start, End, Count) ->
    xpending(Mirror, Key, Group, Start, End, Count, #{}).

%% @doc At most so many of the entries that are pending in a group, of those from one id to the other:
%% those of one `consumer', those that have been idle for `min_idle' ms, or all.
-spec xpending(
    mirror(),
    key(),
    Group :: binary(),
    Start :: entry_bound(),
    End :: entry_bound(),
    Count :: non_neg_integer() | infinity,
    eslaver_mirror_stream_info:filter()
) -> [pending_entry()] | undefined | failure().
xpending(Mirror, Key, Group, Start, End, Count, Filter) ->
    From = bound(lower, Start),
    To = bound(upper, End),
    stream(Mirror, Key, fun(Store, Body) ->
        case From =/= none andalso To =/= none of
            true ->
                Range = {From, To, Count},
                eslaver_mirror_stream_info:pending(Store, Body, {Group, Filter}, Range);
            false ->
                []
        end
    end).

stream(Mirror, Key, Fun) ->
    eslaver_mirror_view:read(Mirror, Key, stream, undefined, Fun).
