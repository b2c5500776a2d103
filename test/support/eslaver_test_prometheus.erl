%% A strict parser of the text format that Prometheus scrapes: it takes what the format describes,
%% in the order in which we write it, and nothing else. It raises where the text is wrong.
-module(eslaver_test_prometheus).

-export([parse/1, value/3]).
-export_type([families/0]).

-type families() :: #{
    Name ::
        binary() => #{
            help := binary(),
            type := gauge | counter,
            samples := #{Labels :: #{binary() => binary()} => number()}
        }
}.

-spec parse(binary()) -> families().
parse(Text) ->
    <<_, _/binary>> = Text,
    $\n = binary:last(Text),
    true = is_list(unicode:characters_to_list(Text)),
    Lines = binary:split(binary:part(Text, 0, byte_size(Text) - 1), <<"\n">>, [global]),
    families(Lines, #{}).

%% The value of the one sample with these labels, or of its labels.
-spec value(binary(), #{binary() => binary()}, families()) -> number() | none.
value(Name, Labels, Families) ->
    case Families of
        #{Name := #{samples := #{Labels := Value}}} -> Value;
        #{} -> none
    end.

families([], Families) ->
    Families;
families([<<"# HELP ", Rest/binary>>, <<"# TYPE ", Typed/binary>> | Lines], Families) ->
    {Name, <<" ", Help/binary>>} = name(Rest, <<"[a-zA-Z_:][a-zA-Z0-9_:]*">>),
    {Name, <<" ", Type/binary>>} = name(Typed, <<"[a-zA-Z_:][a-zA-Z0-9_:]*">>),
    false = is_map_key(Name, Families),
    Kind = maps:get(Type, #{<<"gauge">> => gauge, <<"counter">> => counter}),
    %% a convention, too
    true = (Kind =:= counter) =:= is_suffix(<<"_total">>, Name),
    {Samples, Left} = samples(Lines, Name, #{}),
    true = map_size(Samples) > 0,
    Family = #{help => unescaped(Help, <<>>, <<"\\n">>), type => Kind, samples => Samples},
    families(Left, Families#{Name => Family}).

samples([<<First, _/binary>> = Line | Lines], Name, Samples) when First =/= $# ->
    {Name, Rest} = name(Line, <<"[a-zA-Z_:][a-zA-Z0-9_:]*">>),
    {Labels, <<" ", Number/binary>>} = labels(Rest),
    false = is_map_key(Labels, Samples),
    samples(Lines, Name, Samples#{Labels => number(Number)});
samples(Lines, _Name, Samples) ->
    {Samples, Lines}.

labels(<<"{", Rest/binary>>) -> labels(Rest, #{});
labels(Rest) -> {#{}, Rest}.

labels(Text, Labels) ->
    {Name, <<"=\"", Quoted/binary>>} = name(Text, <<"[a-zA-Z_][a-zA-Z0-9_]*">>),
    false = is_map_key(Name, Labels),
    {Value, Rest} = quoted(Quoted, <<>>),
    case Rest of
        <<",", More/binary>> -> labels(More, Labels#{Name => Value});
        <<"}", More/binary>> -> {Labels#{Name => Value}, More}
    end.

quoted(<<"\"", Rest/binary>>, Value) -> {unescaped(Value, <<>>, <<"\\n\"">>), Rest};
quoted(<<"\\", C, Rest/binary>>, Value) -> quoted(Rest, <<Value/binary, "\\", C>>);
quoted(<<C, Rest/binary>>, Value) -> quoted(Rest, <<Value/binary, C>>).

unescaped(<<>>, Text, _Escapes) ->
    Text;
unescaped(<<"\\", C, Rest/binary>>, Text, Escapes) ->
    {_, 1} = binary:match(Escapes, <<C>>),
    Char =
        case C of
            $n -> $\n;
            _ -> C
        end,
    unescaped(Rest, <<Text/binary, Char>>, Escapes);
unescaped(<<C, Rest/binary>>, Text, Escapes) ->
    unescaped(Rest, <<Text/binary, C>>, Escapes).

number(Text) ->
    case string:to_integer(Text) of
        {Integer, <<>>} when is_integer(Integer) ->
            Integer;
        _ ->
            {Float, <<>>} = string:to_float(Text),
            Float
    end.

name(Text, Pattern) ->
    {match, [{0, Length}]} = re:run(Text, <<"\\A", Pattern/binary>>),
    <<Name:Length/binary, Rest/binary>> = Text,
    {Name, Rest}.

is_suffix(Suffix, Text) ->
    binary:longest_common_suffix([Suffix, Text]) =:= byte_size(Suffix).
