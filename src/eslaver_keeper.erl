%% @doc What {@link eslaver_server} knows of the position on disk: whether one is kept, which one
%% {@link eslaver_resume} was given last, and whether it is still at it.
%% @private
-module(eslaver_keeper).

-export([open/1, keep/2, said/2, forget/1, close/2]).
-export_type([keeper/0]).

-record(keeper, {
    path :: binary(),
    writer :: pid(),
    %% A position is on its way to the disk.
    busy = false :: boolean(),
    given :: undefined | eslaver:position(),
    %% What went wrong last, so that it is said once.
    error :: term()
}).

-opaque keeper() :: #keeper{} | none.

-type failure() :: #{path := binary(), reason := term()}.

%% @doc Reads the position that an earlier life left. A damaged one counts as none.
-spec open(undefined | eslaver:position() | {file, binary()}) ->
    {eslaver:position() | none | {bad, failure()}, keeper()}.
open(undefined) ->
    {none, none};
open({file, Path}) ->
    {ok, Writer} = eslaver_resume:start_link(Path),
    Keeper = #keeper{path = Path, writer = Writer},
    case eslaver_resume:read(Path) of
        {ok, Position} -> {Position, Keeper};
        none -> {none, Keeper};
        {error, Reason} -> {{bad, #{path => Path, reason => Reason}}, Keeper}
    end;
open(Position) ->
    {Position, none}.

%% @doc All up to this position has been handled.
-spec keep(eslaver:position() | undefined, keeper()) -> keeper().
keep(_Position, none) ->
    none;
keep(_Position, #keeper{busy = true} = Keeper) ->
    Keeper;
keep(Position, #keeper{given = Given} = Keeper) when
    Position =:= undefined; Position =:= Given
->
    Keeper;
keep(Position, #keeper{writer = Writer} = Keeper) ->
    ok = eslaver_resume:save(Writer, Position),
    Keeper#keeper{busy = true, given = Position}.

%% @doc What the writer said: up to where a restart would go on, or what is newly wrong.
%% What is said of a position that has been forgotten since means nothing.
-spec said({saved, eslaver:position()} | {failed, term()}, keeper()) ->
    {{durable, non_neg_integer()} | {failed, failure()} | nothing_new, keeper()}.
said({saved, #{offset := Offset} = Position}, #keeper{given = Position} = Keeper) ->
    {{durable, Offset}, Keeper#keeper{busy = false, error = undefined}};
said({saved, _Position}, Keeper) ->
    {nothing_new, Keeper};
said({failed, Reason}, #keeper{error = Reason} = Keeper) ->
    {nothing_new, Keeper#keeper{busy = false, given = undefined}};
said({failed, Reason}, #keeper{path = Path} = Keeper) ->
    Failure = #{path => Path, reason => Reason},
    {{failed, Failure}, Keeper#keeper{busy = false, given = undefined, error = Reason}}.

%% @doc To be called before a new snapshot is handed out, so that what comes of it is not mistaken
%% for what was there before.
-spec forget(keeper()) -> {ok | {failed, failure()}, keeper()}.
forget(none) ->
    {ok, none};
forget(#keeper{writer = Writer, path = Path} = Keeper) ->
    Result =
        case eslaver_resume:forget(Writer) of
            ok -> ok;
            {error, Reason} -> {failed, #{path => Path, reason => Reason}}
        end,
    {Result, Keeper#keeper{busy = false, given = undefined}}.

%% @doc Writes the last position, and ends.
-spec close(eslaver:position() | undefined, keeper()) -> ok.
close(_Position, none) ->
    ok;
close(undefined, #keeper{writer = Writer}) ->
    eslaver_resume:stop(Writer);
close(Position, #keeper{writer = Writer}) ->
    ok = eslaver_resume:save(Writer, Position),
    eslaver_resume:stop(Writer).
