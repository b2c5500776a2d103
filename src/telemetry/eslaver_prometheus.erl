%% @doc The text format that Prometheus scrapes. It is pure.
%% @private
-module(eslaver_prometheus).

-export([text/1]).
-export_type([family/0, sample/0]).

-type family() :: {Name :: string(), gauge | counter, Help :: string(), [sample()]}.
-type sample() :: {[{Label :: atom(), Value :: binary()}], number()}.

%% @doc The families that have samples. Of samples with the same labels the first counts.
-spec text([family()]) -> binary().
text(Families) ->
    iolist_to_binary([family(Family) || {_, _, _, [_ | _]} = Family <- Families]).

family({Name, Type, Help, Samples}) ->
    [
        ["# HELP ", Name, $\s, escaped(Help, [$\\, $\n]), $\n],
        ["# TYPE ", Name, $\s, atom_to_list(Type), $\n]
        | [
            [Name, labels(Labels), $\s, number(Value), $\n]
         || {Labels, Value} <- lists:ukeysort(1, Samples)
        ]
    ].

labels([]) ->
    [];
labels(Labels) ->
    Pairs = [
        [atom_to_list(Label), "=\"", escaped(Value, [$\\, $\n, $"]), $"]
     || {Label, Value} <- Labels
    ],
    [${, lists:join($,, Pairs), $}].

escaped(Text, Special) ->
    [escaped_char(Char, lists:member(Char, Special)) || Char <- binary_to_list(utf8(Text))].

escaped_char($\n, true) -> "\\n";
escaped_char(Char, true) -> [$\\, Char];
escaped_char(Char, false) -> Char.

%% The bytes of characters beyond ASCII are none of the special ones.
utf8(Text) when is_binary(Text) -> eslaver_log:path(Text);
utf8(Text) -> unicode:characters_to_binary(Text).

number(Value) when is_integer(Value) -> integer_to_binary(Value);
number(Value) when is_float(Value) -> float_to_binary(Value, [short]).
