%% The application's callback.
-module(directory_app).
-behaviour(application).
-export([start/2, stop/1]).

start(_Type, _Args) ->
    {ok, Replica} = application:get_env(directory, replica),
    directory_sup:start_link(Replica).

stop(_State) ->
    ok.
