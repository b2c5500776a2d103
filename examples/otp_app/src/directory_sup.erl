%% directory_sup (one_for_one), owner of the table
%% └── directory_replica   a replica, whose handler is `directory'
%%
%% The table outlives the replica. A restarted replica loads a full snapshot.
-module(directory_sup).
-behaviour(supervisor).
-export([start_link/1]).
-export([init/1]).

start_link(Replica) ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, Replica).

init(Replica) ->
    Table = directory:new_table(),
    Options = Replica#{
        name => {local, directory_replica},
        events => full,
        callback => {handler, directory, Table}
    },
    {ok, {#{strategy => one_for_one}, [eslaver:child_spec(Options)]}}.
