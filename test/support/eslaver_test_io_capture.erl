%% A group leader that keeps what is written to it.
-module(eslaver_test_io_capture).

-export([start/0, text/1]).

-define(TIMEOUT, 30_000).

-spec start() -> pid().
start() ->
    Owner = self(),
    spawn(fun() ->
        Ref = erlang:monitor(process, Owner),
        capture(Ref, [])
    end).

-spec text(pid()) -> string().
text(Capture) ->
    Capture ! {captured, self()},
    receive
        {Capture, Text} -> Text
    after ?TIMEOUT -> error(io_capture_is_gone)
    end.

capture(Owner, Text) ->
    receive
        {'DOWN', Owner, process, _, _} ->
            ok;
        {captured, From} ->
            From ! {self(), unicode:characters_to_list(lists:reverse(Text))},
            capture(Owner, Text);
        {io_request, From, As, Request} ->
            {Reply, Written} = io_request(Request),
            From ! {io_reply, As, Reply},
            capture(Owner, [Written | Text]);
        _ ->
            capture(Owner, Text)
    end.

io_request({put_chars, Encoding, Characters}) ->
    {ok, unicode:characters_to_binary(Characters, Encoding)};
io_request({put_chars, Encoding, Module, Function, Args}) ->
    io_request({put_chars, Encoding, apply(Module, Function, Args)});
io_request({requests, Requests}) ->
    {ok, [Written || Request <- Requests, {_, Written} <- [io_request(Request)]]};
io_request(_) ->
    {{error, enotsup}, []}.
