%% @doc The types of mirrors that several modules share, and the options and results of single calls
%% of {@link eslaver_mirror}.
-module(eslaver_mirror_types).

-export_type([mirror/0, failure/0, status/0, slots/0, value_type/0, options/1]).
-export_type([projection/0, map_function/0, projected_type/0]).
-export_type([scan_options/0, sort_options/0]).
-export_type([lcs_options/0, lcs_matches/0, range/0]).
-export_type([geosearch_options/0, georadius_options/0, geo_answer/0]).
-export_type([place/0, shape/0, coordinates/0, distance_unit/0]).
-export_type([array_bound/0, array_info/0, argrep_options/0, arop/0]).
-export_type([vector_info/0, raw_vector/0, quantization/0]).
-export_type([entry/0, entry_bound/0, after_ids/0, xpending_options/0]).
-export_type([stream_info/0, full_stream_info/0, full_group_info/0, full_consumer_info/0]).
-export_type([group_info/0, consumer_info/0, pending_summary/0]).

-type mirror() :: atom() | {atom(), Db :: non_neg_integer()}.
%% The name of a mirror, for its database 0, or `{Name, Db}'.

-type failure() :: {error, not_running | loading | stale | not_served | wrongtype | unknown}.
%% Why a read has no value:
%% <ul>
%% <li>`not_running': there is no mirror of this name</li>
%% <li>`loading': there is no data yet</li>
%% <li>`stale': the data may be old, and `serve_stale_data' is `false'</li>
%% <li>`not_served': no shard that is followed has the key's slot</li>
%% <li>`wrongtype': the key has another type</li>
%% <li>`unknown': a command that could not be mirrored wrote the key</li>
%% </ul>

-type status() :: loading | fresh | stale.
%% The state of a mirror's data.

-type slots() :: one | any.
%% Whether the reads of a fun may be of several slots.

-type value_type() ::
    eslaver_types:value_type() | {module, Name :: binary()} | vectorset.
%% The type of a key.

-type options(Map) :: Map | eslaver_types:keywords().
%% A map of options, or a keyword list.

-type projection() :: #{
    keys := Glob :: iodata() | [Glob :: iodata(), ...],
    type := projected_type(),
    table := atom() | ets:tid(),
    map := map_function(),
    db => non_neg_integer()
}.
%% Keys to keep as rows of an ETS table.

-type map_function() ::
    fun((Key :: binary(), Value :: term()) -> tuple() | [tuple()] | skip)
    | {module(), Function :: atom()}
    | {module(), Function :: atom(), Args :: [term()]}.
%% Makes rows of a key and its value. With `Args' these two come after them.

-type projected_type() ::
    string | list | set | zset | hash | stream | array | gcra | path_hash | vectorset.
%% The type of a projection's keys.

-type scan_options() :: options(#{match => binary(), count => pos_integer()}).
%% `match': a glob as in `KEYS'. `count': about how many elements to look at, by default 10.

-type sort_options() :: options(#{
    by => nosort | binary(),
    get => [binary()],
    limit => {Start :: integer(), Count :: integer()},
    order => asc | desc,
    alpha => boolean()
}).
%% Those of `SORT'.

-type lcs_options() :: options(#{
    len => boolean(),
    idx => boolean(),
    min_match_len => integer(),
    with_match_len => boolean()
}).
%% Those of `LCS'.

-type range() :: {First :: non_neg_integer(), Last :: non_neg_integer()}.
%% Inclusive.

-type lcs_matches() :: #{
    matches := [{range(), range()} | {range(), range(), Length :: pos_integer()}],
    len := non_neg_integer()
}.
%% Where the two strings match, and the length of the whole subsequence.

-type geosearch_options() :: options(#{
    from => place(),
    by => shape(),
    order => asc | desc,
    count => pos_integer(),
    any => boolean(),
    with_coord => boolean(),
    with_dist => boolean(),
    with_hash => boolean()
}).
%% Those of `GEOSEARCH'.

-type georadius_options() :: options(#{
    order => asc | desc,
    count => pos_integer(),
    any => boolean(),
    with_coord => boolean(),
    with_dist => boolean(),
    with_hash => boolean()
}).
%% Those of `GEORADIUS_RO'.

-type geo_answer() :: [binary()] | [{binary(), #{coord | dist | hash => term()}}].
%% Members, with what the options ask for.

-type place() :: {member, binary()} | {lonlat, Longitude :: number(), Latitude :: number()}.
%% The center of a search.

-type shape() ::
    {radius, Radius :: number(), distance_unit()}
    | {box, Width :: number(), Height :: number(), distance_unit()}
    | {polygon, [coordinates()]}.
%% The area of a search.

-type coordinates() :: {Longitude :: number(), Latitude :: number()}.
%% In degrees.

-type distance_unit() :: m | km | ft | mi.
%% The unit of a distance.

-type array_bound() :: '-' | '+' | non_neg_integer().
%% The first index of an array, the last one, or this one.

-type array_info() :: #{
    count := pos_integer(),
    length := pos_integer(),
    next_insert_index := non_neg_integer()
}.
%% What `ARINFO' returns.

