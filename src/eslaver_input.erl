%% @doc The types of the options that users give: dialyzer finds misspelt keys by them. The guide
%% Options describes each option.
-module(eslaver_input).

-export_type([replica/0, mirror/0]).
-export_type([text/0, absent/0, host/0, endpoint/0, password/0, tls/0, reach/0]).

-type text() :: string() | binary().
%% Text in UTF-8 or as a string.

-type absent() :: undefined | undef | nil.
%% As if the option were not given.

-type host() :: text() | inet:ip_address().
%% A name or an address.

-type endpoint() :: host() | {host(), inet:port_number()}.
%% A host with the default port, `"host:port"', or a host and a port.

-type password() :: text() | absent() | fun(() -> text() | absent()).
%% A password, or a fun that returns it.

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
    | eslaver_types:keywords().
%% Whether and how to use TLS.

-type reach() :: fun(({Host :: binary(), inet:port_number()}) -> {text(), inet:port_number()}).
%% Maps the address that a node of a cluster announces to one that can be reached.

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
    callback => eslaver_types:callback(),
    mailbox_limit => pos_integer() | infinity,
    on_error => eslaver_types:on_error(),
    events => classic | full,
    resume =>
        eslaver_types:position() | {file, Path :: text()} | {module(), Args :: term()} | absent(),
    acknowledge => handled | received,
    filter => eslaver_types:filter() | eslaver_types:keywords() | absent(),
    telemetry => eslaver_types:telemetry() | nil,
    telemetry_every => pos_integer() | infinity,
    hooks => eslaver_types:telemetry() | nil,
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
    name => atom() | eslaver_types:name() | absent()
}.
%% The options of a replica.

-type mirror() :: #{
    full_resync => beside | in_place,
    serve_stale_data => boolean(),
    undefined => undefined | nil,
    max_memory => pos_integer() | absent(),
    fresh_within => pos_integer() | infinity | absent(),
    persist =>
        text()
        | #{file := text(), interval => pos_integer() | infinity}
        | eslaver_types:keywords()
        | absent(),
    project => [eslaver_mirror_types:projection() | eslaver_types:keywords()],
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
    callback => eslaver_types:callback(),
    mailbox_limit => pos_integer() | infinity,
    on_error => eslaver_types:on_error(),
    events => classic | full,
    resume =>
        eslaver_types:position() | {file, Path :: text()} | {module(), Args :: term()} | absent(),
    acknowledge => handled | received,
    filter => eslaver_types:filter() | eslaver_types:keywords() | absent(),
    telemetry => eslaver_types:telemetry() | nil,
    telemetry_every => pos_integer() | infinity,
    hooks => eslaver_types:telemetry() | nil,
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
%% The options of a mirror.
