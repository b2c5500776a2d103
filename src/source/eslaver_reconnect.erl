%% @doc Where to connect to next, and when: it asks the source, follows the addresses that the
%% source names by itself, and lengthens the pauses between attempts.
%% @private
-module(eslaver_reconnect).

-export([new/2, failed/2, next/2, heard/3, met/2, leave/2, explained/2, up/2, moved/2, down/4]).
-export([node_at/2, name/1, up_for/1, waits/2, info/1, shown/1, close/1]).
-export_type([reconnect/0, report/0]).

-record(reconnect, {
    source :: eslaver_source:source(),
    %% The address to connect to next, where the source has named one by itself.
    next :: undefined | eslaver_nif:address(),
    %% When the next attempt is, in monotonic ms.
    next_try :: undefined | integer(),
    retry = eslaver_retry:new() :: eslaver_retry:retry()
}).

-opaque reconnect() :: #reconnect{}.

-type report() :: quiet | {logger:level(), What :: atom(), map()}.
%% What to log.

%% @doc For the calling process.
-spec new(eslaver_source:spec(), eslaver_source:settings()) -> reconnect().
new(Spec, Settings) ->
    #reconnect{source = eslaver_source:new(Spec, Settings)}.

%% @doc An earlier life of the replica has failed.
-spec failed(eslaver_restarts:failed(), reconnect()) -> reconnect().
failed(Failed, #reconnect{retry = Retry} = Reconnect) ->
    Reconnect#reconnect{retry = eslaver_retry:failed(Failed, Retry)}.

%% @doc The address to connect to, or `asked': then {@link heard/3} tells it.
-spec next(eslaver_source:need(), reconnect()) ->
    {connect, eslaver_nif:address(), reconnect()} | {asked, reconnect()}.
next(Need, #reconnect{next = undefined, source = Source} = Reconnect) ->
    Trying = Reconnect#reconnect{next_try = undefined},
    case eslaver_source:find(Need, Source) of
        {found, Address, Next} -> {connect, Address, Trying#reconnect{source = Next}};
        {asked, Next} -> {asked, Trying#reconnect{source = Next}}
    end;
next(_Need, #reconnect{next = Address} = Reconnect) ->
    {connect, Address, Reconnect#reconnect{next = undefined, next_try = undefined}}.

%% @doc The next attempt is after this pause.
-spec waits(Pause :: non_neg_integer(), reconnect()) -> reconnect().
waits(Pause, Reconnect) ->
    Reconnect#reconnect{next_try = eslaver_clock:now_ms() + Pause}.

%% @doc Reads a message of the process' mailbox.
-spec heard(Message :: term(), eslaver_source:need(), reconnect()) ->
    {eslaver_source:news(), reconnect()}.
heard(Message, Need, #reconnect{source = Source} = Reconnect) ->
    {News, Next} = eslaver_source:handle(Message, Need, Source),
    {News, Reconnect#reconnect{source = Next}}.

%% @doc A node has told of itself, and may be followed.
-spec met(eslaver_source:peer(), reconnect()) -> reconnect().
met(Peer, #reconnect{source = Source} = Reconnect) ->
    Reconnect#reconnect{source = eslaver_source:met(Peer, Source)}.

%% @doc The link that there is ends for one to this address, at once.
-spec leave(eslaver_nif:address(), reconnect()) -> reconnect().
leave(Address, Reconnect) ->
    Reconnect#reconnect{next = Address}.

%% @doc What a link to a master has sent. One that was left for another address says at its end only
%% that it was stopped.
-spec explained(Message, reconnect()) -> Message when Message :: tuple().
explained({closed, stopped, _, _} = Message, #reconnect{next = undefined}) ->
    Message;
explained({closed, stopped, _Text, Heals}, #reconnect{next = Address}) ->
    {closed, moved, eslaver_text:format("left for ~ts", [eslaver_log:address(Address)]), Heals};
explained(Message, _Reconnect) ->
    Message.

%% @doc The link is up.
-spec up(eslaver_retry:resync(), reconnect()) -> reconnect().
up(Resync, #reconnect{retry = Retry} = Reconnect) ->
    Reconnect#reconnect{retry = eslaver_retry:up(Resync, Retry)}.

%% @doc Whether commands have arrived.
-spec moved(boolean(), reconnect()) -> reconnect().
moved(true, #reconnect{retry = Retry} = Reconnect) ->
    Reconnect#reconnect{retry = eslaver_retry:moved(Retry)};
moved(false, Reconnect) ->
    Reconnect.

%% @doc A link to this node is lost, or could not be made: the pause in ms, and what to log.
-spec down(Why, WasUp :: boolean(), eslaver_source:peer(), reconnect()) ->
    {Pause :: non_neg_integer(), report(), reconnect()}
when
    Why :: {eslaver_retry:error(), Heals :: boolean()}.
down({Error, Heals}, WasUp, Peer, #reconnect{retry = Retry} = Reconnect) ->
    {Pause, Level, Next} = eslaver_retry:down(Error, Heals, WasUp, Retry),
    case elsewhere(Error, Peer, Reconnect#reconnect{retry = Next}) of
        #reconnect{next = undefined} = Down ->
            {Pause, lost(Level, WasUp, Error), Down};
        #reconnect{next = Address} = Down ->
            {0, found(Level, Address), Down}
    end.

%% Where the same is found again and again it is said once.
found(quiet, _Address) -> quiet;
found(_Level, Address) -> {notice, moved, #{to => eslaver_log:address(Address)}}.

%% Another address that the source has for a node which is not what is wanted.
elsewhere(#{reason := Reason}, Peer, #reconnect{next = undefined} = Reconnect) when
    Reason =:= replica; Reason =:= master
->
    case eslaver_source:refused(Reason, Peer, Reconnect#reconnect.source) of
        {found, Address, Next} -> Reconnect#reconnect{source = Next, next = Address};
        {again, Next} -> Reconnect#reconnect{source = Next}
    end;
elsewhere(_Error, _Peer, Reconnect) ->
    Reconnect.

lost(quiet, _WasUp, _Error) -> quiet;
lost(Level, true, Error) -> {Level, link_down, Error};
lost(Level, false, Error) -> {Level, no_link, Error}.

%% @doc The id of the node that is expected at an address, if nodes have ids.
-spec node_at(eslaver_nif:address(), reconnect()) -> binary() | undefined.
node_at(Address, #reconnect{source = Source}) -> eslaver_source:node_at(Address, Source).

%% @doc The source for people, before there is a link.
-spec name(reconnect()) -> binary().
name(#reconnect{source = Source}) -> eslaver_source:shown(Source).

%% @doc For how many ms the link has been up.
-spec up_for(reconnect()) -> non_neg_integer().
up_for(#reconnect{retry = Retry}) -> eslaver_retry:up_for(Retry).

%% @doc How often there were attempts, and why the last has failed.
-spec info(reconnect()) ->
    #{reconnects := non_neg_integer(), restarts := non_neg_integer(), last_error := _}.
info(#reconnect{retry = Retry}) -> eslaver_retry:info(Retry).

%% @doc The same, for `info', and when the next is, in monotonic ms.
-spec shown(reconnect()) -> #{next_try := undefined | integer(), atom() => term()}.
shown(#reconnect{next_try = At} = Reconnect) -> (info(Reconnect))#{next_try => At}.

%% @doc It is needed no more.
-spec close(reconnect()) -> ok.
close(#reconnect{source = Source}) -> eslaver_source:close(Source).
