%% @doc The links of a replica: one to its master, and perhaps one to the RDB file of an earlier
%% run, which stands in for a master that cannot be reached at the start.
%% @private
-module(eslaver_links).

-export([new/0, open_master/4, leave/2, open_file/2, close_file/1, lost/1, stop/1]).
-export([source/2, credit/4, durable/2, told/1]).
-export([has_moved/1, commands/1, loading/1, address/1]).
-export_type([links/0, source/0]).

-type source() :: master | file.

-type link() :: {pid(), eslaver_nif:link()}.

-record(links, {
    master :: undefined | link(),
    file :: undefined | link(),
    %% The address of the link to the master.
    address :: undefined | eslaver_nif:address(),
    %% Commands of earlier links to the master.
    commands = 0 :: non_neg_integer()
}).

-opaque links() :: #links{}.

%% @doc No links.
-spec new() -> links().
new() ->
    #links{}.

%% @doc Starts a link to the master at this address, to resume from this position.
-spec open_master(
    eslaver_nif:address(),
    eslaver_position:position() | undefined,
    eslaver_options:options(),
    links()
) -> {ok, links()} | {error, Text :: binary()}.
open_master(Address, Position, Options, Links) ->
    case eslaver_link:start_link(Address, Position, Options) of
        {ok, Link} -> {ok, Links#links{master = Link, address = Address}};
        {error, Reason} -> {error, words(Reason)}
    end.

words(Text) when is_binary(Text) -> Text;
words(Reason) -> eslaver_text:format("~0tp", [Reason]).

%% @doc Ends the link to the master, unless it goes to this address. Its end follows as a message.
-spec leave(eslaver_nif:address(), links()) -> there | left | none.
leave(_Address, #links{master = undefined}) ->
    none;
leave(Address, #links{address = Address}) ->
    there;
leave(_Address, #links{master = {_Pid, Handle}}) ->
    ok = eslaver_nif:close(Handle),
    left.

%% @doc Starts a link to the RDB file.
-spec open_file(eslaver_options:options(), links()) -> {ok, links()} | {error, Text :: binary()}.
open_file(#{dbfilename := File} = Options, Links) ->
    case eslaver_link:start_link({own_file, File}, undefined, Options#{dbfilename := undefined}) of
        {ok, Link} -> {ok, Links#links{file = Link}};
        {error, Reason} -> {error, words(Reason)}
    end.

%% @doc Ends the link to the RDB file, if there is one. What it has sent is void.
-spec close_file(links()) -> links().
close_file(#links{file = File} = Links) ->
    _ = [ok = eslaver_nif:close(Handle) || {_Pid, Handle} <- [File]],
    Links#links{file = undefined}.

%% @doc The link to the master has ended.
-spec lost(links()) -> links().
lost(Links) ->
    Links#links{master = undefined, address = undefined, commands = commands(Links)}.

%% @doc Ends all links, and takes what they have sent out of the caller's mailbox.
-spec stop(links()) -> ok.
stop(#links{master = Master, file = File}) ->
    _ = [ok = eslaver_link:stop(Pid, Handle) || {Pid, Handle} <- [Master, File]],
    eslaver_link:flush().

%% @doc Which of the links this process is.
-spec source(pid(), links()) -> source() | none.
source(Pid, #links{master = {Pid, _}}) -> master;
source(Pid, #links{file = {Pid, _}}) -> file;
source(_Pid, _Links) -> none.

%% @doc Batches of this weight have been handled, and everything up to this offset.
-spec credit(source(), non_neg_integer(), non_neg_integer() | undefined, links()) -> ok.
credit(master, Weight, Offset, #links{master = {_, Handle}}) ->
    eslaver_nif:credit(Handle, Weight, Offset);
credit(file, Weight, Offset, #links{file = {_, Handle}}) ->
    eslaver_nif:credit(Handle, Weight, Offset).

%% @doc Everything up to this offset is on the disk.
-spec durable(non_neg_integer(), links()) -> ok.
durable(Offset, #links{master = {_, Handle}}) -> eslaver_nif:durable(Handle, Offset);
durable(_Offset, #links{master = undefined}) -> ok.

%% @doc What the master has told of its commands.
-spec told(links()) -> eslaver_nif:commands() | undefined.
told(#links{master = {_, Handle}}) -> eslaver_nif:commands(Handle).

%% @doc Whether commands have arrived over the link to the master.
-spec has_moved(links()) -> boolean().
has_moved(Links) ->
    {_, _, Commands, _} = counters(Links),
    Commands > 0.

%% @doc Commands of all links to the master so far.
-spec commands(links()) -> non_neg_integer().
commands(#links{commands = Before} = Links) ->
    {_, _, Commands, _} = counters(Links),
    Before + Commands.

%% @doc The address of the link to the master, if there is one.
-spec address(links()) -> eslaver_nif:address() | undefined.
address(#links{address = Address}) -> Address.

%% @doc Bytes and keys of the load in progress, of the RDB file or of the master's snapshot.
-spec loading(links()) -> {Bytes :: non_neg_integer(), Keys :: non_neg_integer()}.
loading(#links{file = {_, Handle}}) ->
    {Bytes, Keys, _, _} = eslaver_nif:counters(Handle),
    {Bytes, Keys};
loading(Links) ->
    {Bytes, Keys, _, _} = counters(Links),
    {Bytes, Keys}.

counters(#links{master = {_, Handle}}) -> eslaver_nif:counters(Handle);
counters(#links{master = undefined}) -> {0, 0, 0, 0}.
