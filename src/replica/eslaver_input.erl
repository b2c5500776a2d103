%% @doc The types of what users give as options. A key that is none of these is for dialyzer to see;
%% what each may be is checked by {@link eslaver_options} and {@link eslaver_mirror_options}.
%% @private
-module(eslaver_input).

-export_type([replica/0, mirror/0, keywords/0, text/0]).

-type text() :: string() | binary().

-type absent() :: undefined | undef | nil.
%% As if the option were not given.

-type host() :: text() | inet:ip_address().

-type endpoint() :: host() | {host(), inet:port_number()}.
%% Text may also be `"host:port"'.

-type password() :: text() | absent() | fun(() -> text() | absent()).

-type tls() ::
    boolean()
    | absent()
    | #{
        cacertfile => text() | absent(),
        certfile => text() | absent(),
        keyfile => text() | absent(),
        server_name => host() | absent(),
        verify => boolean() | chain
    }
    | keywords().

-type reach() :: fun(({Host :: binary(), inet:port_number()}) -> {text(), inet:port_number()}).

-type replica() :: #{
    master_host => host() | {local, Path :: text()},
    master_port => inet:port_number(),
    master_user => text() | absent(),
    master_auth => password(),
    master_url => text() | absent(),
    tls => tls(),
    sentinels => [endpoint(), ...] | absent(),
    master_name => text() | absent(),
    sentinel_user => text() | absent(),
    sentinel_auth => password(),
    sentinel_tls => tls(),
    cluster => [endpoint(), ...] | absent(),
    shards => all | fun((Shard :: map()) -> boolean()),
    addresses => reach() | absent(),
    migration_wait => pos_integer(),
    read_from => master | prefer_replica | replica,
    empty_master_delay => non_neg_integer(),
    dbfilename => text() | absent(),
    load_dump => boolean(),
    callback => eslaver_callback:spec(),
    mailbox_limit => pos_integer() | infinity,
    on_error => eslaver_skips:spec(),
    events => classic | full,
    resume =>
        eslaver_position:safe() | {file, Path :: text()} | {module(), Args :: term()} | absent(),
    acknowledge => handled | received,
    filter => eslaver_filter:input() | keywords() | absent(),
    telemetry => eslaver_telemetry:spec() | nil,
    telemetry_every => pos_integer() | infinity,
    hooks => eslaver_telemetry:spec() | nil,
    log_data => boolean(),
    warn_lag => pos_integer() | infinity,
    master_offset_every => pos_integer() | absent(),
    announce_ip => host() | absent(),
    announce_port => inet:port_number(),
    client_name => text() | absent(),
    psync_command => text(),
    rdb_compression => auto | boolean(),
    connect_timeout => pos_integer(),
    repl_timeout => pos_integer(),
    proto_max_bulk_len => pos_integer(),
    max_arguments => pos_integer(),
    max_value => pos_integer() | infinity,
    name => atom() | eslaver_name:name()
}.

-type mirror() :: #{
    full_resync => beside | in_place,
    serve_stale_data => boolean(),
    max_memory => pos_integer() | absent(),
    fresh_within => pos_integer() | infinity | absent(),
    persist =>
        text()
        | #{file := text(), interval => pos_integer() | infinity}
        | keywords()
        | absent(),
    project => [eslaver_mirror_projection:declared() | keywords()],
    master_host => host() | {local, Path :: text()},
    master_port => inet:port_number(),
    master_user => text() | absent(),
    master_auth => password(),
    master_url => text() | absent(),
    tls => tls(),
    sentinels => [endpoint(), ...] | absent(),
    master_name => text() | absent(),
    sentinel_user => text() | absent(),
    sentinel_auth => password(),
    sentinel_tls => tls(),
    cluster => [endpoint(), ...] | absent(),
    shards => all | fun((Shard :: map()) -> boolean()),
    addresses => reach() | absent(),
    migration_wait => pos_integer(),
    read_from => master | prefer_replica | replica,
    empty_master_delay => non_neg_integer(),
    dbfilename => text() | absent(),
    callback => eslaver_callback:spec(),
    mailbox_limit => pos_integer() | infinity,
    on_error => eslaver_skips:spec(),
    events => classic | full,
    resume =>
        eslaver_position:safe() | {file, Path :: text()} | {module(), Args :: term()} | absent(),
    acknowledge => handled | received,
    filter => eslaver_filter:input() | keywords() | absent(),
    telemetry => eslaver_telemetry:spec() | nil,
    telemetry_every => pos_integer() | infinity,
    hooks => eslaver_telemetry:spec() | nil,
    log_data => boolean(),
    warn_lag => pos_integer() | infinity,
    master_offset_every => pos_integer() | absent(),
    announce_ip => host() | absent(),
    announce_port => inet:port_number(),
    client_name => text() | absent(),
    psync_command => text(),
    rdb_compression => auto | boolean(),
    connect_timeout => pos_integer(),
    repl_timeout => pos_integer(),
    proto_max_bulk_len => pos_integer(),
    max_arguments => pos_integer(),
    max_value => pos_integer() | infinity,
    name => atom() | {local, atom()}
}.

-type keywords() :: [{Key :: atom(), Value :: term()} | (Key :: atom())].
%% A list in place of a map, as in Elixir. A key alone stands for `{Key, true}'.
