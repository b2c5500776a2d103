%% The Redis and Valkey servers of this machine that can be started as masters
%% (eslaver_test_master).
-module(eslaver_test_servers).

-export([available/0, own/0, spread/0, lines/1, by_name/1, version/1, family/1]).

-export_type([server/0]).

-type version() :: {non_neg_integer(), non_neg_integer(), non_neg_integer()}.
-type server() :: #{
    name := atom(),
    version := version(),
    family := redis | valkey,
    server := file:filename(),
    modules := [file:filename()]
}.
%% The distribution's own servers, and those below $ESLAVER_MASTERS.
-spec available() -> [server()].
available() ->
    Root = os:getenv("ESLAVER_MASTERS", "/opt/lab/masters"),
    Own = [
        {name("path-" ++ Name), Path}
     || Name <- ["redis-server", "valkey-server"],
        Path <- [os:find_executable(Name)],
        Path =/= false
    ],
    Lab = [
        {name(filename:basename(filename:dirname(Path))), Path}
     || Path <- lists:sort(filelib:wildcard(filename:join([Root, "*", "server"])))
    ],
    [describe(Name, Path) || {Name, Path} <- Own ++ Lab].

-spec version(file:filename()) -> version().
version(Server) ->
    element(2, identify(Server)).

-spec family(file:filename()) -> redis | valkey.
family(Server) ->
    element(1, identify(Server)).

%% A name that `rebar3 ct --group` takes: redis_2_8_17.
name(Directory) ->
    list_to_atom(lists:flatten(re:replace(Directory, "[-.]", "_", [global, {return, list}]))).

describe(Name, Path) ->
    {Family, Version} = identify(Path),
    Modules = lists:sort(
        filelib:wildcard(filename:join([filename:dirname(Path), "files", "*.so"]))
    ),
    #{name => Name, version => Version, family => Family, server => Path, modules => Modules}.

identify(Server) ->
    Line = os:cmd("'" ++ Server ++ "' --version"),
    {match, [Name | Numbers]} = re:run(
        Line,
        "(Redis|Valkey) server v=([0-9]+)\\.([0-9]+)\\.([0-9]+)",
        [{capture, all_but_first, list}]
    ),
    Family = list_to_atom(string:lowercase(Name)),
    {Family, list_to_tuple([list_to_integer(N) || N <- Numbers])}.

%% The distribution's own server, for cases that need only one; without it the newest Redis.
-spec own() -> file:filename().
own() ->
    case available() of
        [] ->
            error(no_redis_server_in_path);
        Available ->
            Ranked = [{rank(Server), Path} || #{server := Path} = Server <- Available],
            {_, Best} = lists:max(Ranked),
            Best
    end.

rank(#{name := Name, family := Family, version := Version}) ->
    {lists:prefix("path_", atom_to_list(Name)), Family =:= redis, Version}.

-spec by_name(atom()) -> server().
by_name(Name) ->
    [Found] = [Server || #{name := N} = Server <- available(), N =:= Name],
    Found.

%% Servers that are unlike: the distribution's own, and the newest of each later family at hand.
-spec spread() -> [server()].
spread() ->
    [Own | Others] = available(),
    Lines = [
        [
            Server
         || #{family := F, version := {M, _, _}} = Server <- Others, F =:= Family, M =:= Major
        ]
     || {Family, Major} <- [{redis, 8}, {valkey, 8}, {valkey, 9}]
    ],
    [Own | [newest(Line) || [_ | _] = Line <- Lines]].

%% The newest server at hand of each of these lines, of those that there are.
-spec lines([{redis | valkey, {Major :: non_neg_integer(), Minor :: non_neg_integer()}}]) ->
    [server()].
lines(Wanted) ->
    Lines = [
        [
            Server
         || #{family := F, version := {Major, Minor, _}} = Server <- available(),
            {F, {Major, Minor}} =:= Line
        ]
     || Line <- Wanted
    ],
    [newest(Line) || [_ | _] = Line <- Lines].

newest(Servers) ->
    {_, Newest} = lists:max([{Version, Server} || #{version := Version} = Server <- Servers]),
    Newest.
