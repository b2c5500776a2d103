-module(eslaver_mirror_news_tests).

-include_lib("eunit/include/eunit.hrl").

news_test() ->
    Refused = #{command => <<"json.set">>, reason => <<"the command is not known">>},
    Events = [
        {link, up, #{resync => full, replid => <<"id">>, offset => 7, master => <<>>}},
        {loading, start, #{replid => <<"id">>, offset => 7, bytes => 1, source => master}},
        {loading, eof, #{keys => 1, bytes => 1, db => 3}},
        {mirror, refused, Refused},
        {mirror, lost, #{}},
        {link, down, #{reason => closed, text => <<>>}},
        {link, up, #{resync => partial, replid => <<"id">>, offset => 100, master => <<>>}}
    ],
    ?assertEqual(
        [
            loading,
            loaded,
            {refused, <<"json.set">>, <<"the command is not known">>},
            lost,
            up
        ],
        eslaver_mirror_news:of_events(Events)
    ).
