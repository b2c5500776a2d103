%% A master, a mirror of it, and a replica of its own kind, for eslaver_test_differ.
-module(eslaver_test_subject).

-export([start/1, start/2, stop/1]).
-export_type([running/0]).

-type running() :: #{
    subject := eslaver_test_differ:subject(),
    master := eslaver_test_master:master(),
    referee := eslaver_test_master:master(),
    mirror := atom()
}.

-define(TIMEOUT, 30_000).
%% Those that the workloads use.
-define(DBS, [0, 1, 2, 3]).

-spec start(eslaver_test_master:server()) -> running().
start(Server) ->
    start(Server, #{}).

%% With more options of the mirror.
-spec start(eslaver_test_master:server(), map()) -> running().
start(#{server := Path, name := Name} = Server, Options) ->
    Master = eslaver_test_master:start(#{server => Path}),
    Referee = eslaver_test_master:start(#{
        server => Path, config => [{replica_of(Server), address(Master)}]
    }),
    Mirror = list_to_atom(atom_to_list(Name) ++ "_mirror"),
    {ok, _} = eslaver_mirror:start_link(
        maps:merge((eslaver_test_lib:target(Master))#{name => Mirror}, Options)
    ),
    ok = eslaver_mirror:await(Mirror, loaded, ?TIMEOUT),
    Client = eslaver_test_client:connect(Master),
    RefereeClient = eslaver_test_client:connect(Referee),
    true = eslaver_test_lib:until(fun() ->
        eslaver_test_lib:info(RefereeClient, "master_link_status") =:= <<"up">>
    end),
    #{
        subject => #{
            master => Client,
            replica => mirror(Mirror),
            referee => server(RefereeClient),
            trouble => fun() -> maps:get(unapplied, eslaver_mirror:info(Mirror)) end
        },
        master => Master,
        referee => Referee,
        mirror => Mirror
    }.

-spec stop(running()) -> ok.
stop(#{master := Master, referee := Referee, mirror := Mirror}) ->
    ok = eslaver_mirror:stop(Mirror),
    ok = eslaver_test_master:stop(Referee),
    eslaver_test_master:stop(Master).

replica_of(#{version := Version}) when Version < {5, 0, 0} -> "slaveof";
replica_of(_) -> "replicaof".

address(Master) ->
    ["127.0.0.1", integer_to_list(eslaver_test_master:port(Master))].

mirror(Name) ->
    #{
        offset => fun() -> maps:get(offset, eslaver_mirror:info(Name)) end,
        content => fun() -> eslaver_test_content:of_mirror(Name, ?DBS) end
    }.

server(Client) ->
    #{
        offset => fun() ->
            binary_to_integer(eslaver_test_lib:info(Client, "slave_repl_offset"))
        end,
        content => fun() -> eslaver_test_content:of_server(Client) end
    }.
