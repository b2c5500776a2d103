%% @doc Which master to believe, from what the Sentinels of a group say.
%%
%% Each election raises the group's config epoch, and each Sentinel tells the epoch of the master
%% that it names. So the highest epoch is right, even if a single Sentinel tells of it, and no lower
%% one is believed later: a Sentinel that was cut off has an old view, and so may all those that
%% remain in reach. Two exceptions need a majority of all known Sentinels:
%%
%% <ul><li>another address under the same epoch, as no election explains it;</li>
%% <li>a lower epoch, on which they must agree for ten seconds: the operator has set the group up
%% anew.</li></ul>
%%
%% The first decision waits until a majority has spoken, or a moment if it does not.
%%
%% It is pure; time is given.
%% @private
-module(eslaver_sentinel_vote).

-export([new/0, seen/2, known/3, said/4, silent/3, at/2]).
-export([decided/1, agreeing/1]).
-export_type([vote/0, sentinel/0, opinion/0]).

%% How long a majority has to agree on a lower epoch, in ms.
-define(RESET, 10000).
%% How long the first decision waits for a majority after the first opinion, in ms.
-define(FIRST, 500).

-type sentinel() :: term().
%% What a Sentinel is known by.

-type opinion() :: {Master :: eslaver_nif:address(), Epoch :: non_neg_integer()}.

-record(vote, {
    %% All known Sentinels: what those in reach say, and whether the others have been tried.
    known = #{} :: #{sentinel() => opinion() | silent | untried},
    decided :: undefined | opinion(),
    %% When the first opinion arrived, before a decision.
    first :: undefined | Ms :: integer(),
    %% A lower epoch on which a majority agrees, and since when.
    lower :: undefined | {opinion(), Since :: integer()},
    %% What was believed, and said, of higher epochs before a group was set up anew: it counts as
    %% if it were lower.
    void = [] :: [opinion()]
}).

-opaque vote() :: #vote{}.

%% @doc Before any Sentinel has spoken.
-spec new() -> vote().
new() -> #vote{}.

%% @doc An earlier vote has decided this.
-spec seen(opinion() | undefined, vote()) -> vote().
seen({_, Seen} = Opinion, #vote{decided = {_, Epoch}} = Vote) when Seen > Epoch ->
    decide(Opinion, Vote);
seen({_, _} = Opinion, #vote{decided = undefined} = Vote) ->
    decide(Opinion, Vote);
seen(_Older, Vote) ->
    Vote.

%% @doc These are all the Sentinels.
-spec known([sentinel()], NowMs :: integer(), vote()) -> vote().
known(Sentinels, Now, #vote{known = Known} = Vote) ->
    Next = maps:from_list([{One, maps:get(One, Known, untried)} || One <- Sentinels]),
    at(Now, Vote#vote{known = Next}).

%% @doc A Sentinel names a master.
-spec said(sentinel(), opinion(), NowMs :: integer(), vote()) -> vote().
said(Sentinel, Opinion, Now, Vote) ->
    heard(Sentinel, Opinion, Now, Vote).

%% @doc A Sentinel is out of reach, or names none: what it has said counts no longer.
-spec silent(sentinel(), NowMs :: integer(), vote()) -> vote().
silent(Sentinel, Now, Vote) ->
    heard(Sentinel, silent, Now, Vote).

heard(Sentinel, What, Now, #vote{known = Known} = Vote) when is_map_key(Sentinel, Known) ->
    at(Now, Vote#vote{known = Known#{Sentinel := What}});
heard(_Unknown, _What, _Now, Vote) ->
    Vote.

%% @doc Time has passed.
-spec at(NowMs :: integer(), vote()) -> vote().
at(Now, #vote{decided = undefined} = Vote) ->
    first(opinions(Vote), Now, Vote);
at(Now, Vote) ->
    case [Opinion || Opinion <- opinions(Vote), is_news(Opinion, Vote)] of
        [] -> agreed(majority(Vote), Now, Vote);
        Higher -> decide(highest(Higher), Vote)
    end.

first([], _Now, Vote) ->
    Vote#vote{first = undefined};
first(Opinions, Now, #vote{first = undefined} = Vote) ->
    first(Opinions, Now, Vote#vote{first = Now});
first(Opinions, Now, #vote{known = Known, first = First} = Vote) ->
    Untried = lists:member(untried, maps:values(Known)),
    case is_majority(length(Opinions), Vote) orelse not Untried orelse Now - First >= ?FIRST of
        true -> decide(highest(Opinions), Vote);
        false -> Vote
    end.

is_news({_, Higher} = Opinion, #vote{decided = {_, Epoch}, void = Void}) ->
    Higher > Epoch andalso not lists:member(Opinion, Void).

agreed({_, Epoch} = Opinion, _Now, #vote{decided = {_, Epoch}} = Vote) ->
    decide(Opinion, Vote);
agreed({_, _} = Lower, Now, #vote{lower = {Lower, Since}} = Vote) ->
    case Now - Since >= ?RESET of
        true -> set_up_anew(Lower, Vote);
        false -> Vote
    end;
agreed({_, _} = Lower, Now, Vote) ->
    Vote#vote{lower = {Lower, Now}};
agreed(none, _Now, Vote) ->
    Vote#vote{lower = undefined}.

set_up_anew({_, Epoch} = Opinion, #vote{decided = Decided} = Vote) ->
    Higher = [Old || {_, Told} = Old <- [Decided | opinions(Vote)], Told > Epoch],
    decide(Opinion, Vote#vote{void = lists:usort(Higher)}).

decide(Opinion, Vote) ->
    Vote#vote{decided = Opinion, first = undefined, lower = undefined}.

opinions(#vote{known = Known}) ->
    [Opinion || {_, _} = Opinion <- maps:values(Known)].

%% Of the highest epoch, the address that most name.
highest(Opinions) ->
    Epoch = lists:max([Told || {_, Told} <- Opinions]),
    {_, Most} = lists:max([
        {count(Opinion, Opinions), Opinion}
     || {_, Told} = Opinion <- Opinions, Told =:= Epoch
    ]),
    Most.

%% The opinion of the majority of all known Sentinels.
majority(Vote) ->
    Opinions = opinions(Vote),
    Held = [One || One <- lists:usort(Opinions), is_majority(count(One, Opinions), Vote)],
    case Held of
        [Opinion] -> Opinion;
        [] -> none
    end.

is_majority(Count, #vote{known = Known}) -> Count * 2 > map_size(Known).

count(Opinion, Opinions) -> length([One || One <- Opinions, One =:= Opinion]).

%% @doc The master to believe.
-spec decided(vote()) -> opinion() | undefined.
decided(#vote{decided = Decided}) -> Decided.

%% @doc The Sentinels that name it.
-spec agreeing(vote()) -> [sentinel()].
agreeing(#vote{decided = Decided, known = Known}) ->
    [Sentinel || {Sentinel, Opinion} <- maps:to_list(Known), Opinion =:= Decided].
