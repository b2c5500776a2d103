%% A subscriber to all keys of a mirror of a test cluster, which must not be told of keys that only
%% move.
-module(eslaver_test_cluster_news).

-export([start/1, stop/1, wrong/2, moved/1]).

-define(TIMEOUT, 60_000).

%% It ends with the process that started it.
-spec start(Mirror :: atom()) -> pid().
start(Mirror) ->
    Owner = self(),
    Subscriber = spawn(fun() ->
        Down = erlang:monitor(process, Owner),
        {ok, Ref} = eslaver_mirror:subscribe(Mirror, #{}),
        Owner ! {self(), subscribed},
        loop(Down, Ref, [])
    end),
    receive
        {Subscriber, subscribed} -> Subscriber
    after ?TIMEOUT -> error(not_subscribed)
    end.

%% What it was told, in order.
-spec stop(pid()) -> [term()].
stop(Subscriber) ->
    Ref = erlang:monitor(process, Subscriber),
    Subscriber ! {stop, self(), Ref},
    receive
        {Ref, Notices} ->
            erlang:demonitor(Ref, [flush]),
            Notices;
        {'DOWN', Ref, process, Subscriber, Reason} ->
            error({subscriber_is_gone, Reason})
    after ?TIMEOUT -> error(subscriber_does_not_answer)
    end.

loop(Down, Ref, Notices) ->
    receive
        {stop, From, Mark} -> From ! {Mark, lists:reverse(Notices)};
        {'DOWN', Down, process, _, _} -> ok;
        {eslaver, Ref, Notice} -> loop(Down, Ref, [Notice | Notices])
    end.

%% Changes that it knows nothing of, keys that nobody wrote, and more changes of a key than writes.
-spec wrong([term()], eslaver_test_cluster_notes:notes()) -> [term()].
wrong(Notices, Notes) ->
    Counts = lists:foldl(
        fun(Notice, Acc) ->
            case Notice of
                {key, _Command, Key, _} ->
                    maps:update_with(Key, fun(Count) -> Count + 1 end, 1, Acc);
                _ ->
                    Acc
            end
        end,
        #{},
        Notices
    ),
    [Notice || {keys, _, unknown, _} = Notice <- Notices] ++
        [Notice || {keys, _, {slots, _}, _} = Notice <- Notices] ++
        [
            {told, Key, Count, {written, Written}}
         || {Key, Count} <- maps:to_list(Counts),
            Written <- [most(eslaver_test_cluster_writers:parse(Key), maps:get(Key, Notes, []))],
            Count > Written
        ].

most(other, _Notes) -> infinity;
%% Nobody has written it since it was there.
most(s, _Notes) -> 0;
%% It expires, too; before 7.0 that is sent apart from the value.
most(x, Notes) -> 3 * length(Notes);
most(_, Notes) -> length(Notes).

%% How many times each slot moved, and where it was at the end.
-spec moved([term()]) -> #{0..16383 => {Times :: pos_integer(), To :: binary()}}.
moved(Notices) ->
    lists:foldl(
        fun({Slot, To}, Acc) ->
            maps:update_with(Slot, fun({Times, _}) -> {Times + 1, To} end, {1, To}, Acc)
        end,
        #{},
        [
            {Slot, To}
         || {slots, moved, #{ranges := Ranges, to := To}} <- Notices,
            Slot <- eslaver_test_cluster_nodes:numbers(Ranges)
        ]
    ).
