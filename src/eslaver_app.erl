%% @doc The application. It runs the replica that its environment describes, if it describes one;
%% for applications that only depend on it, it starts an empty supervisor, and connects to nothing.
%% @private
-module(eslaver_app).
-behaviour(application).

-export([start/2, stop/1]).

%% @doc Starts the supervisor, and the replica of the environment.
-spec start(application:start_type(), term()) -> {ok, pid()} | {error, term()}.
start(_Type, _Args) ->
    case eslaver_environment:replica() of
        none -> eslaver_sup:start_link();
        {ok, Options} -> eslaver_sup:start_link(Options);
        {error, _} = Error -> Error
    end.

%% @doc Nothing is left to do.
-spec stop(term()) -> ok.
stop(_State) -> ok.
