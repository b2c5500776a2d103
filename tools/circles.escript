#!/usr/bin/env escript
%% Finds circles: modules that depend on each other, directly or through others, in src/ and in
%% each crate of native/. Prints each circle with the lines that close it, and fails if there is
%% one. Arguments name other directories: tools/circles.escript native/*/src
%%
%% An Erlang module depends on another if it calls it, also by {M, F, [Args]}, uses its types,
%% imports from it or has its behaviour. A module's name alone does not count: whoever calls the
%% modules of a table knows their behaviour only, and tags of messages and registered names look
%% the same.
%%
%% A Rust module depends on the modules that define what its paths name, in `use` and elsewhere.
%% `mod` and `pub use` do not count: a parent shows its parts. Nor does a dependency between a
%% module and one below it: a parent and its parts are one thing to the others, though the parts
%% may not go round among themselves. A method that a module calls and another module adds to the
%% first one's type counts too. Unit tests do not count.
-mode(compile).

main([]) ->
    main(["src" | filelib:wildcard("native/*/src")]);
main(Dirs) ->
    Circles = lists:append([circles(edges(Dir)) || Dir <- Dirs]),
    [print(Circle) || Circle <- Circles],
    Circles =:= [] orelse halt(1).

print(Circle) ->
    io:format("circle:~n"),
    [
        io:format("  ~ts -> ~ts (~ts:~b)~n", [From, To, File, Line])
     || {From, To, File, Line} <- Circle
    ].

%% The shortest circle through each module that is on one, as its edges; each once.
circles(Edges) ->
    Graph = digraph:new(),
    First = maps:from_list([{{From, To}, Edge} || {From, To, _, _} = Edge <- lists:reverse(Edges)]),
    [digraph:add_vertex(Graph, V) || {From, To} <- maps:keys(First), V <- [From, To]],
    [digraph:add_edge(Graph, From, To) || {From, To} <- maps:keys(First)],
    Short = [digraph:get_short_cycle(Graph, V) || V <- lists:sort(digraph:vertices(Graph))],
    Turned = [from_least(tl(Circle)) || Circle <- Short, Circle =/= false],
    [[maps:get(Step, First) || Step <- steps(Circle)] || Circle <- lists:usort(Turned)].

from_least(Circle) ->
    {Before, From} = lists:splitwith(fun(V) -> V =/= lists:min(Circle) end, Circle),
    From ++ Before.

steps(Circle) ->
    lists:zip(Circle, tl(Circle) ++ [hd(Circle)]).

%% {From, To, File, Line} of every dependency, in the order of files and lines.
edges(Dir) ->
    Erlang = filelib:wildcard(filename:join(Dir, "**/*.erl")),
    Rust = filelib:wildcard(filename:join(Dir, "**/*.rs")),
    [] =/= Erlang ++ Rust orelse stop("nothing to read in " ++ Dir),
    [Edge || Edge <- erlang_edges(Erlang) ++ rust_edges(Dir, Rust), not is_within(Edge)].

%% Whether a module depends on itself, or one of both is below the other.
is_within({From, To, _, _}) ->
    [One, Other] = [lists:concat([Module, "::"]) || Module <- [From, To]],
    lists:prefix(One, Other) orelse lists:prefix(Other, One).

stop(Text) ->
    io:format(standard_error, "~ts~n", [Text]),
    halt(2).

read(File) ->
    {ok, Text} = file:read_file(File),
    Text.

%%% Erlang

erlang_edges(Files) ->
    Modules = [list_to_atom(filename:basename(File, ".erl")) || File <- Files],
    [
        {Module, To, File, Line}
     || {Module, File} <- lists:zip(Modules, Files),
        {To, Line} <- mentions(erlang_tokens(File)),
        lists:member(To, Modules)
    ].

erlang_tokens(File) ->
    {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(read(File))),
    [{element(1, Token), erl_scan:symbol(Token), erl_scan:line(Token)} || Token <- Tokens].

mentions([{atom, M, Line}, {':', _, _} | Rest]) ->
    [{M, Line} | mentions(Rest)];
mentions([
    {'{', _, _}, {atom, M, Line}, {',', _, _}, {atom, _, _}, {',', _, _}, {'[', _, _} | Rest
]) ->
    [{M, Line} | mentions(Rest)];
mentions([{'-', _, _}, {atom, Attribute, _}, {'(', _, _}, {atom, M, Line} | Rest]) when
    Attribute =:= behaviour; Attribute =:= import
->
    [{M, Line} | mentions(Rest)];
mentions([_ | Rest]) ->
    mentions(Rest);
mentions([]) ->
    [].

%%% Rust: a module is the list of its path's segments, [] for the crate's root.

-record(rust, {
    file,
    %% [{Name, Path, Line, IsPub}]: what it uses, each under the name it has here.
    uses,
    %% [{Path, Line}]: the paths outside of `use`, single names too.
    paths,
    %% [{Path of a type, Method}] of its `impl Type` blocks.
    methods,
    %% The names of the functions it defines.
    functions,
    %% [{Method, Line}]: what it calls.
    calls
}).

