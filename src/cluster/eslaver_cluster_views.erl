%% @doc The replicas of a cluster's shards that have joined theirs ({@link eslaver_source_watcher}),
%% and what they are told.
%% @private
-module(eslaver_cluster_views).

-export([new/0, join/4, ask/3, leave/2, down/2, changed/2, answer/2]).
-export_type([views/0, view_of/0]).

-type view_of() :: fun((eslaver_cluster_topology:name()) -> eslaver_source_watcher:view()).
%% What is known of a shard.

-record(views, {
    joined = #{} :: #{
        reference() => {pid(), eslaver_cluster_topology:name(), Monitor :: reference()}
    },
    %% Those that wait for an answer.
    asking = [] :: [reference()]
}).

-opaque views() :: #views{}.

%% @doc Nobody has joined.
-spec new() -> views().
new() -> #views{}.

%% @doc A process joins a shard, under this reference.
-spec join({pid(), reference()}, eslaver_cluster_topology:name(), view_of(), views()) -> views().
join({User, Ref}, Name, ViewOf, #views{joined = Joined} = Views) ->
    Next = Views#views{joined = Joined#{Ref => {User, Name, monitor(process, User)}}},
    ok = tell(Ref, ViewOf, Next),
    Next.

%% @doc It wants to be told of the master as soon as there is one, or of why there is none.
-spec ask(reference(), view_of(), views()) -> views().
ask(Ref, ViewOf, #views{asking = Asking} = Views) ->
    answer(ViewOf, Views#views{asking = [Ref | Asking]}).

%% @doc It is not to be told any more.
-spec leave(reference(), views()) -> views().
leave(Ref, #views{joined = Joined, asking = Asking} = Views) ->
    case maps:take(Ref, Joined) of
        {{_User, _Name, Monitor}, Rest} ->
            true = demonitor(Monitor, [flush]),
            Views#views{joined = Rest, asking = lists:delete(Ref, Asking)};
        error ->
            Views
    end.

%% @doc A monitored process has ended, perhaps one that has joined.
-spec down(reference(), views()) -> views().
down(Monitor, #views{joined = Joined} = Views) ->
    Refs = [Ref || {Ref, {_, _, One}} <- maps:to_list(Joined), One =:= Monitor],
    lists:foldl(fun leave/2, Views, Refs).

%% @doc More is known, or something else.
-spec changed(view_of(), views()) -> views().
changed(ViewOf, #views{joined = Joined} = Views) ->
    _ = [tell(Ref, ViewOf, Views) || Ref <- maps:keys(Joined)],
    answer(ViewOf, Views).

%% @doc There may be an answer now.
-spec answer(view_of(), views()) -> views().
answer(ViewOf, #views{asking = Asking, joined = Joined} = Views) ->
    {Answered, Waiting} = lists:partition(
        fun(Ref) ->
            case Joined of
                #{Ref := {_, Name, _}} -> is_answer(ViewOf(Name));
                #{} -> true
            end
        end,
        Asking
    ),
    _ = [tell(Ref, ViewOf, Views) || Ref <- Answered],
    Views#views{asking = Waiting}.

is_answer(#{decided := undefined, error := undefined}) -> false;
is_answer(_View) -> true.

tell(Ref, ViewOf, #views{joined = Joined}) ->
    case Joined of
        #{Ref := {User, Name, _}} ->
            User ! {eslaver_source, Ref, {view, ViewOf(Name)}},
            ok;
        #{} ->
            ok
    end.
