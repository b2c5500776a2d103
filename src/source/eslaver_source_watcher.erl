%% @doc What names the master and the replicas of a group for {@link eslaver_source_named}: a
%% process that replicas join. They get `{eslaver_source, Ref, {view, View}}', at first and whenever
%% the view changes.
%% @private
-module(eslaver_source_watcher).

-export_type([group/0, view/0, decision/0]).

-type group() :: term().
%% What is watched, as the module of the watcher has it.

-type decision() :: {Master :: eslaver_nif:address(), term()}.
%% A decision for the same master with another term is a new one.

-type view() :: #{
    decided := decision() | undefined,
    replicas := [eslaver_nif:address()],
    %% The ids of the nodes that belong to the group, if that is known.
    nodes := any | #{eslaver_nif:address() => binary()},
    %% Why there is no decision, once all has been tried.
    error := undefined | eslaver_control:error()
}.

%% The calling process joins a group. `Seen' is what an earlier watcher of the group has told.
-callback join(group(), Seen :: decision() | undefined) -> {Watcher :: pid(), reference()}.

%% Has it told of the master once there is a decision, or of why there is none.
-callback ask(reference(), Watcher :: pid()) -> ok.

%% The master cannot be reached, or is none: the watcher should look at once.
-callback hurry(Watcher :: pid()) -> ok.

%% It leaves the group. The watcher may have ended.
-callback leave(reference(), Watcher :: pid() | undefined) -> ok.

%% The group, for people.
-callback shown(group()) -> binary().