rust_edges(Dir, Files) ->
    Modules = maps:from_list([{rust_path(Dir, File), rust(File)} || File <- Files]),
    lists:append([rust_edges(M, Rust, Modules) || {M, Rust} <- lists:sort(maps:to_list(Modules))]).

rust_edges(Module, #rust{file = File} = Rust, Modules) ->
    [
        {shown(Module), shown(To), File, Line}
     || {To, Line} <- defining(Module, Rust, Modules) ++ extending(Module, Rust, Modules)
    ].

%% The modules that define what this one uses.
defining(Module, #rust{uses = Uses, paths = Paths}, Modules) ->
    InCode = [Name || {[Name | _], _} <- Paths],
    Used = [
        {Path, Line}
     || {Name, Path, Line, IsPub} <- Uses, not IsPub orelse lists:member(Name, InCode)
    ],
    [
        {To, Line}
     || {Path, Line} <- Used ++ Paths, {item, To} <- [definer(Module, Path, Modules)]
    ].

%% The modules that add methods to this one's types, which it calls.
extending(Module, #rust{functions = Own, calls = Calls}, Modules) ->
    Added = [
        {Method, To}
     || {To, #rust{methods = Methods}} <- maps:to_list(Modules),
        {Type, Method} <- Methods,
        To =/= Module,
        not lists:member(Method, Own),
        definer(To, Type, Modules) =:= {item, Module}
    ],
    [{To, Line} || {Called, Line} <- Calls, {Method, To} <- Added, Called =:= Method].

shown([]) -> "lib";
shown(Module) -> lists:append(lists:join("::", Module)).

%% Where a path in a module leads: to an item of a module, or to a module itself. What no module
%% here defines counts as the module's own.
definer(_, ["crate" | Path], Modules) ->
    walk([], Path, Modules);
definer(Module, ["super" | Path], Modules) ->
    walk(lists:droplast(Module), Path, Modules);
definer(Module, ["self" | Path], Modules) ->
    walk(Module, Path, Modules);
definer(Module, Path, Modules) ->
    walk(Module, Path, Modules).

walk(Module, [], _) ->
    {module, Module};
walk(Module, ["super" | Path], Modules) ->
    walk(lists:droplast(Module), Path, Modules);
walk(Module, [Name | Path], Modules) ->
    case is_map_key(Module ++ [Name], Modules) of
        true -> walk(Module ++ [Name], Path, Modules);
        false -> walk_use(Module, [Name | Path], Modules)
    end.

walk_use(Module, [Name | Path], Modules) ->
    #{Module := #rust{uses = Uses} = Rust} = Modules,
    case lists:keytake(Name, 1, Uses) of
        {value, {_, To, _, _}, Others} ->
            definer(Module, To ++ Path, Modules#{Module := Rust#rust{uses = Others}});
        false ->
            {item, Module}
    end.

rust_path(Dir, File) ->
    Segments = filename:split(filename:rootname(lists:nthtail(length(Dir) + 1, File))),
    case lists:reverse(Segments) of
        ["mod" | Up] -> lists:reverse(Up);
        [Root] when Root =:= "lib"; Root =:= "main" -> [];
        _ -> Segments
    end.

rust(File) ->
    {Uses, Body} = uses(without_tests(rust_tokens(read(File))), [], []),
    #rust{
        file = File,
        uses = Uses,
        paths = paths(Body),
        methods = methods(Body),
        functions = functions(Body),
        calls = calls(Body)
    }.

%% The tokens that matter here, as [{Text, Line}]: no comments, literals and lifetimes.
rust_tokens(Text) ->
    Skipped =
        "//[^\\n]*|/\\*(?s:.*?)\\*/|b?r(#*)\"(?s:.*?)\"\\1|b?\"(?:\\\\(?s:.)|[^\"\\\\])*\""
        "|b?'(?:\\\\.[^']*|[^'\\\\\\n])'|'[A-Za-z_]\\w*|\\d\\w*",
    Pattern = Skipped ++ "|(?<token>[A-Za-z_]\\w*|::|->|=>|\\S)",
    {match, Found} = re:run(Text, Pattern, [global, unicode, {capture, ["token"], index}]),
    Lines = [At || {At, _} <- binary:matches(Text, <<"\n">>)],
    numbered([At || [{_, Length} = At] <- Found, Length > 0], Text, Lines, 1).

numbered([{At, _} | _] = Tokens, Text, [End | Lines], Line) when End < At ->
    numbered(Tokens, Text, Lines, Line + 1);
numbered([At | Tokens], Text, Lines, Line) ->
    [{binary_to_list(binary:part(Text, At)), Line} | numbered(Tokens, Text, Lines, Line)];
numbered([], _, _, _) ->
    [].

is_name([C | _]) ->
    C =:= $_ orelse (C >= $a andalso C =< $z) orelse (C >= $A andalso C =< $Z).

%% Without the modules under #[cfg(test)].
without_tests([
    {"cfg", _}, {"(", _}, {"test", _}, {")", _}, {"]", _}, {"mod", _}, _, {"{", _} | Tokens
]) ->
    {_, Rest} = block(Tokens, "{", "}"),
    without_tests(Rest);
without_tests([Token | Tokens]) ->
    [Token | without_tests(Tokens)];
without_tests([]) ->
    [].

%% The tokens up to the bracket that closes an open one, and those after it.
block(Tokens, Open, Close) ->
    block(Tokens, Open, Close, 1, []).

block([{Close, _} | Tokens], _, Close, 1, Inside) ->
    {lists:reverse(Inside), Tokens};
block([{Text, _} = Token | Tokens], Open, Close, Depth, Inside) ->
    Deeper = maps:get(Text, #{Open => 1, Close => -1}, 0),
    block(Tokens, Open, Close, Depth + Deeper, [Token | Inside]).

%% The names that `use` brings, and the other tokens.
uses([{"use", _}, {Text, _} = Token | Tokens], Before, Uses) when Text =/= "<" ->
    {Leaves, Rest} = tree([Token | Tokens], []),
    IsPub = Before =/= [] andalso lists:member(element(1, hd(Before)), ["pub", ")"]),
    uses(Rest, Before, [{Name, Path, Line, IsPub} || {Name, Path, Line} <- Leaves] ++ Uses);
uses([Token | Tokens], Before, Uses) ->
    uses(Tokens, [Token | Before], Uses);
uses([], Before, Uses) ->
    {Uses, lists:reverse(Before)}.

tree([{"::", _} | Tokens], Path) ->
    tree(Tokens, Path);
tree([{"{", _} | Tokens], Path) ->
    group(Tokens, Path, []);
tree([{Name, _}, {"::", _} | Tokens], Path) ->
    tree(Tokens, Path ++ [Name]);
tree([{"self", Line} | Tokens], Path) ->
    named(Tokens, Path, Line);
tree([{Name, Line} | Tokens], Path) ->
    named(Tokens, Path ++ [Name], Line).

named([{"as", _}, {Name, _} | Tokens], Path, Line) ->
    {[{Name, Path, Line}], Tokens};
named(Tokens, Path, Line) ->
    {[{lists:last(Path), Path, Line}], Tokens}.

group([{"}", _} | Tokens], _, Leaves) ->
    {lists:append(Leaves), Tokens};
group([{",", _} | Tokens], Path, Leaves) ->
    group(Tokens, Path, Leaves);
group(Tokens, Path, Leaves) ->
    {More, Rest} = tree(Tokens, Path),
    group(Rest, Path, [More | Leaves]).

%% The paths in code, single names included, fields and methods excepted.
paths([{".", _}, {_, _} | Tokens]) ->
    paths(Tokens);
paths([{Text, Line} | Tokens]) ->
    case is_name(Text) of
        true ->
            {Path, Rest} = path(Tokens, [Text]),
            [{Path, Line} | paths(Rest)];
        false ->
            paths(Tokens)
    end;
paths([]) ->
    [].

path([{"::", _}, {Text, _} | Tokens], Path) ->
    case is_name(Text) of
        true -> path(Tokens, [Text | Path]);
        false -> {lists:reverse(Path), Tokens}
    end;
path(Tokens, Path) ->
    {lists:reverse(Path), Tokens}.

%% {Type, Method} of each block `impl Type {`.
methods([{"impl", _} | Tokens]) ->
    case type(without_generics(Tokens)) of
        {Type, [{"{", _} | Rest]} ->
            {Block, _} = block(Rest, "{", "}"),
            [{Type, Name} || Name <- functions(Block)] ++ methods(Rest);
        _ ->
            methods(Tokens)
    end;
methods([_ | Tokens]) ->
    methods(Tokens);
methods([]) ->
    [].

type([{Name, _} | Tokens]) ->
    {Path, Rest} = path(Tokens, [Name]),
    {Path, without_generics(Rest)};
type([]) ->
    none.

without_generics([{"<", _} | Tokens]) ->
    {_, Rest} = block(Tokens, "<", ">"),
    Rest;
without_generics(Tokens) ->
    Tokens.

functions([{"fn", _}, {Name, _} | Tokens]) -> [Name | functions(Tokens)];
functions([_ | Tokens]) -> functions(Tokens);
functions([]) -> [].

calls([{".", _}, {Name, Line}, {"(", _} | Tokens]) -> [{Name, Line} | calls(Tokens)];
calls([{"Self", _}, {"::", _}, {Name, Line} | Tokens]) -> [{Name, Line} | calls(Tokens)];
calls([_ | Tokens]) -> calls(Tokens);
calls([]) -> [].
