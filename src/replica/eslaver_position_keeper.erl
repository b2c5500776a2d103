%% @doc What a replica knows of the position that is kept for a restart: whether one is, which one
%% {@link eslaver_position_writer} was given last, and whether that is still to be saved.
%% @private
-module(eslaver_position_keeper).

-export([open/2, is_writer/2, keep/2, said/2, forget/1, close/2]).
-export_type([keeper/0, resume/0]).

-record(keeper, {
    place :: place(),
    writer :: pid(),
    %% A position is on its way.
    busy = false :: boolean(),
    given :: undefined | eslaver_position:safe(),
    %% The last failure, so that it is logged once.
    error :: undefined | binary()
}).

-opaque keeper() :: #keeper{} | none.

-type resume() ::
    undefined | eslaver_position:safe() | {file, binary()} | {store, module(), Args :: term()}.
%% The option, checked.

-type place() :: {file, binary()} | {store, module()}.

-type failure() :: #{path => binary(), store => module(), text := binary()}.
%% Either the file or the store, and why.

%% @doc Reads the position that an earlier life left; a store is told whose it is. A damaged one
%% counts as none. A file that another replica uses is refused.
-spec open(resume(), eslaver_shard:where()) ->
    {ok, eslaver_position:safe() | none | {bad, failure()}, keeper()}
    | {error, {resume_locked, Path :: binary()} | {nif_not_loaded, binary()}}.
open(undefined, _Where) ->
    {ok, none, none};
open({file, Path} = File, _Where) ->
    started(eslaver_position_writer:start_link({eslaver_position_file, Path}), File);
open({store, Module, Args}, Where) ->
    Medium = {eslaver_position_stored, {Module, Where, Args}},
    started(eslaver_position_writer:start_link(Medium), {store, Module});
open(Position, _Where) ->
    {ok, Position, none}.

started({ok, Writer}, Place) ->
    {ok, loaded(Writer, Place), #keeper{place = Place, writer = Writer}};
started({error, locked}, {file, Path}) ->
    {error, {resume_locked, Path}};
started({error, _} = Error, _Place) ->
    Error.

loaded(Writer, Place) ->
    case eslaver_position_writer:load(Writer) of
        {ok, Position} -> Position;
        none -> none;
        {error, Text} -> {bad, failure(Place, Text)}
    end.

failure({file, Path}, Text) -> #{path => eslaver_log:path(Path), text => Text};
failure({store, Module}, Text) -> #{store => Module, text => Text}.

%% @doc Whether this is the process that saves.
-spec is_writer(pid(), keeper()) -> boolean().
is_writer(Pid, #keeper{writer = Writer}) -> Pid =:= Writer;
is_writer(_Pid, none) -> false.

%% @doc Everything up to this position has been handled.
-spec keep(eslaver_position:safe() | undefined, keeper()) -> keeper().
keep(_Position, none) ->
    none;
keep(_Position, #keeper{busy = true} = Keeper) ->
    Keeper;
keep(Position, #keeper{given = Given} = Keeper) when
    Position =:= undefined; Position =:= Given
->
    Keeper;
keep(Position, #keeper{writer = Writer} = Keeper) ->
    ok = eslaver_position_writer:save(Writer, Position),
    Keeper#keeper{busy = true, given = Position}.

%% @doc What the writer said: up to where a restart would resume, or a new failure. Those of a store
%% may read differently each time, so that only the first is new. What it says of a position that
%% has been forgotten since means nothing.
-spec said(eslaver_position_writer:said(), keeper()) ->
    {{durable, non_neg_integer()} | {failed | not_locked, failure()} | nothing_new, keeper()}.
said({not_locked, Text}, #keeper{place = Place} = Keeper) ->
    {{not_locked, failure(Place, Text)}, Keeper};
said({saved, #{offset := Offset} = Position}, #keeper{given = Position} = Keeper) ->
    {{durable, Offset}, Keeper#keeper{busy = false, error = undefined}};
said({saved, _Position}, Keeper) ->
    {nothing_new, Keeper};
said({failed, Text}, #keeper{error = Text} = Keeper) ->
    {nothing_new, Keeper#keeper{busy = false, given = undefined}};
said({failed, _Text}, #keeper{place = {store, _}, error = <<_/binary>>} = Keeper) ->
    {nothing_new, Keeper#keeper{busy = false, given = undefined}};
said({failed, Text}, #keeper{place = Place} = Keeper) ->
    {{failed, failure(Place, Text)}, Keeper#keeper{busy = false, given = undefined, error = Text}}.

%% @doc Call this before a new snapshot is delivered, so that its data is not mistaken for what was
%% there before.
-spec forget(keeper()) -> {ok | {failed, failure()}, keeper()}.
forget(none) ->
    {ok, none};
forget(#keeper{writer = Writer, place = Place} = Keeper) ->
    Result =
        try eslaver_position_writer:forget(Writer) of
            ok -> ok;
            {error, Text} -> {failed, failure(Place, Text)}
        catch
            exit:_ -> {failed, failure(Place, <<"its writer has stopped">>)}
        end,
    {Result, Keeper#keeper{busy = false, given = undefined}}.

%% @doc Saves the last position, and ends. If the writer has ended before, the position before it
%% stays.
-spec close(eslaver_position:safe() | undefined, keeper()) -> ok.
close(_Position, none) ->
    ok;
close(Position, #keeper{writer = Writer}) ->
    _ = Position =:= undefined orelse eslaver_position_writer:save(Writer, Position),
    try
        eslaver_position_writer:stop(Writer)
    catch
        exit:_ -> ok
    end.
