%% @doc What a replica, a mirror or a cluster shows of itself, for `info': any process reads it at
%% once, whatever the other is doing, as nothing is asked of that. What changes all the time is in
%% counters, which the facts on the board refer to.
%% @private
-module(eslaver_board).

-export([new/1, show/2, own/1, facts/1, read/1, look/1]).
-export_type([board/0]).

-record(board, {
    %% The module that makes an info of the facts.
    module :: module(),
    native :: eslaver_nif:board(),
    facts :: term()
}).

-opaque board() :: #board{}.

%% For an answer of another node, in ms.
-define(TIMEOUT, 5000).

-callback info(Facts :: term()) -> map().

%% @doc Of the calling process, without facts. The module makes an info of them.
-spec new(module()) -> board().
new(Module) ->
    #board{module = Module, native = eslaver_nif:board_new()}.

%% @doc Shows these facts from now on.
-spec show(Facts :: term(), board()) -> board().
show(Facts, #board{facts = Facts} = Board) ->
    Board;
show(Facts, #board{module = Module, native = Native} = Board) ->
    ok = eslaver_nif:board_show(Native, {Module, Facts}),
    Board#board{facts = Facts}.

%% @doc The info of a board.
-spec own(board()) -> map().
own(#board{module = Module, facts = Facts}) -> Module:info(Facts).

%% @doc The facts that a process of this node shows.
-spec facts(pid()) -> {ok, Facts :: term()} | none.
facts(Pid) ->
    case is_process_alive(Pid) andalso eslaver_nif:board_read(Pid) of
        {ok, {_Module, Facts}} -> {ok, Facts};
        _ -> none
    end.

%% @doc The info of a process, perhaps of another node.
-spec read(pid() | undefined) -> {ok, map()} | none.
read(Pid) ->
    case look(Pid) of
        {ok, Info} -> {ok, Info};
        _ -> none
    end.

%% @doc The same, but a process that runs and shows nothing yet is `starting'.
-spec look(pid() | undefined) -> {ok, map()} | starting | none.
look(Pid) when is_pid(Pid), node(Pid) =:= node() ->
    case is_process_alive(Pid) andalso eslaver_nif:board_read(Pid) of
        {ok, {Module, Facts}} -> {ok, Module:info(Facts)};
        false -> none;
        _ -> starting
    end;
look(Pid) when is_pid(Pid) ->
    try
        erpc:call(node(Pid), ?MODULE, look, [Pid], ?TIMEOUT)
    catch
        error:{erpc, _} -> none
    end;
look(undefined) ->
    none.
