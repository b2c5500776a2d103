-module(eslaver_mirror_news_tests).

-include_lib("eunit/include/eunit.hrl").

command(Line, Offset) ->
    [Name | Args] = [list_to_binary(Word) || Word <- string:lexemes(Line, " ")],
    {stream, Name, Args, #{db => 0, offset => Offset}}.

down() -> {link, down, #{reason => closed, text => <<>>}}.
up() -> {link, up, #{resync => partial, replid => <<"id">>, offset => 100, master => <<>>}}.

news(Events) ->
    {News, _} = eslaver_mirror_news:handle(Events, eslaver_mirror_news:new()),
    News.

set(Key) -> {<<"set">>, [Key, <<"1">>], 0}.

commands_test() ->
    ?assertEqual(
        [{applied, [set(<<"a">>)], 110}, {applied, [set(<<"b">>), set(<<"c">>)], 150}],
        news([
            command(Line, Offset)
         || {Line, Offset} <- [
                {"set a 1", 110},
                {"multi", 120},
                {"set b 1", 130},
                {"set c 1", 140},
                {"exec", 150},
                {"exec", 160}
            ]
        ])
    ).

%% Another link goes on with what has not been handled, another replica before the transaction.
cut_within_a_transaction_test() ->
    Open = [command("multi", 110), command("set a 1", 120)],
    Rest = [command("set b 1", 130), command("exec", 140)],
    ?assertEqual(
        [up, {applied, [set(<<"a">>), set(<<"b">>)], 140}],
        news(Open ++ [down(), up()] ++ Rest)
    ),
    {[], Left} = eslaver_mirror_news:handle(Open, eslaver_mirror_news:new()),
    ?assertMatch(
        {[{applied, [{<<"set">>, _, _}], 120}], _},
        eslaver_mirror_news:handle([command("set b 1", 120)], eslaver_mirror_news:broken(Left))
    ).

%% Redis 3.2 writes a script's effects as a transaction, also within one: the first EXEC ends both.
transaction_within_a_transaction_test() ->
    Lines = ["multi", "set a 1", "multi", "set b 1", "exec", "set c 1", "exec"],
    ?assertEqual(
        [{applied, [set(<<"a">>), set(<<"b">>)], 1}, {applied, [set(<<"c">>)], 1}],
        news([command(Line, 1) || Line <- Lines])
    ).

snapshot_test() ->
    ?assertEqual(
        [loading, {told, undefined}, {loaded, #{offset => 7, db => 3}}],
        news([
            {link, up, #{resync => full, replid => <<"id">>, offset => 7, master => <<>>}},
            command("multi", 1),
            {loading, start, #{replid => <<"id">>, offset => 7, bytes => 1, source => master}},
            {link, commands, undefined},
            command("exec", 1),
            {loading, eof, #{keys => 1, bytes => 1, db => 3}}
        ])
    ).

refusals_test() ->
    Refused = #{command => <<"json.set">>, reason => <<"the command is not known">>},
    ?assertEqual(
        [{refused, <<"json.set">>, <<"the command is not known">>}, lost],
        news([{mirror, refused, Refused}, {mirror, lost, #{}}])
    ).
