%% @doc What a replica's events say of the keyspace that it fills. It is pure.
%%
%% The events are those of links and of snapshots, and what could not be applied. While somebody has
%% subscribed, there are also the commands that have been applied, those of a transaction together.
%% @private
-module(eslaver_mirror_news).

-export([new/0, handle/2, broken/1]).
-export_type([state/0, news/0]).

-record(state, {
    %% The commands since MULTI, the last first.
    transaction = none :: none | [command()],
    %% The offset that the snapshot stands for that is being loaded.
    offset = 0 :: non_neg_integer()
}).

-opaque state() :: #state{}.

-type command() :: {Name :: binary(), Args :: [binary()], Db :: non_neg_integer()}.

-type news() ::
    %% A snapshot begins, and can be read.
    loading
    | {loaded, #{offset := non_neg_integer(), db := non_neg_integer()}}
    %% What the master has told of its commands.
    | {told, eslaver_nif:commands() | undefined}
    %% The stream goes on.
    | up
    | {applied, [command()], Offset :: non_neg_integer()}
    %% A command cannot be applied.
    | {refused, Command :: binary(), Reason :: binary()}
    %% Only a full resync tells what the master has.
    | lost.

%% @doc No transaction has begun.
-spec new() -> state().
new() ->
    #state{}.

%% @doc What events say, in their order.
-spec handle([term()], state()) -> {[news()], state()}.
handle(Events, State) ->
    handle(Events, State, []).

handle([], State, News) ->
    {lists:reverse(News), State};
handle([Event | Events], State, News) ->
    case event(Event, State) of
        {New, Next} -> handle(Events, Next, [New | News]);
        Next -> handle(Events, Next, News)
    end.

%% Redis 3.2 writes a script within a transaction as one of its own. The first EXEC ends both.
event({stream, <<"multi">>, _, _Meta}, #state{transaction = none} = State) ->
    State#state{transaction = []};
event({stream, <<"multi">>, _, _Meta}, State) ->
    State;
event({stream, <<"exec">>, _, _Meta}, #state{transaction = none} = State) ->
    State;
event({stream, <<"exec">>, _, #{offset := Offset}}, #state{transaction = Commands} = State) ->
    {{applied, lists:reverse(Commands), Offset}, State#state{transaction = none}};
event({stream, <<"discard">>, _, _Meta}, State) ->
    State#state{transaction = none};
event({stream, Name, Args, #{db := Db, offset := Offset}}, #state{transaction = none} = State) ->
    {{applied, [{Name, Args, Db}], Offset}, State};
event({stream, Name, Args, #{db := Db}}, #state{transaction = Commands} = State) ->
    State#state{transaction = [{Name, Args, Db} | Commands]};
event({loading, start, #{offset := Offset}}, State) ->
    {loading, State#state{transaction = none, offset = Offset}};
event({loading, eof, #{db := Db}}, #state{offset = Offset} = State) ->
    {{loaded, #{offset => Offset, db => Db}}, State};
event({link, commands, Told}, State) ->
    {{told, Told}, State};
event({link, up, #{resync := partial}}, State) ->
    {up, State};
event({link, up, #{resync := full}}, State) ->
    State;
event({link, down, _Why}, State) ->
    State;
event({mirror, refused, #{command := Command, reason := Reason}}, State) ->
    {{refused, Command, Reason}, State};
event({mirror, lost, _}, State) ->
    {lost, State}.

%% @doc The replica has ended: the next one goes on before the transaction that has begun.
-spec broken(state()) -> state().
broken(State) ->
    State#state{transaction = none}.
