%% A mirror of each server at hand, one after another: they differ by version.
-module(eslaver_test_mirrored_servers).

-export([each/2, each/3, with_modules/3, is_known/2]).

-type compare() :: fun((Mirror :: atom(), eslaver_test_client:client()) -> _).

-define(TIMEOUT, 30_000).

%% Of every server.
-spec each(Name :: atom(), compare()) -> ok.
each(Name, Compare) ->
    each(Name, Compare, eslaver_test_servers:available()).

%% Of each of these servers.
-spec each(Name :: atom(), compare(), [eslaver_test_servers:server()]) -> ok.
each(Name, Compare, Servers) ->
    lists:foreach(fun(Server) -> one(Name, Compare, Server#{modules := []}) end, Servers).

%% Of every server that has modules, with all of them, and with the result of these commands.
-spec with_modules(Name :: atom(), [[iodata()]], compare()) -> ok.
with_modules(Name, Commands, Compare) ->
    Servers = eslaver_test_servers:available(),
    [one(Name, Compare, Server, Commands) || #{modules := [_ | _]} = Server <- Servers],
    ok.

one(Prefix, Compare, Server) ->
    one(Prefix, Compare, Server, []).

one(Prefix, Compare, #{name := Name, server := Path, modules := Modules}, Commands) ->
    Master = eslaver_test_master:start(#{server => Path, modules => Modules}),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_client:pipeline(Client, Commands),
    Mirror = list_to_atom(lists:flatten(io_lib:format("~s_~s", [Prefix, Name]))),
    Target = eslaver_test_replica:target(Master),
    {ok, _} = eslaver_mirror:start_link(Target#{name => Mirror}),
    ok = eslaver_mirror:await(Mirror, loaded, ?TIMEOUT),
    ct:log("~s", [Name]),
    _ = Compare(Mirror, Client),
    ok = eslaver_mirror:stop(Mirror),
    ok = eslaver_test_master:stop(Master).

%% Whether the server has this command. Other errors than that of an unknown command come of the
%% missing arguments.
-spec is_known(eslaver_test_client:client(), string()) -> boolean().
is_known(Client, Name) ->
    case eslaver_test_client:command(Client, [Name]) of
        {error, <<"ERR unknown command", _/binary>>} -> false;
        {error, _} -> true
    end.
