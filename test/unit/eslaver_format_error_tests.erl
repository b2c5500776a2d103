%% Sentences about errors: a table of what a start returns, and of what has to be said about it.
-module(eslaver_format_error_tests).

-include_lib("eunit/include/eunit.hrl").

%% What is wrong, as users write it.
options_test_() ->
    Table = [
        {#{master_port => 0}, "option master_port is 0: expected a port from 1 to 65535"},
        {#{master_host => "h:6379"}, "master_host is \"h:6379\": .*without the port .*master_port"},
        {#{master_prot => 1}, "no option master_prot: did you mean master_port\\?"},
        {#{"master_hots" => "h"}, "no option \"master_hots\": did you mean master_host\\?"},
        {#{colour => red}, "no option colour: there are acknowledge, .*, tls"},
        {#{{1, 2} => 3}, "no option \\{1,2\\}"},
        {[{master_port, 1}, {master_port, 2}], "option master_port: it is given twice: leave one"},
        {[master_port | 1], "neither a map nor a list"},
        {#{master_url => "redis://h/3"}, "option master_url: leave the database out"},
        {#{master_url => "redis://h:1", master_port => 1}, "option master_url: leave out .*port"},
        {#{master_url => "redis://:pw@h?x"}, "master_url has a wrong value, .*: expected redis"},
        {#{master_auth => 1}, "master_auth has a wrong value, .*: expected a password"},
        {#{tls => #{verfy => false}}, "option tls there is no verfy: did you mean verify\\?"},
        {#{tls => [{password, "pw"}]}, "tls there is no password: there are cacertfile, certfile"},
        {#{tls => #{verify => verify_peer}}, "tls, verify is verify_peer: expected true, chain"},
        {#{tls => #{certfile => "/c"}}, "tls, certfile is \"/c\": .*go together"},
        {#{tls => #{cacertfile => 1}}, "tls, cacertfile is 1: expected a path"},
        {#{tls => yes}, "option tls is yes: expected true, false or a map"},
        {#{tls => true, master_host => {local, "/s"}}, "option tls is .*: expected .*over TCP"},
        {#{sentinel_tls => [{verify, 1}]}, "sentinel_tls, verify is 1"},
        {#{filter => #{kyes => "a"}}, "option filter there is no kyes: did you mean keys\\?"},
        {#{filter => #{dbs => 0}}, "filter, dbs is 0: expected a list of numbers"},
        {#{filter => [{types, [text]}]}, "filter, types is \\[text\\]: expected a list of array, "},
        {#{filter => [{dbs, [0]}, {dbs, [1]}]}, "filter, dbs is given twice"},
        {#{filter => 1}, "option filter is 1: expected a map"},
        {#{callback => eslaver_test_batch_handler},
            "expected \\{handler, eslaver_test_batch_handler, Args\\}, as this module is"},
        {#{callback => {handler, eslaver_test_batch_handler}},
            "expected \\{handler, eslaver_test_batch_handler, Args\\}"},
        {#{callback => {handler, lists, []}}, "expected a module that exports init/1"},
        {#{callback => {lists, nofun}}, "expected a function that is exported: lists:nofun/1"},
        {#{callback => {lists, nofun, [a]}}, "exported: lists:nofun/2"},
        {#{callback => fun() -> ok end}, "expected a fun of one argument"},
        {#{callback => 1}, "callback is 1: expected a fun of one argument, \\{Module, Function\\}"},
        {#{name => "n"}, "name is \"n\": expected an atom, \\{local, Name\\}"},
        {#{on_error => skip}, "on_error is skip: expected stop, \\{skip, true\\}"},
        {#{sentinels => ["a"]}, "option sentinels: set master_name, too"}
    ],
    [
        ?_test(begin
            {error, Reason} = Error = eslaver_options:parse(Given),
            Text = eslaver:format_error(Error),
            ?assertEqual(Text, eslaver:format_error(Reason)),
            ?assertMatch({Text, {match, _}}, {Text, re:run(Text, Regex)}),
            ?assertEqual(nomatch, re:run(Text, "pw"))
        end)
     || {Given, Regex} <- Table
    ].

mirrors_test_() ->
    Table = [
        {#{full_resync => besides}, "full_resync is besides: expected beside or in_place"},
        {#{persits => "f"}, "no option persits: did you mean persist\\?"},
        {#{load_dump => true}, "the option load_dump cannot be used here"},
        {#{filter => #{types => [hash]}}, "filter is .*: expected .*a mirror takes keys and dbs"},
        {#{filter => #{keys => 1}}, "filter, keys is 1: expected a glob"},
        {#{events => full}, "events is full: .*in a mirror only with a callback"},
        {#{project => [#{keys => "a"}]}, "in the option project, type is missing"},
        {#{persist => "f", cluster => ["h"]}, "option persist: leave it out"}
    ],
    [
        ?_test(begin
            Error = eslaver_mirror_options:parse(Given),
            Text = eslaver_mirror:format_error(Error),
            ?assertMatch({Text, {match, _}}, {Text, re:run(Text, Regex)})
        end)
     || {Given, Regex} <- Table
    ].

others_test_() ->
    Table = [
        {{nif_not_loaded, <<"why">>}, "^why$"},
        {{resume_locked, <<"/p">>}, "position in /p is that of another replica"},
        {{error, loading}, "no data yet"},
        {{error, stale}, "the link to the master is down"},
        {{error, not_served}, "no shard .* has the slot"},
        {{error, wrongtype}, "a value of another type"},
        {{error, unknown}, "the value is unknown"},
        {{already_started, self()}, "there is one of this name already"},
        {
            {bad_return, #{function => {m, init, 1}, returned => x, expected => "it"}},
            "m:init/1 must return it"
        },
        {{callback_failed, #{event => <<"init">>, class => error, reason => no, stacktrace => []}},
            "raised error:no at init"},
        {any_other, "any_other"},
        {{invalid_option, dbs, 1}, "dbs is 1: expected a list of numbers"}
    ],
    [
        ?_assertMatch({_, {match, _}}, {Reason, re:run(eslaver:format_error(Reason), Regex)})
     || {Reason, Regex} <- Table
    ].

%% Each option says what it has to be.
all_expected_test() ->
    Keys = eslaver_options:keys() ++ eslaver_mirror_options:keys() ++ eslaver_filter:keys(),
    Nested = [{tls, Key} || Key <- eslaver_tls_options:keys()],
    ?assertEqual([], [Key || Key <- Keys ++ Nested, eslaver_format_error:expected(Key) =:= none]).
