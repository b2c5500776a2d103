%% The cheatsheet and the exports of eslaver_mirror have the same calls.
-module(eslaver_cheatsheet_tests).

-include_lib("eunit/include/eunit.hrl").

every_call_of_the_cheatsheet_is_exported_test() ->
    ?assertEqual([], calls() -- exports()).

every_export_is_in_the_cheatsheet_test() ->
    ?assertEqual([], exports() -- calls()).

exports() ->
    eslaver_mirror:module_info(exports) -- [{module_info, 0}, {module_info, 1}].

calls() ->
    {ok, Text} = file:read_file("guides/cheatsheet.md"),
    {match, Calls} = re:run(Text, "`([a-z][a-z_]*\\(.*?\\))`", [global, {capture, [1], list}]),
    lists:usort([call(Call) || [Call] <- Calls]).

call(Text) ->
    {ok, Tokens, _} = erl_scan:string(Text ++ "."),
    {ok, [{call, _, {atom, _, Name}, Args}]} = erl_parse:parse_exprs(Tokens),
    {Name, length(Args)}.