-type argrep_options() :: options(#{
    exact => [binary()],
    match => [binary()],
    glob => [binary()],
    combine => 'or' | 'and',
    nocase => boolean(),
    limit => pos_integer(),
    with_values => boolean()
}).
%% Those of `ARGREP'.

-type arop() :: sum | min | max | 'and' | 'or' | 'xor' | used | {match, binary()}.
%% An aggregation of `AROP'.

-type vector_info() :: #{
    quant_type := quantization(),
    hnsw_m := pos_integer(),
    vector_dim := pos_integer(),
    projection_input_dim := non_neg_integer(),
    size := non_neg_integer(),
    attributes_count := non_neg_integer()
}.
%% What `VINFO' returns, except what only the server has.

-type raw_vector() :: {quantization(), Vector :: binary(), L2 :: float(), Range :: float()}.
%% The vector as the server keeps it. The range is 0.0 unless the quantization is `int8'.

-type quantization() :: f32 | int8 | bin.
%% How a vector set keeps its vectors.

-type entry() :: {Id :: binary(), [{Field :: binary(), Value :: binary()}]}.
%% An entry of a stream.

-type entry_bound() :: '-' | '+' | binary() | {exclusive, binary()}.
%% An id such as `<<"1526919030474-55">>'; the part from the dash on is optional. The range includes
%% it unless it is `{exclusive, Id}'. `-' and `+' are the lowest and the highest id.

-type after_ids() :: #{Key :: binary() => Id :: binary()} | [{Key :: binary(), Id :: binary()}].
%% Streams, and the ids after which their entries are read.

-type xpending_options() :: options(#{consumer => binary(), idle => non_neg_integer()}).
%% Those of `XPENDING': only this consumer's entries, only those idle for this time in ms.

-type stream_info() :: #{
    length := non_neg_integer(),
    last_generated_id := binary(),
    max_deleted_entry_id := binary(),
    entries_added := non_neg_integer(),
    recorded_first_entry_id := binary(),
    groups := non_neg_integer(),
    first_entry := entry() | undefined,
    last_entry := entry() | undefined,
    idmp_duration := pos_integer(),
    idmp_maxsize := pos_integer(),
    pids_tracked := non_neg_integer(),
    iids_tracked := non_neg_integer(),
    iids_added := non_neg_integer(),
    iids_duplicates := non_neg_integer()
}.
%% What `XINFO STREAM' returns.

-type full_stream_info() :: #{
    length := non_neg_integer(),
    last_generated_id := binary(),
    max_deleted_entry_id := binary(),
    entries_added := non_neg_integer(),
    recorded_first_entry_id := binary(),
    entries := [entry()],
    groups := [full_group_info()],
    idmp_duration := pos_integer(),
    idmp_maxsize := pos_integer(),
    pids_tracked := non_neg_integer(),
    iids_tracked := non_neg_integer(),
    iids_added := non_neg_integer(),
    iids_duplicates := non_neg_integer()
}.
%% What `XINFO STREAM … FULL' returns.

-type full_group_info() :: #{
    name := binary(),
    last_delivered_id := binary(),
    entries_read := non_neg_integer() | undefined,
    lag := integer() | undefined,
    pel_count := non_neg_integer(),
    nacked_count := non_neg_integer(),
    pending := [
        {Id :: binary(), Consumer :: binary(), DeliveredAt :: integer(), Deliveries :: integer()}
    ],
    consumers := [full_consumer_info()]
}.
%% A group of `XINFO STREAM … FULL'.

-type full_consumer_info() :: #{
    name := binary(),
    seen_time := integer(),
    active_time := integer() | undefined,
    pel_count := non_neg_integer(),
    pending := [{Id :: binary(), DeliveredAt :: integer(), Deliveries :: integer()}]
}.
%% A consumer of `XINFO STREAM … FULL'.

-type group_info() :: #{
    name := binary(),
    consumers := non_neg_integer(),
    pending := non_neg_integer(),
    nacked := non_neg_integer(),
    last_delivered_id := binary(),
    entries_read := non_neg_integer() | undefined,
    lag := integer() | undefined
}.
%% A group of `XINFO GROUPS'.

-type consumer_info() :: #{
    name := binary(),
    pending := non_neg_integer(),
    idle := non_neg_integer(),
    inactive := non_neg_integer() | undefined
}.
%% A consumer of `XINFO CONSUMERS'.

-type pending_summary() :: {
    Count :: non_neg_integer(),
    First :: binary() | undefined,
    Last :: binary() | undefined,
    [{Consumer :: binary(), Count :: pos_integer()}]
}.
%% What `XPENDING' returns without a range.
