%% @doc The native half: stubs, and nothing else.
%%
%% A NIF library cannot be replaced in a running node, so this module has no reason to change unless
%% the library does; then `ABI' changes in both.
%% @private
-module(eslaver_nif).

-export([open/1, slice/1, credit/3, durable/2, close/1, counters/1, links/0, decode_dump/1]).
-export([commands/1, keys/3, keys_dirty/3, glob/2, glob_dirty/2]).
-export([lock_file/1, unlock_file/1, read_position/1, write_position/2, remove_position/1]).
-export_type([lock/0, link/0, address/0, config/0, resume/0, tls/0]).
-export_type([commands/0, keys/0, named_key/0]).

-on_load(load/0).

-define(ABI, 4).
-define(ERROR, {?MODULE, load_error}).

-opaque link() :: reference().
%% One connection to a master: its socket, its thread, its decoder. These are freed when the link
%% ends, whoever still has the handle.

-type address() ::
    {tcp, binary(), inet:port_number()}
    | {local, Path :: binary()}
    | {file, Path :: binary()}
    | {dump, Path :: binary()}.
%% A master, an RDB file, or the RDB file of an earlier run, which is read only if it is a file of
%% our own.

-type config() :: #{
    address := address(),
    user := binary() | undefined,
    password := binary() | undefined,
    listening_port := inet:port_number(),
    announce_ip := binary() | undefined,
    client_name := binary() | undefined,
    psync_command := binary(),
    rdb_compression := auto | boolean(),
    resume := resume() | undefined,
    dump := binary() | undefined,
    tls := tls() | undefined,
    events := classic | full,
    filter := eslaver_filter:filter() | undefined,
    connect_timeout := pos_integer(),
    repl_timeout := pos_integer(),
    proto_max_bulk_len := pos_integer(),
    max_arguments := pos_integer(),
    max_value := pos_integer(),
    hidden_commands := [binary()],
    server := pid()
}.
%% What a link is told. Times are in ms, sizes in bytes. Commands are hidden by tests: their keys
%% are taken from the master instead of the table.

-type tls() :: #{
    cacertfile := binary() | undefined,
    certfile := binary() | undefined,
    keyfile := binary() | undefined,
    server_name := binary() | undefined,
    verify := boolean() | chain
}.
%% Whom to trust (without `cacertfile': whom the system trusts), and who we are.

-type resume() :: #{
    replid := binary(),
    offset := non_neg_integer(),
    db := non_neg_integer(),
    in_transaction := boolean(),
    safe_offset := non_neg_integer(),
    safe_db := non_neg_integer()
}.
%% Where to go on.

%% @doc Begins a link for the calling process, which is to run {@link slice/1}. It ends with the
%% process. A link that has ended can still be asked for its {@link counters/1}; the other calls do
%% nothing then.
-spec open(config()) -> {ok, link()} | {error, binary() | invalid_config}.
open(_Config) -> erlang:nif_error(reason()).

%% @doc Decodes what has come and sends it to the server as `{eslaver_link, Pid, Message}'. After
%% `wait' and `no_credit' the process gets `{eslaver_nif, wake}' when there is more to do. A dump
%% that cannot be kept is told as `{eslaver_dump, Text}', even after the link's end.
-spec slice(link()) ->
    more | wait | no_credit | {closed, Tag :: atom(), Text :: binary(), Heals :: boolean()}.
slice(_Link) -> erlang:nif_error(reason()).

%% @doc Batches of this weight have been handled, and all up to this offset.
-spec credit(link(), non_neg_integer(), non_neg_integer() | undefined) -> ok.
credit(_Link, _Weight, _Offset) -> erlang:nif_error(reason()).

%% @doc All up to this offset is on the disk, too.
-spec durable(link(), non_neg_integer()) -> ok.
durable(_Link, _Offset) -> erlang:nif_error(reason()).

%% @doc Ends the link.
-spec close(link()) -> ok.
close(_Link) -> erlang:nif_error(reason()).

%% @doc Bytes of the snapshot, keys and commands decoded, and the offset decoded up to.
-spec counters(link()) ->
    {non_neg_integer(), non_neg_integer(), non_neg_integer(), non_neg_integer()}.
counters(_Link) -> erlang:nif_error(reason()).

%% @doc How many links there are in this node of which more is left than the handle, for tests of
%% leaks.
-spec links() -> non_neg_integer().
links() -> erlang:nif_error(reason()).

