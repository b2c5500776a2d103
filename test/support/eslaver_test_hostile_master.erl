%% One sync with a fake master that serves hostile data: how it ends, and its events. It runs in the
%% calling node, which may be one of its own.
-module(eslaver_test_hostile_master).

-export([serve/2, serve/3, with_fake/2, keys/1, parallel/3]).

-export_type([outcome/0]).

%% `events` are full, except those of the link; `text` says why it is down.
-type outcome() :: #{
    ended := loaded | closed | atom(), text := binary(), events := [term()]
}.

-define(TIMEOUT, 30_000).

%% The outcome of an answer to PSYNC: `loaded` at the end of the snapshot, or the reason of the
%% link's end.
-spec serve(load | stream, iodata()) -> outcome().
serve(Until, Psync) ->
    serve(Until, Psync, #{}).

%% With options; until the snapshot's end, or until the end of the stream behind it: that of the
%% connection, when all has been sent.
-spec serve(load | stream, iodata(), map()) -> outcome().
serve(Until, Psync, Options) ->
    Then =
        case Until of
            load -> keep;
            stream -> close
        end,
    with_fake(#{psync => Psync, then => Then}, fun(Target) ->
        meet(Until, maps:merge(Target, Options))
    end).

%% Calls this with the options that lead to a fake master of one script or several. It has a unix
%% socket: a port would be kept from use for a minute by each that is closed, and what was sent
%% before would get lost.
-spec with_fake(Scripts, fun((map()) -> Result)) -> Result when
    Scripts :: eslaver_test_fake_master:script() | [eslaver_test_fake_master:script()].
with_fake(#{} = Script, Fun) ->
    with_fake([Script], Fun);
with_fake(Scripts, Fun) ->
    Path = filename:join("/tmp", ["eslaver_test_", os:getpid(), $_, unique()]),
    Fake = eslaver_test_fake_master:start({local, Path}, Scripts),
    Result = Fun(#{master_host => {local, Path}, dbfilename => undefined}),
    ok = eslaver_test_fake_master:stop(Fake),
    ok = file:delete(Path),
    Result.

unique() ->
    integer_to_list(erlang:unique_integer([positive])).

meet(Until, Options) ->
    Self = self(),
    Tag = make_ref(),
    {ok, Replica} = eslaver:start_link(Options#{
        events => full,
        callback => fun(Event) ->
            Self ! {Tag, Event},
            ok
        end
    }),
    Outcome = collect(Until, Tag, Replica, []),
    ok = eslaver:stop(Replica),
    flush(Tag),
    Outcome.

collect(Until, Tag, Replica, Events) ->
    receive
        {Tag, {link, up, _}} ->
            collect(Until, Tag, Replica, Events);
        {Tag, {link, down, #{reason := Reason, text := Text}}} ->
            #{ended => Reason, text => Text, events => lists:reverse(Events)};
        {Tag, {loading, eof, _}} when Until =:= load ->
            #{ended => loaded, text => <<>>, events => lists:reverse(Events)};
        {Tag, Event} ->
            collect(Until, Tag, Replica, [Event | Events])
    after ?TIMEOUT ->
        error({nothing_comes_of_it, eslaver:info(Replica), lists:sublist(Events, 3)})
    end.

flush(Tag) ->
    receive
        {Tag, _} -> flush(Tag)
    after 0 -> ok
    end.

%% The keys of a snapshot, of all that was told.
-spec keys([term()]) -> [tuple()].
keys(Events) ->
    [
        Event
     || {loading, Type, _, _, _} = Event <- Events, Type =/= aux, Type =/= function
    ].

%% Calls the function for each item, in this number of processes. Returns the results in order.
-spec parallel(pos_integer(), fun((Item) -> Result), [Item]) -> [Result].
parallel(Processes, Fun, Items) ->
    Shares = [
        [Item || {Number, _} = Item <- lists:enumerate(Items), Number rem Processes =:= Rest]
     || Rest <- lists:seq(0, Processes - 1)
    ],
    Work = fun(Share) -> [{Number, Fun(Item)} || {Number, Item} <- Share] end,
    [Result || {_, Result} <- lists:sort(lists:append(eslaver_test_parallel:map(Work, Shares)))].
