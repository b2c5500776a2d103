%% @doc What {@link eslaver_server} knows of the position on disk: whether one is kept, which one
%% {@link eslaver_position_file} was given last, and whether that is still to be written.
%% @private
-module(eslaver_position_keeper).

-export([open/1, is_writer/2, keep/2, said/2, forget/1, close/2]).
-export_type([keeper/0]).

-record(keeper, {
    path :: binary(),
    writer :: pid(),
    %% A position is on its way to the disk.
    busy = false :: boolean(),
    given :: undefined | eslaver_position:safe(),
    %% The last failure, so that it is logged once.
    error :: undefined | binary()
}).

-opaque keeper() :: #keeper{} | none.

-type failure() :: #{path := binary(), text := binary()}.

%% @doc Reads the position that an earlier life left. A damaged one counts as none. A file that
%% another replica uses is refused.
-spec open(undefined | eslaver_position:safe() | {file, binary()}) ->
    {ok, eslaver_position:safe() | none | {bad, failure()}, keeper()}
    | {error, {resume_locked, Path :: binary()} | {nif_not_loaded, binary()}}.
open(undefined) ->
    {ok, none, none};
open({file, Path}) ->
    case eslaver_position_file:start_link(Path) of
        {ok, Writer} -> {ok, read(Path), #keeper{path = Path, writer = Writer}};
        {error, locked} -> {error, {resume_locked, Path}};
        {error, _} = Error -> Error
    end;
open(Position) ->
    {ok, Position, none}.

read(Path) ->
    case eslaver_position_file:read(Path) of
        {ok, Position} -> Position;
        none -> none;
        {error, Text} -> {bad, failure(Path, Text)}
    end.

failure(Path, Text) ->
    #{path => eslaver_log:path(Path), text => Text}.

%% @doc Whether this is the process that writes.
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
    ok = eslaver_position_file:save(Writer, Position),
    Keeper#keeper{busy = true, given = Position}.

%% @doc What the writer said: up to where a restart would resume, or a new failure. What it says of
%% a position that has been forgotten since means nothing.
-spec said({saved, eslaver_position:safe()} | {failed | not_locked, Text :: binary()}, keeper()) ->
    {{durable, non_neg_integer()} | {failed | not_locked, failure()} | nothing_new, keeper()}.
said({not_locked, Text}, #keeper{path = Path} = Keeper) ->
    {{not_locked, failure(Path, Text)}, Keeper};
said({saved, #{offset := Offset} = Position}, #keeper{given = Position} = Keeper) ->
    {{durable, Offset}, Keeper#keeper{busy = false, error = undefined}};
said({saved, _Position}, Keeper) ->
    {nothing_new, Keeper};
said({failed, Text}, #keeper{error = Text} = Keeper) ->
    {nothing_new, Keeper#keeper{busy = false, given = undefined}};
said({failed, Text}, #keeper{path = Path} = Keeper) ->
    {{failed, failure(Path, Text)}, Keeper#keeper{busy = false, given = undefined, error = Text}}.

%% @doc Call this before a new snapshot is delivered, so that its data is not mistaken for what was
%% there before.
-spec forget(keeper()) -> {ok | {failed, failure()}, keeper()}.
forget(none) ->
    {ok, none};
forget(#keeper{writer = Writer, path = Path} = Keeper) ->
    Result =
        try eslaver_position_file:forget(Writer) of
            ok -> ok;
            {error, Text} -> {failed, failure(Path, Text)}
        catch
            exit:_ -> {failed, failure(Path, <<"its writer has stopped">>)}
        end,
    {Result, Keeper#keeper{busy = false, given = undefined}}.

%% @doc Writes the last position, and ends. If the writer has ended before, the position before it
%% stays.
-spec close(eslaver_position:safe() | undefined, keeper()) -> ok.
close(_Position, none) ->
    ok;
close(Position, #keeper{writer = Writer}) ->
    _ = Position =:= undefined orelse eslaver_position_file:save(Writer, Position),
    try
        eslaver_position_file:stop(Writer)
    catch
        exit:_ -> ok
    end.