-type named_key() :: Key :: binary() | {Db :: non_neg_integer(), Key :: binary()}.

-type keys() ::
    {Changed :: [named_key()], Read :: [named_key()]}
    | flushdb
    | flushall
    | {swapdb, non_neg_integer(), non_neg_integer()}
    | {slots, [{First :: 0..16383, Last :: 0..16383}]}
    | unnamed
    | not_a_write
    | unknown.

-opaque commands() :: reference().
%% What a master told of commands that the table does not have.

%% @doc What the link's master told, if anything. It does not change once the sync has begun.
-spec commands(link()) -> commands() | undefined.
commands(_Link) -> erlang:nif_error(reason()).

%% @doc The keys of a command, those it changes and those it only reads, with the db where that is
%% another than the selected one; or what it does instead. `unnamed' are some keys, and `unknown' is
%% a command that neither the table nor the master tells of. See {@link eslaver_keys}.
-spec keys(binary(), [binary()], commands() | undefined) -> keys().
keys(_Name, _Args, _Commands) -> erlang:nif_error(reason()).

%% @doc The same for a long list of arguments.
-spec keys_dirty(binary(), [binary()], commands() | undefined) -> keys().
keys_dirty(_Name, _Args, _Commands) -> erlang:nif_error(reason()).

%% @doc Whether the key matches, by the rules of the servers' `KEYS'.
-spec glob(binary(), binary()) -> boolean().
glob(_Pattern, _Key) -> erlang:nif_error(reason()).

%% @doc The same for a large key.
-spec glob_dirty(binary(), binary()) -> boolean().
glob_dirty(_Pattern, _Key) -> erlang:nif_error(reason()).

%% @doc The value of a `DUMP', as a full event of a key without a name in db 0.
-spec decode_dump(binary()) -> {ok, {loading, atom(), binary(), term(), map()}} | {error, binary()}.
decode_dump(_Payload) -> erlang:nif_error(reason()).

-opaque lock() :: reference().
%% A locked file.

%% @doc Locks a file, which is created if it is missing, against all others, whatever node they are
%% in, until it is unlocked or the calling process ends.
-spec lock_file(binary()) -> {ok, lock()} | {error, locked | binary()}.
lock_file(_Path) -> erlang:nif_error(reason()).

%% @doc Unlocks it.
-spec unlock_file(lock()) -> ok.
unlock_file(_Lock) -> erlang:nif_error(reason()).

%% @doc The bytes of a file of our own, 4096 at most.
-spec read_position(binary()) -> {ok, binary()} | none | {error, binary()}.
read_position(_Path) -> erlang:nif_error(reason()).

%% @doc Replaces a file as a whole. It is on the disk on return.
-spec write_position(binary(), binary()) -> ok | {error, binary()}.
write_position(_Path, _Bytes) -> erlang:nif_error(reason()).

%% @doc Removes a file, if there is one. It is gone from the disk on return.
-spec remove_position(binary()) -> ok | {error, binary()}.
remove_position(_Path) -> erlang:nif_error(reason()).

-spec load() -> ok | {error, term()}.
load() ->
    File = filename:join(priv_dir(), "eslaver_nif"),
    case erlang:load_nif(File, ?ABI) of
        ok ->
            ok;
        {error, {Reason, _}} = Error when Reason =:= reload; Reason =:= upgrade ->
            Error;
        {error, {Reason, Text}} ->
            Sentence = sentence(Reason, File, Text),
            persistent_term:put(?ERROR, unicode:characters_to_binary(Sentence))
    end.

priv_dir() ->
    case code:priv_dir(eslaver) of
        {error, bad_name} ->
            Ebin = filename:dirname(code:which(?MODULE)),
            filename:join(filename:dirname(Ebin), "priv");
        Dir ->
            Dir
    end.

sentence(load, File, _Text) ->
    io_lib:format(
        "~ts.so belongs to another version of eslaver than this Erlang code: compile eslaver "
        "again (rebar3 compile, or mix deps.compile eslaver --force).",
        [File]
    );
sentence(_Reason, File, Text) ->
    io_lib:format(
        "the native library ~ts.so cannot be loaded: ~ts. Compile eslaver again; it needs Rust.",
        [File, Text]
    ).

reason() ->
    {nif_not_loaded, persistent_term:get(?ERROR, <<"eslaver_nif is not loaded">>)}.
