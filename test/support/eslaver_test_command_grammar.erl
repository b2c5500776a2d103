%% Commands written with their options: `[ A | B ]' may be left out, one of `( A | B )' is taken,
%% and `( a b )+' comes once or more often. A form is what is left when each choice has been made.
-module(eslaver_test_command_grammar).

-export([forms/1, fill/2, first/1]).
-export_type([form/0]).

-type form() :: [Word :: string() | {many, form()}].

%% The most repetitions of what may come more than once.
-define(MANY, 5).

-spec forms(string()) -> [form()].
forms(Text) ->
    {Sequence, []} = sequence(string:lexemes(Text, " "), []),
    expand(Sequence).

%% The name of its command.
-spec first(form()) -> string().
first([Name | _]) -> Name.

%% A command of this form, its words made by a fun.
-spec fill(form(), fun((string()) -> [Arg])) -> [Arg].
fill(Form, Make) ->
    lists:append([fill_one(Item, Make) || Item <- Form]).

fill_one({many, Form}, Make) ->
    lists:append([fill(Form, Make) || _ <- lists:seq(1, rand:uniform(?MANY))]);
fill_one(Word, Make) ->
    Make(Word).

sequence(["[" | Tokens], Items) ->
    {Choices, ["]" | Rest]} = choices(Tokens, []),
    sequence(Rest, [{one_of, [[] | Choices]} | Items]);
sequence(["(" | Tokens], Items) ->
    case choices(Tokens, []) of
        {Choices, [")" | Rest]} -> sequence(Rest, [{one_of, Choices} | Items]);
        {[Only], [")+" | Rest]} -> sequence(Rest, [{many, Only} | Items])
    end;
sequence([Word | Rest], Items) when Word =/= "]", Word =/= ")", Word =/= ")+", Word =/= "|" ->
    sequence(Rest, [Word | Items]);
sequence(Rest, Items) ->
    {lists:reverse(Items), Rest}.

choices(Tokens, Choices) ->
    case sequence(Tokens, []) of
        {Choice, ["|" | Rest]} -> choices(Rest, [Choice | Choices]);
        {Choice, Rest} -> {lists:reverse([Choice | Choices]), Rest}
    end.

expand([]) ->
    [[]];
expand([{one_of, Choices} | Rest]) ->
    [Made ++ Form || Choice <- Choices, Made <- expand(Choice), Form <- expand(Rest)];
expand([{many, Sequence} | Rest]) ->
    [[{many, Made} | Form] || Made <- expand(Sequence), Form <- expand(Rest)];
expand([Word | Rest]) ->
    [[Word | Form] || Form <- expand(Rest)].
