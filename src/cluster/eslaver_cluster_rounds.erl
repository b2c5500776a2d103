%% @doc When the masters of a cluster's shards are asked, and what follows from their answers. It is
%% pure: {@link eslaver_cluster} passes in what happens, and carries out the effects.
%%
%% An answer tells which slots a master has, at two offsets of its stream. Once the shard has been
%% handled up to the later one, this is committed.
%%
%% A shard whose link holds something has a round. Its master is asked first. If nothing moves away
%% from it, all deletions before the answer are those of users. Otherwise they wait until the shards
%% that slots move to have been handled up to where they are now: there, the keys can be read. What
%% is held for the order of two streams waits for the other one in the same way.
%% @private
-module(eslaver_cluster_rounds).

-export([new/0, remove/2, unreachable/2, look/2, held/3, answered/5, again/2, passed/3]).
-export([retry/2, over/4]).
-export_type([rounds/0, effect/0, facts/0, hold/0]).

-type name() :: eslaver_cluster_topology:name().
-type offset() :: non_neg_integer().

-type commit() :: #{
    node := eslaver_cluster_nodes:id(),
    epoch := non_neg_integer(),
    owned := eslaver_cluster_nodes:ranges(),
    importing := eslaver_cluster_nodes:ranges(),
    from := offset(),
    to := offset()
}.

-type goal() :: {commit, commit()} | {round, name(), reference()}.

-record(round, {
    id :: reference(),
    %% The number of its first question: the lower, the longer it has waited.
    number :: pos_integer(),
    %% What is held, and up to where the stream is handled meanwhile.
    kind = deletion :: deletion | order | import,
    at :: undefined | offset(),
    %% Those of the shards waited for that are known to get slots.
    takers = [] :: [name()],
    %% Which answers are waited for, by the numbers of their questions.
    asking = #{} :: #{name() => pos_integer()},
    %% Up to where all deletions may pass when nothing is waited for any more.
    clear :: undefined | offset(),
    epoch :: undefined | non_neg_integer(),
    %% The shards that have not been handled far enough yet.
    behind = [] :: [name()]
}).

-record(rounds, {
    next = 1 :: pos_integer(),
    rounds = #{} :: #{name() => #round{}},
    %% What is to be done when a shard has been handled up to an offset, the lowest first.
    goals = #{} :: #{name() => [{offset(), goal()}, ...]},
    committed = #{} :: #{name() => commit()},
    %% The epoch of each master when it was first asked, and then at the end of its last round.
    epochs = #{} :: #{name() => non_neg_integer()}
}).

-opaque rounds() :: #rounds{}.

-type facts() :: #{
    %% The slots that routes have for a shard.
    owned := fun((name()) -> eslaver_cluster_nodes:ranges()),
    %% The shard that a node is in, if that is followed.
    shard_of := fun((eslaver_cluster_nodes:id()) -> {ok, name()} | error),
    %% All that are followed, but those that the cluster does not have any more.
    shards := [name()],
    %% What the stream of a shard waits for, as far as streams tell.
    hold := fun((name()) -> hold())
}.

-type hold() ::
    none
    %% Deletions, whose keys may be at another shard.
    | {deletion, offset(), {ok, name()} | error}
    %% A snapshot, which may not have keys any more. Nothing is handled meanwhile.
    | {snapshot, 0, error}
    %% Writes that come after those of another shard; or an import from it that begins or ends.
    | {order | import, offset(), {ok, name()} | error}.
%% Why a stream waits, up to where it is handled meanwhile, and for which shard it waits.

-type effect() ::
    {ask, name(), Number :: pos_integer()}
    %% Tell when the shard has been handled up to there: {@link passed/3}.
    | {await, name(), offset()}
    | {commit, name(), commit()}
    | {clear, name(), offset()}
    %% Call {@link over/4} after the time that deletions may wait.
    | {limit, name(), reference()}
    %% Ask again after a pause: {@link retry/2}.
    | {retry, name()}
    %% Tell that a shard has waited for others in vain.
    | {late, name(), Others :: [name()]}.

%% @doc Nothing has been asked.
-spec new() -> rounds().
new() -> #rounds{}.

