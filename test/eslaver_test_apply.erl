%% The tables of a mirror, filled by the modules that apply commands from the real stream of a real
%% master, in the calling process: no server of the mirror's is involved. `eslaver_mirror' reads them
%% under the given name.
-module(eslaver_test_apply).

-export([start/3, sync/2, ctx/1, stop/1]).

-export_type([applied/0]).

-opaque applied() :: #{
    replica := pid(),
    store := eslaver_mirror_store:store(),
    view := eslaver_mirror_view:view(),
    modules := #{binary() => module()},
    skipped := ordsets:ordset(binary())
}.

-define(TIMEOUT, 60_000).
-define(MARK, <<"eslaver_test_apply:mark">>).

%% With these modules for the commands; those of others are skipped, and told of by sync/2.
-spec start(atom(), inet:port_number(), [module()]) -> applied().
start(Name, Port, Modules) ->
    {ok, Replica} = eslaver:start_link(#{
        master_host => "127.0.0.1", master_port => Port, callback => self(), events => full
    }),
    loaded(),
    Store = eslaver_mirror_store:with_db(0, eslaver_mirror_store:new([])),
    View = eslaver_mirror_view:new(#{name => Name, serve_stale_data => true}),
    Published = eslaver_mirror_view:publish(Store, View),
    eslaver_mirror_view:status(fresh, Published),
    #{
        replica => Replica,
        store => Store,
        view => Published,
        modules => maps:from_list([{Command, M} || M <- Modules, Command <- M:commands()]),
        skipped => []
    }.

loaded() ->
    receive
        {loading, eof, _} -> ok;
        {loading, _, _} -> loaded();
        {link, up, _} -> loaded();
        {loading, aux, _, _, _} -> loaded()
    after ?TIMEOUT -> error(no_empty_snapshot)
    end.

-spec stop(applied()) -> ok.
stop(#{replica := Replica, store := Store, view := View}) ->
    eslaver_mirror_view:close(View),
    eslaver_mirror_store:delete(Store, here),
    eslaver:stop(Replica).

%% All that the master has been given by now is applied; which commands were not, for want of a
%% module.
-spec sync(applied(), eslaver_test_client:client()) -> {[binary()], applied()}.
sync(Applied, Client) ->
    Mark = integer_to_binary(erlang:unique_integer([positive])),
    _ = eslaver_test_client:ok(Client, ["publish", ?MARK, Mark]),
    _ = eslaver_test_client:ok(Client, ["set", ?MARK, Mark]),
    #{skipped := Skipped} = Done = until(Mark, Applied),
    {Skipped, Done}.

until(Mark, Applied) ->
    receive
        {stream, <<"set">>, [?MARK, Mark | _], _} -> Applied;
        {stream, Command, Args, _} -> until(Mark, apply_one(Command, Args, Applied));
        {link, _, _} = Event -> error({unexpected, Event})
    after ?TIMEOUT -> error({mark_does_not_come, Mark})
    end.

apply_one(Command, Args, #{modules := Modules, skipped := Skipped} = Applied) ->
    case Modules of
        #{Command := Module} ->
            try
                ok = Module:apply(Command, Args, ctx(Applied)),
                Applied
            catch
                Class:Reason:Stack ->
                    erlang:raise(Class, {command_fails, Command, Args, Reason}, Stack)
            end;
        #{} ->
            Applied#{skipped := ordsets:add_element(Command, Skipped)}
    end.

%% What a command for db 0 is applied to.
-spec ctx(applied()) -> eslaver_mirror_type:ctx().
ctx(#{store := Store}) ->
    #{
        db => 0,
        keys => eslaver_mirror_store:keys(0, Store),
        now => erlang:system_time(millisecond),
        store => Store
    }.
