%% directory_sup (one_for_one), owner of the table
%% └── directory_replica   a replica, whose handler is `directory'
%%
%% A replica that is started anew takes a full snapshot, and the table serves meanwhile.
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
