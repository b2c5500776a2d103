%% Values of the newest types of Redis that no sound server writes, for eslaver_test_corrupt_values:
%% streams with entries given back, arrays, hashes by template, rate limiters.
-module(eslaver_test_corrupt_newest).

-export([good/0, values/0]).

-import(eslaver_test_rdb_encoder, [len/1, str/1, lp/1, stream/2]).

-define(NO_INDEX, <<16#81, -1:64>>).
%% How a hash says what its field names are: one string, or a number of them.
-define(PACKED, 0).
-define(LISTED, 1).
%% What an array's element is.
-define(STRING, 0).
-define(SHORT, 3).

%% One right value of each type that a payload can hold alone.
-spec good() -> [eslaver_test_rdb_encoder:body()].
good() ->
    [
        {27, stream(27, #{groups => [group([4, 1])]})},
        {28, array([element(0, ?STRING, "a long string")])},
        {29, [?PACKED, packed_names(), str(lp([0, <<"1">>, <<"2">>, <<"3">>]))]},
        {31, [?PACKED, packed_names(), values("123")]},
        {33, len(5)}
    ].

-spec values() -> [{eslaver_test_corrupt_values:name(), eslaver_test_rdb_encoder:body()}].
values() ->
    given_back() ++ arrays() ++ templates() ++ limiters().

%% Of entries 1 and 4, which have no consumer, and 2, which has one.
group(GivenBack) ->
    #{
        last => 5,
        pending => [1, 2, 4],
        consumers => [{"c", [2]}],
        given_back => GivenBack
    }.

given_back() ->
    [
        {Name, {27, stream(27, #{groups => [group(GivenBack)]})}}
     || {Name, GivenBack} <- [
            {given_back_in_another_order, [1, 4]},
            {given_back_not_all, [4]},
            {given_back_none, []},
            {given_back_of_a_consumer, [4, 1, 2]},
            {given_back_not_pending, [4, 1, 3]},
            {given_back_twice, [4, 4]}
        ]
    ].

arrays() ->
    Long = "a long string",
    One = element(0, ?STRING, Long),
    Of = fun(Elements) -> {28, array(Elements)} end,
    [
        {array_empty, Of([])},
        {array_count_too_great, {28, [len(2), 0, One]}},
        {array_cursor_in_doubt, {28, [len(1), 2, One]}},
        {array_cursor_without_index, {28, [len(1), 1, ?NO_INDEX, One]}},
        {array_element_without_index, Of([[?NO_INDEX, ?STRING, str(Long)]])},
        {array_element_unknown, Of([element(0, 4, Long)])},
        {array_index_twice, Of([element(5, ?STRING, Long), element(5, ?STRING, "another one")])},
        {array_unsorted, Of([element(9, ?STRING, Long), element(5, ?STRING, Long)])},
        {array_short_string_as_long, Of([element(0, ?STRING, "a")])},
        {array_long_string_as_short, Of([element(0, ?SHORT, "12345678")])},
        {array_short_string_of_number, Of([[len(0), ?SHORT, <<16#c2, 0, 0, 0, 16#80>>]])}
    ].

array(Elements) -> [len(length(Elements)), 0, Elements].

element(Index, Kind, Text) -> [len(Index), Kind, str(Text)].

templates() ->
    Names = fun(Form, Names) -> {31, [Form, Names, values("123")]} end,
    Values = fun(Values) -> {29, [?PACKED, packed_names(), str(lp(Values))]} end,
    Listed = fun(List) -> [len(length(List)), [str(Name) || Name <- List]] end,
    [
        {template_names_in_no_order, Names(?PACKED, str(lp([<<"b">>, <<"a">>, <<"cc">>])))},
        {template_name_twice, Names(?PACKED, str(lp([<<"a">>, <<"a">>, <<"cc">>])))},
        {template_listed_names_in_no_order, Names(?LISTED, Listed(["b", "a", "cc"]))},
        {template_listed_names_long_first, Names(?LISTED, Listed(["aa", "b", "c"]))},
        {template_listed_name_twice, Names(?LISTED, Listed(["a", "a", "cc"]))},
        {template_without_names, {31, [?PACKED, str(lp([]))]}},
        {template_without_listed_names, {31, [?LISTED, len(0)]}},
        {template_names_in_unknown_form, Names(2, packed_names())},
        {template_names_no_listpack, Names(?PACKED, str("abc"))},
        {template_number_no_number, Values([<<"q">>, <<"1">>, <<"2">>, <<"3">>])},
        {template_number_negative, Values([-1, <<"1">>, <<"2">>, <<"3">>])},
        {template_values_missing, Values([0, <<"1">>, <<"2">>])},
        {template_values_left, Values([0, <<"1">>, <<"2">>, <<"3">>, <<"4">>])},
        {template_without_values, Values([])},
        {template_listed_values_missing, {31, [?PACKED, packed_names(), values("12")]}},
        %% a payload has no templates beside its value
        {template_elsewhere, {30, str(lp([0, <<"1">>]))}},
        {template_elsewhere_listed, {32, [len(0), str("1")]}}
    ].

packed_names() -> str(lp([<<"a">>, <<"b">>, <<"cc">>])).

values(Characters) -> [str([Character]) || Character <- Characters].

%% No server at hand has the type enabled.
limiters() ->
    [{limiter_beyond_63_bits, {33, <<16#81, (1 bsl 63):64>>}}].
