%% Keeps the hashes `user:*` as rows `{Id, Name, Born}` of an ETS table, and prints those born
%% before 1900 each time one changes on the master, until Enter is pressed.
%%
%%     ERL_LIBS=_build/default/lib escript examples/projection.erl [Port]
%%
%% The rows of a transaction appear together, and a notification comes after them.
-module(projection).
-mode(compile).
-export([main/1, user/2]).

main([]) ->
    main(["6379"]);
main([Port]) ->
    {ok, _} = eslaver_mirror:start_link(#{
        master_port => list_to_integer(Port),
        project => [
            #{keys => "user:*", type => hash, table => users, map => fun ?MODULE:user/2}
        ]
    }),
    ok = eslaver_mirror:await(eslaver_mirror, loaded, 60000),
    Shower = spawn_link(fun() ->
        {ok, _} = eslaver_mirror:subscribe(eslaver_mirror, #{keys => "user:*"}),
        loop()
    end),
    _ = io:get_line(""),
    unlink(Shower),
    exit(Shower, kill),
    eslaver_mirror:stop(eslaver_mirror).

%% A user without a year of birth has no row.
user(<<"user:", Id/binary>>, #{<<"name">> := Name, <<"born">> := Born}) ->
    {Id, Name, binary_to_integer(Born)};
user(_Key, #{}) ->
    skip.

loop() ->
    Names = ets:select(users, [{{'_', '$1', '$2'}, [{'<', '$2', 1900}], ['$1']}]),
    io:format("born before 1900: ~0p~n", [lists:sort(Names)]),
    receive
        {eslaver, _Ref, _Change} -> loop()
    end.
