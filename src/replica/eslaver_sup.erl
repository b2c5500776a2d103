%% @doc The supervisor of the replica that the application environment describes.
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

-export([start_link/1]).
-export([init/1]).

-spec start_link(eslaver_options:options()) -> supervisor:startlink_ret().
start_link(Options) ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, Options).

-spec init(eslaver_options:options()) ->
    {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init(Options) ->
    Flags = #{strategy => one_for_one, intensity => 3, period => 10},
    Server = #{id => eslaver_server, start => {eslaver_server, start_link, [Options]}},
    {ok, {Flags, [Server]}}.