%% @doc A shard is followed no longer. Nobody waits for it.
-spec remove(name(), rounds()) -> {[effect()], rounds()}.
remove(Name, #rounds{rounds = Rounds, goals = Goals, committed = Committed} = State) ->
    unreachable(Name, State#rounds{
        rounds = maps:remove(Name, Rounds),
        goals = maps:remove(Name, Goals),
        committed = maps:remove(Name, Committed),
        epochs = maps:remove(Name, State#rounds.epochs)
    }).

%% @doc The master of a shard that the cluster does not have any more cannot be asked. Nobody waits
%% for it.
-spec unreachable(name(), rounds()) -> {[effect()], rounds()}.
unreachable(Name, #rounds{rounds = Rounds} = State) ->
    lists:foldl(
        fun(Waiting, Acc) -> gone(Name, Waiting, Acc) end, {[], State}, maps:keys(Rounds)
    ).

gone(Name, Waiting, {Effects, #rounds{rounds = Rounds} = State}) ->
    #{Waiting := #round{asking = Asking, behind = Behind} = Round} = Rounds,
    Next = Round#round{
        asking = maps:remove(Name, Asking), behind = lists:delete(Name, Behind)
    },
    {More, After} = checked(Waiting, Next, State),
    {Effects ++ More, After}.

%% @doc The master of a shard may have news.
-spec look(name(), rounds()) -> {[effect()], rounds()}.
look(Name, State) ->
    {Number, Next} = number(State),
    {[{ask, Name, Number}], Next}.

number(#rounds{next = Number} = State) ->
    {Number, State#rounds{next = Number + 1}}.

%% @doc The link of a shard holds its stream, or holds it for another reason, which begins another
%% round: what was handled of another shard may have changed it.
%%
%% Streams must not wait for each other: an import waits for another shard only up to where that
%% shard is itself held, a deletion does not wait for writes that come after it, and only deletions
%% wait for what a shard tells behind a snapshot.
-spec held(name(), hold(), rounds()) -> {[effect()], rounds()}.
held(Name, Hold, State) ->
    {Effects, Next} = begun(Name, Hold, State),
    {More, Freed} = freed(Name, Hold, Next),
    untangled(Effects ++ More, Freed).

freed(Name, {deletion, At, _}, #rounds{rounds = Rounds} = State) ->
    Importing = [
        Other
     || {Other, #round{kind = import, behind = Behind}} <- maps:to_list(Rounds),
        lists:member(Name, Behind)
    ],
    lists:foldl(
        fun(Other, {Effects, Acc}) ->
            #{Other := #round{id = Id}} = Rounds,
            {More, After} = aim(Name, At, {round, Other, Id}, Acc),
            {Effects ++ More, After}
        end,
        {[], State},
        Importing
    );
freed(Name, {snapshot, _, _}, #rounds{rounds = Rounds} = State) ->
    Waiting = [
        Other
     || {Other, #round{kind = Kind}} <- maps:to_list(Rounds), Kind =/= deletion, Other =/= Name
    ],
    lists:foldl(
        fun(Other, {Effects, Acc}) ->
            {More, After} = gone(Name, Other, {[], Acc}),
            {Effects ++ More, After}
        end,
        {[], State},
        Waiting
    );
freed(Name, {order, _, {ok, Other}}, #rounds{rounds = Rounds} = State) ->
    case Rounds of
        #{Other := #round{kind = deletion}} -> gone(Name, Other, {[], State});
        #{} -> {[], State}
    end;
freed(_Name, _Hold, State) ->
    {[], State}.

begun(Name, Hold, #rounds{rounds = Rounds} = State) ->
    case Rounds of
        #{Name := Round} ->
            case is_for(Hold, Round) of
                true ->
                    {[], State#rounds{rounds = Rounds#{Name := Round#round{at = at(Hold)}}}};
                false ->
                    begun(Name, Hold, Round#round.number, State)
            end;
        #{} ->
            begun(Name, Hold, State#rounds.next, State)
    end.

begun(Name, Hold, Since, State) ->
    {Number, #rounds{rounds = Rounds} = Next} = number(State),
    Id = make_ref(),
    Round = #round{id = Id, number = Since, at = at(Hold), asking = #{Name => Number}},
    {
        [{ask, Name, Number}, {limit, Name, Id}],
        Next#rounds{rounds = Rounds#{Name => Round}}
    }.

%% Whether a round waits for what this hold needs: it is known since its own master has answered.
is_for(Hold, #round{clear = Clear}) when Hold =:= none; Clear =:= undefined ->
    true;
is_for({Kind, _, {ok, Other}}, #round{kind = Kind, takers = Takers}) when Kind =/= deletion ->
    Takers =:= [Other];
is_for(Hold, #round{kind = Kind}) ->
    kind(Hold) =:= Kind.

at({_Kind, At, _}) -> At;
at(none) -> undefined.

%% Shards whose deletions wait for each other would wait forever, though one of them is the first
%% that happened, and needs nothing that comes after the others. Which one that is, is not known:
%% more likely one that waits only as its slots may have been away, then the one that has waited
%% longest.
untangled(Effects, #rounds{rounds = Rounds} = State) ->
    Waits = maps:from_list([
        {Name, [Other || Other <- Behind, is_stuck(Name, Id, Other, State)]}
     || {Name, #round{id = Id, kind = deletion, behind = Behind}} <- maps:to_list(Rounds)
    ]),
    case eslaver_cluster_cycle:find(Waits) of
        [] ->
            {Effects, State};
        Cycle ->
            [{_, Name, Other} | _] = lists:sort([rank(Wait, Rounds) || Wait <- Cycle]),
            {More, Next} = gone(Other, Name, {Effects, State}),
            untangled(More, Next)
    end.

%% Whether a shard cannot be handled up to where it is waited for.
is_stuck(Waiting, Id, Name, #rounds{rounds = Rounds, goals = Goals}) ->
    case Rounds of
        #{Name := #round{kind = deletion, at = At}} when is_integer(At) ->
            lists:any(
                fun({Goal, What}) -> What =:= {round, Waiting, Id} andalso Goal > At end,
                maps:get(Name, Goals, [])
            );
        #{} ->
            false
    end.

rank({Name, Other}, Rounds) ->
    #{Name := #round{number = Number, takers = Takers}} = Rounds,
    {{lists:member(Other, Takers), Number}, Name, Other}.

%% @doc A master has answered a question, and all before it.
-spec answered(
    name(), pos_integer(), eslaver_cluster_asker:answer(), facts(), rounds()
) -> {[effect()], rounds()}.
answered(Name, Number, {ok, Told}, Facts, State) ->
    {Effects, Next} = committing(Name, Told, Facts, State),
    lists:foldl(
        fun(Waiting, {Before, Acc}) ->
            {More, After} = heard(Waiting, Name, Number, Told, Facts, Acc),
            {Before ++ More, After}
        end,
        {Effects, Next},
        maps:keys(Next#rounds.rounds)
    );
answered(Name, _Number, {error, _}, _Facts, #rounds{rounds = Rounds} = State) ->
    IsAwaited = lists:any(
        fun(#round{asking = Asking}) -> is_map_key(Name, Asking) end, maps:values(Rounds)
    ),
    {[{retry, Name} || IsAwaited], State}.

%% The same again changes nothing, except that older claims end, and where routes are not like that.
committing(_Name, #{self := #{role := replica}}, _Facts, State) ->
    {[], State};
committing(Name, #{self := Self} = Told, Facts, #rounds{committed = Done} = State) ->
    #{from := From, to := To} = Told,
    #{id := Node, epoch := Epoch, slots := Owned, importing := Importing} = Self,
    Commit = #{
        node => Node,
        epoch => Epoch,
        owned => Owned,
        importing => [{Slot, Slot} || {Slot, _} <- Importing],
        from => From,
        to => To
    },
    %% what is said of a stream that is held may be what it waits for
    AtOnce = [{commit, Name, Commit} || is_map_key(Name, State#rounds.rounds)],
    case is_committed(Name, Commit, Facts, State) of
        true ->
            {AtOnce, State};
        false ->
            Kept = State#rounds{
                committed = Done#{Name => Commit},
                epochs = maps:merge(#{Name => Epoch}, State#rounds.epochs)
            },
            {Effects, Next} = aim(Name, To, {commit, Commit}, Kept),
            First = [{commit, Name, unowned(Commit)} || not is_map_key(Name, Done)],
            {First ++ AtOnce ++ Effects, Next}
    end.

is_committed(Name, #{from := From} = Commit, #{owned := Routed}, #rounds{committed = Done}) ->
    Said = [epoch, owned, importing],
    case Done of
        #{Name := #{to := To} = Last} when To >= From ->
            maps:with(Said, Last) =:= maps:with(Said, Commit) andalso
                lists:sort(Routed(Name)) =:= lists:sort(maps:get(owned, Commit));
        #{} ->
            false
    end.

%% At first a shard has those slots that no other has: its data is not there yet, but is to come.
unowned(Commit) -> Commit#{epoch := 0, importing := [], from := 0}.

aim(Name, Offset, Goal, #rounds{goals = Goals} = State) ->
    Before = pruned(Goal, maps:get(Name, Goals, [])),
    [{Lowest, _} | _] = Sorted = lists:keysort(1, Before ++ [{Offset, Goal}]),
    {[{await, Name, Lowest}], State#rounds{goals = Goals#{Name => Sorted}}}.

%% Of what is to be committed, the first stays, so that there is progress, and the newest is added.
pruned({commit, _}, Goals) ->
    case [At || {At, {commit, _}} <- Goals] of
        [First, _ | _] -> [Goal || {At, What} = Goal <- Goals, At =:= First orelse is_round(What)];
        _ -> Goals
    end;
pruned({round, _, _}, Goals) ->
    Goals.

is_round({round, _, _}) -> true;
is_round({commit, _}) -> false.

heard(Waiting, Name, Number, Told, Facts, #rounds{rounds = Rounds} = State) ->
    case Rounds of
        #{Waiting := #round{asking = #{Name := Asked} = Asking} = Round} when Asked =< Number ->
            Free = Round#round{asking = maps:remove(Name, Asking)},
            case Name of
                Waiting -> own(Waiting, Free, Told, Facts, State);
                _ -> other(Waiting, Free, Name, Told, Facts, State)
            end;
        #{} ->
            {[], State}
    end.

%% The master of the shard that holds deletions tells whether slots move away from it.
own(Name, Round, #{from := From, self := #{epoch := Epoch}} = Told, Facts, State) ->
    #{hold := Hold} = Facts,
    Held = Hold(Name),
    {Takers, Suspects} = targets(Held, Name, Told, Facts, State),
    Targets = lists:delete(Name, lists:usort(Takers ++ Suspects)),
    {Asks, Next} = lists:mapfoldl(
        fun(Target, Acc) ->
            {Number, After} = number(Acc),
            {{Target, Number}, After}
        end,
        State,
        Targets
    ),
    Waits = Round#round{
        kind = kind(Held),
        at = at(Held),
        takers = Takers,
        clear = From,
        epoch = Epoch,
        asking = maps:from_list(Asks)
    },
    {Effects, Last} = checked(Name, Waits, Next),
    {[{ask, Target, Number} || {Target, Number} <- Asks] ++ Effects, Last}.

kind({snapshot, _, _}) -> deletion;
kind({Kind, _, _}) -> Kind;
kind(none) -> deletion.

%% Shards that get slots, or whose stream comes first; and those that may have had some.
targets({Kind, _, WaitsFor}, _Name, _Told, _Facts, _State) when Kind =:= order; Kind =:= import ->
    {[Other || {ok, Other} <- [WaitsFor]], []};
targets(Held, Name, Told, #{hold := Hold} = Facts, State) ->
    WaitsFor = [Other || {deletion, _, {ok, Other}} <- [Held]],
    Waits = fun(Other) ->
        case Hold(Other) of
            {order, _, {ok, Name}} -> true;
            _ -> false
        end
    end,
    Free = fun(Others) -> [Other || Other <- Others, not Waits(Other)] end,
    {Free(WaitsFor ++ takers(Name, Told, Facts)), Free(suspects(Name, Told, Facts, State))}.

takers(Name, #{self := Self, nodes := Nodes}, #{owned := Owned, shard_of := ShardOf}) ->
    #{slots := Slots, migrating := Migrating} = Self,
    Lost = eslaver_cluster_slots:subtract(Owned(Name), Slots),
    Takers = [Id || #{id := Id, slots := Has} <- Nodes, eslaver_cluster_slots:overlap(Lost, Has)],
    Ids = lists:usort([Id || {_, Id} <- Migrating] ++ Takers),
    [Shard || {ok, Shard} <- lists:map(ShardOf, Ids)].

%% Slots may have gone and come back since: then its epoch is another one.
suspects(Name, #{self := #{role := Role, epoch := Epoch}}, #{shards := All}, State) ->
    case State of
        #rounds{epochs = #{Name := Epoch}} when Role =:= master -> [];
        #rounds{} -> All
    end.

%% The master of a shard that slots move to tells where it is.
other(Waiting, #round{kind = Kind} = Round, Name, #{to := To}, #{hold := Hold}, State) ->
    case {Kind, Hold(Name)} of
        {import, {deletion, At, _}} -> behind(Waiting, Round, Name, min(At, To), State);
        {Kind, {snapshot, _, _}} when Kind =/= deletion -> checked(Waiting, Round, State);
        _ -> behind(Waiting, Round, Name, To, State)
    end.

behind(Waiting, #round{behind = Behind} = Round, Name, Offset, State) ->
    {Effects, Next} = aim(Name, Offset, {round, Waiting, Round#round.id}, State),
    {More, Last} = checked(Waiting, Round#round{behind = [Name | Behind]}, Next),
    untangled(Effects ++ More, Last).

checked(Name, #round{asking = Asking, behind = [], clear = Clear} = Round, State) when
    map_size(Asking) =:= 0, is_integer(Clear)
->
    #rounds{rounds = Rounds, epochs = Epochs} = State,
    {[{clear, Name, Clear}], State#rounds{
        rounds = maps:remove(Name, Rounds), epochs = Epochs#{Name => Round#round.epoch}
    }};
checked(Name, Round, #rounds{rounds = Rounds} = State) ->
    {[], State#rounds{rounds = Rounds#{Name => Round}}}.

%% @doc A shard has been handled up to an offset.
-spec passed(name(), offset(), rounds()) -> {[effect()], rounds()}.
passed(Name, Offset, #rounds{goals = Goals} = State) ->
    {Done, Left} = lists:partition(
        fun({At, _}) -> At =< Offset end, maps:get(Name, Goals, [])
    ),
    {Rest, Await} =
        case Left of
            [] -> {maps:remove(Name, Goals), []};
            [{Lowest, _} | _] -> {Goals#{Name => Left}, [{await, Name, Lowest}]}
        end,
    %% what is committed is to be seen before deletions are
    Commits = [{commit, Name, Commit} || {_, {commit, Commit}} <- Done],
    {Clears, Last} = lists:foldl(
        fun(Waiting, {Effects, Acc}) ->
            {More, After} = caught_up(Name, Waiting, Acc),
            {Effects ++ More, After}
        end,
        {[], State#rounds{goals = Rest}},
        [{Waiting, Id} || {_, {round, Waiting, Id}} <- Done]
    ),
    {Commits ++ Clears ++ Await, Last}.

%% The round that waited may be over, and another one may have begun.
caught_up(Name, {Waiting, Id}, #rounds{rounds = Rounds} = State) ->
    case Rounds of
        #{Waiting := #round{id = Id, behind = Behind} = Round} ->
            checked(Waiting, Round#round{behind = lists:delete(Name, Behind)}, State);
        #{} ->
            {[], State}
    end.

%% @doc A shard has been handled up to an offset that was awaited: which one is still to be seen.
-spec again(name(), rounds()) -> {[effect()], rounds()}.
again(Name, #rounds{goals = Goals} = State) ->
    case Goals of
        #{Name := [{Lowest, _} | _]} -> {[{await, Name, Lowest}], State};
        #{} -> {[], State}
    end.

%% @doc The pause after a failed question is over.
-spec retry(name(), rounds()) -> {[effect()], rounds()}.
retry(Name, #rounds{rounds = Rounds} = State) ->
    Asked = [Asking || #round{asking = Asking} <- maps:values(Rounds), is_map_key(Name, Asking)],
    case Asked of
        [] -> {[], State};
        [_ | _] -> look(Name, State)
    end.

%% @doc What is held, at this offset, has waited for as long as it may, if the round is still that
%% one.
-spec over(name(), reference(), offset(), rounds()) -> {[effect()], rounds()}.
over(Name, Id, At, #rounds{rounds = Rounds, epochs = Epochs} = State) ->
    case Rounds of
        #{Name := #round{id = Id, clear = Clear} = Round} ->
            #round{asking = Asking, behind = Behind, epoch = Epoch} = Round,
            Offset = max(At + 1, known(Clear)),
            Known = maps:from_list([{Name, Epoch} || is_integer(Epoch)]),
            {
                [{late, Name, maps:keys(Asking) ++ Behind}, {clear, Name, Offset}],
                State#rounds{
                    rounds = maps:remove(Name, Rounds),
                    %% what its slots may have done before is waited for once
                    epochs = maps:merge(Epochs, Known)
                }
            };
        #{} ->
            {[], State}
    end.

known(undefined) -> 0;
known(Offset) -> Offset.
