%% @doc A position kept in the user's store, a module of the behaviour {@link
%% eslaver_position_store}. What it raises is a failure like any other.
%% @private
-module(eslaver_position_stored).
-behaviour(eslaver_position_writer).

-export([open/1, load/1, save/2, close/1]).
-export_type([args/0]).

-type args() :: {module(), eslaver_shard:where(), Args :: term()}.

%% @private
-spec open(args()) -> {ok, args()}.
open(Store) ->
    {ok, Store}.

%% @private
-spec load(args()) -> eslaver_position_writer:loaded().
load({Module, Where, Args}) ->
    try Module:load(Where, Args) of
        {ok, Position} -> checked(Position);
        none -> none;
        {error, Reason} -> failed("~0tP", [Reason, 10]);
        _Other -> failed("load/2 must return {ok, Position}, none or {error, Reason}", [])
    catch
        Class:Reason -> failed("load/2 raised ~ts:~0tP", [Class, Reason, 10])
    end.

checked(Position) ->
    case eslaver_position:is_safe(Position) of
        true -> {ok, Position};
        false -> failed("load/2 has returned what is no position", [])
    end.

%% @private
-spec save(eslaver_position:safe() | none, args()) -> {ok | {error, binary()}, args()}.
save(Position, {Module, Where, Args} = Store) ->
    {saved(fun() -> Module:save(Where, Position, Args) end), Store}.

saved(Save) ->
    try Save() of
        ok -> ok;
        {error, Reason} -> failed("~0tP", [Reason, 10]);
        _Other -> failed("save/3 must return ok or {error, Reason}", [])
    catch
        Class:Reason -> failed("save/3 raised ~ts:~0tP", [Class, Reason, 10])
    end.

failed(Format, Args) ->
    {error, eslaver_text:format(Format, Args)}.

%% @private
-spec close(args()) -> ok.
close(_Store) ->
    ok.
