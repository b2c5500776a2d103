%% @doc The supervisor of the application: empty, or with the one replica that the environment
%% describes or {@link eslaver:start/2} has started.
%%
%% ```
%% eslaver_sup (one_for_one)
%% └── eslaver_server      callback, position, reconnects
%%      └── eslaver_link   (linked) runs the native decoder
%% '''
%%
%% Replicas with options of their own run under their users' supervisors, by
%% {@link eslaver:child_spec/1}.
%% @private
-module(eslaver_sup).
-behaviour(supervisor).

-export([start_link/0, start_link/1, start/1]).
-export([init/1]).

%% @doc Without a replica.
-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    case supervisor:start_link({local, ?MODULE}, ?MODULE, []) of
        {ok, Supervisor} -> {ok, Supervisor};
        {error, _} = Error -> Error
    end.

%% @doc With a replica. If that cannot be started, this cannot.
-spec start_link(eslaver_options:options()) -> {ok, pid()} | {error, term()}.
start_link(Options) ->
    case start_link() of
        {ok, Supervisor} ->
            Result = added(Options, Supervisor),
            _ = [ended(Supervisor) || {error, _} <- [Result]],
            Result;
        {error, _} = Error ->
            Error
    end.

ended(Supervisor) ->
    true = unlink(Supervisor),
    gen_server:stop(Supervisor, shutdown, infinity).

%% @doc Starts a replica under the supervisor that runs, or one linked to the caller.
-spec start(eslaver_options:options()) -> {ok, pid()} | {error, term()}.
start(Options) ->
    case whereis(?MODULE) of
        undefined -> start_link(Options);
        Supervisor -> added(Options, Supervisor)
    end.

added(Options, Supervisor) ->
    case supervisor:start_child(Supervisor, child(Options)) of
        {ok, _Replica} -> {ok, Supervisor};
        {error, {already_started, _}} -> {error, {already_started, Supervisor}};
        %% behind the reason there is the child's specification
        {error, {Reason, _Child}} -> {error, Reason}
    end.

child(Options) ->
    #{id => eslaver_server, start => {eslaver_start, replica, [Options]}}.

-spec init([]) -> {ok, {supervisor:sup_flags(), []}}.
init([]) ->
    {ok, {#{strategy => one_for_one, intensity => 3, period => 10}, []}}.
