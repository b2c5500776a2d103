%% @doc Exactly once: tells a consumer which events it can store together, and which position to
%% store with them in one transaction.
%%
%% For handlers with `events => full'. Pure. The guide Exactly once and resume has an example.
%%
%% ```
%% handle_batch(Events, #sink{checkpoint = Before} = Sink) ->
%%     {Whole, Checkpoint} = eslaver_checkpoint:add(Events, Before),
%%     ok = store(Whole, eslaver_checkpoint:position(Checkpoint), Sink),
%%     {ok, Sink#sink{checkpoint = Checkpoint}}.
%% '''
-module(eslaver_checkpoint).

-export([new/1, add/2, position/1]).
-export_type([checkpoint/0]).

-record(checkpoint, {
    %% Behind all events that have been given back.
    position :: none | eslaver:position(),
    %% Where the snapshot ends that is being loaded.
    snapshot :: none | {Replid :: undefined | binary(), Offset :: non_neg_integer()},
    in_transaction = false :: boolean(),
    %% Events behind the position, the last one first.
    open = [] :: [eslaver:full_event()]
}).

-opaque checkpoint() :: #checkpoint{}.
%% What has been returned, and what must wait for the end of a transaction.

%% @doc A new checkpoint, from the position that was stored last.
-spec new(none | eslaver:position()) -> checkpoint().
new(Position) ->
    #checkpoint{position = Position, snapshot = none}.

%% @doc Adds events. Returns those that can be stored now, in order: all up to the end of the last
%% transaction. The rest is returned by a later call.
-spec add([eslaver:full_event()], checkpoint()) -> {[eslaver:full_event()], checkpoint()}.
add(Events, Checkpoint) ->
    {Whole, Next} = lists:foldl(fun event/2, {[], Checkpoint}, Events),
    {lists:reverse(Whole), Next}.

%% @doc The position after all events that {@link add/2} has returned. `none' while a snapshot is
%% being loaded, and if the master does not know `PSYNC'.
-spec position(checkpoint()) -> eslaver:position() | none.
position(#checkpoint{position = Position}) -> Position.

%% A snapshot takes the place of all before, of half a transaction, too.
event({link, up, #{resync := full}} = Event, {Whole, Checkpoint}) ->
    {[Event | Whole], Checkpoint#checkpoint{position = none, in_transaction = false, open = []}};
event({loading, start, About} = Event, {Whole, Checkpoint}) ->
    {[Event | Whole], Checkpoint#checkpoint{position = none, snapshot = snapshot(About)}};
event({loading, eof, #{db := Db}} = Event, {Whole, Checkpoint}) ->
    Position = behind(Checkpoint#checkpoint.snapshot, Db),
    {[Event | Whole], Checkpoint#checkpoint{position = Position, snapshot = none}};
event({link, up, #{replid := Replid}} = Event, {Whole, Checkpoint}) ->
    Position = continued(Replid, Checkpoint#checkpoint.position),
    kept(Event, Whole, Checkpoint#checkpoint{position = Position});
event({stream, Name, _Args, #{offset := Offset, db := Db}} = Event, {Whole, Before}) ->
    Next = Before#checkpoint{in_transaction = in_transaction(Name, Before)},
    stream(Event, Offset, Db, Whole, Next);
event(Event, {Whole, Checkpoint}) ->
    kept(Event, Whole, Checkpoint).

%% The stream does not go on behind a file.
snapshot(#{source := master, replid := Replid, offset := Offset}) -> {Replid, Offset};
snapshot(#{source := file}) -> none.

behind({<<Replid/binary>>, Offset}, Db) -> #{replid => Replid, offset => Offset, db => Db};
behind(_Unknown, _Db) -> none.

continued(<<Replid/binary>>, #{} = Position) -> Position#{replid := Replid};
continued(_Replid, Position) -> Position.

in_transaction(<<"multi">>, _Checkpoint) -> true;
in_transaction(<<"exec">>, _Checkpoint) -> false;
in_transaction(<<"discard">>, _Checkpoint) -> false;
in_transaction(_Name, #checkpoint{in_transaction = InTransaction}) -> InTransaction.

stream(Event, _Offset, _Db, Whole, #checkpoint{in_transaction = true} = Checkpoint) ->
    held(Event, Whole, Checkpoint);
%% Of several commands that come as one, all but the last have the offset before them.
stream(Event, Offset, _Db, Whole, #checkpoint{position = #{offset := Before}} = Checkpoint) when
    Offset =< Before
->
    held(Event, Whole, Checkpoint);
stream(Event, Offset, Db, Whole, #checkpoint{position = Position, open = Open} = Checkpoint) ->
    Next = Checkpoint#checkpoint{position = reached(Offset, Db, Position), open = []},
    {[Event | Open ++ Whole], Next}.

reached(_Offset, _Db, none) -> none;
reached(Offset, Db, Position) -> Position#{offset := Offset, db := Db}.

held(Event, Whole, #checkpoint{open = Open} = Checkpoint) ->
    {Whole, Checkpoint#checkpoint{open = [Event | Open]}}.

%% What is no command waits behind those that do.
kept(Event, Whole, #checkpoint{open = []} = Checkpoint) -> {[Event | Whole], Checkpoint};
kept(Event, Whole, Checkpoint) -> held(Event, Whole, Checkpoint).
