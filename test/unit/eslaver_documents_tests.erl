%% The documents: their links lead somewhere, and they describe every option.
-module(eslaver_documents_tests).

-include_lib("eunit/include/eunit.hrl").

links_lead_somewhere_test_() ->
    [{File, ?_assertEqual([], broken(File))} || File <- documents()].

every_option_is_described_test_() ->
    Described = [read(File) || File <- filelib:wildcard("guides/*.md")],
    Options = lists:usort(eslaver_options:keys() ++ eslaver_mirror_options:keys()),
    [
        {atom_to_list(Option), ?_assertNotEqual(nomatch, string:find(Described, quoted(Option)))}
     || Option <- Options
    ].

documents() ->
    filelib:wildcard("{.,guides,examples,bench,elixir,broadway}/*.md").

quoted(Option) ->
    [$`, atom_to_list(Option), $`].

%% Links to files of this repository and to headings; links to other sites are left out.
broken(File) ->
    Regex = "\\]\\(([^)#:\\s]*)(?:#([^)\\s]*))?\\)",
    case re:run(prose(File), Regex, [global, {capture, [1, 2], list}]) of
        {match, Links} -> [Link || [Path, Anchor] = Link <- Links, not leads(Path, Anchor, File)];
        nomatch -> []
    end.

leads("", Anchor, File) ->
    lists:member(Anchor, anchors(File));
leads(Path, "", File) ->
    filelib:is_file(filename:join(filename:dirname(File), Path));
leads(Path, Anchor, File) ->
    leads(Path, "", File) andalso
        lists:member(Anchor, anchors(filename:join(filename:dirname(File), Path))).

%% As hosts make them of headings.
anchors(File) ->
    case re:run(prose(File), "^#+ (.*)$", [global, multiline, {capture, [1], list}]) of
        {match, Headings} -> [anchor(Heading) || [Heading] <- Headings];
        nomatch -> []
    end.

anchor(Heading) ->
    Words = re:replace(string:lowercase(Heading), "[^\\w\\- ]", "", [global, unicode]),
    re:replace(Words, " ", "-", [global, {return, list}]).

%% Code has neither links nor headings.
prose(File) ->
    re:replace(read(File), "^```.*?^```$", "", [global, multiline, dotall, {return, binary}]).

read(File) ->
    {ok, Text} = file:read_file(File),
    Text.
