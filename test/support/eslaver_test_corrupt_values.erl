%% Values that no sound server writes, made by hand, to compare what servers accept. Each has one
%% thing wrong, and everything that its name does not mention right.
-module(eslaver_test_corrupt_values).

-export([values/0, good/0]).

-import(eslaver_test_rdb_encoder, [
    len/1,
    str/1,
    lzf/2,
    double/1,
    ms/1,
    intset/1,
    lp/1,
    raw_lp/2,
    zl/1,
    raw_zl/3,
    stream/2,
    entries/0
]).

-export_type([name/0]).

-type name() :: atom().

-define(ID(Ms), (<<(Ms):64, 0:64>>)).

%% One value of each type that is right, to find out whether a server knows the type.
-spec good() -> [eslaver_test_rdb_encoder:body()].
good() ->
    [
        {0, str("v")},
        {1, [len(1), str("a")]},
        {2, [len(1), str("a")]},
        {3, [len(1), str("a"), 1, "1"]},
        {4, [len(1), str("a"), str("1")]},
        {5, [len(1), str("a"), double(1.0)]},
        {9, str(<<1, 1, "a", 1, 0, "b", 255>>)},
        {10, str(zl([<<"a">>]))},
        {11, str(intset([1, 2]))},
        {12, str(zl([<<"a">>, 1]))},
        {13, str(zl([<<"a">>, 1]))},
        {14, [len(1), str(zl([<<"a">>]))]},
        {15, stream(15, #{})},
        {16, str(lp([<<"a">>, 1]))},
        {17, str(lp([<<"a">>, 1]))},
        {18, [len(1), len(2), str(lp([<<"a">>]))]},
        {19, stream(19, #{})},
        {20, str(lp([<<"a">>]))},
        {21, stream(21, #{})},
        {22, [len(1), str("a"), str("1"), ms(5000)]},
        {24, [ms(5000), len(1), len(1), str("a"), str("1")]},
        {25, [ms(5000), str(lp([<<"a">>, 1, 5000]))]},
        {26, stream(26, #{})}
        | eslaver_test_corrupt_newest:good()
    ].

%% Values, as RESTORE and a snapshot carry them.
-spec values() -> [{name(), eslaver_test_rdb_encoder:body()}].
values() ->
    strings() ++ lists() ++ sets() ++ zsets() ++ hashes() ++ fields_that_expire() ++
        listpacks() ++ ziplists() ++ streams() ++ groups() ++
        eslaver_test_corrupt_newest:values() ++ modules().

strings() ->
    [
        {string_length_beyond_end, {0, [len(200), "abc"]}},
        {string_length_of_64_bits, {0, [<<16#81, -1:64>>, "abc"]}},
        {string_length_byte_unknown, {0, <<16#82, 0, 0, 0, 1, "a">>}},
        {string_encoding_unknown, {0, <<16#c4, 1>>}},
        {lzf_claims_too_much, {0, lzf(<<2, "abc">>, 4)}},
        {lzf_claims_too_little, {0, lzf(<<2, "abc">>, 2)}},
        {lzf_claims_zero, {0, lzf(<<2, "abc">>, 0)}},
        {lzf_claims_an_exabyte, {0, lzf(<<2, "abc">>, 1 bsl 60)}},
        {lzf_without_data, {0, lzf(<<>>, 1)}},
        {lzf_refers_before_start, {0, lzf(<<0, "a", 16#20, 5>>, 4)}},
        {lzf_ends_within_literal, {0, lzf(<<9, "abc">>, 10)}},
        {lzf_ends_within_reference, {0, lzf(<<0, "a", 16#e0>>, 10)}},
        {trailing_bytes, {0, [str("v"), "x"]}}
    ].

lists() ->
    [
        {list_empty, {1, len(0)}},
        {list_length_negative, {1, <<16#81, -1:64>>}},
        {list_length_encoded, {1, <<16#c0, 1>>}},
        {quicklist_empty, {14, len(0)}},
        {quicklist_of_empty_ziplist, {14, [len(1), str(zl([]))]}},
        {quicklist_with_empty_ziplist, {14, [len(2), str(zl([])), str(zl([1]))]}},
        {quicklist_node_empty_string, {14, [len(1), str("")]}},
        {quicklist2_empty, {18, len(0)}},
        {quicklist2_container_unknown, {18, [len(1), len(3), str("a")]}},
        {quicklist2_plain_empty, {18, [len(1), len(1), str("")]}},
        {quicklist2_of_empty_listpack, {18, [len(1), len(2), str(lp([]))]}},
        {quicklist2_with_empty_listpack, {18, [len(2), len(2), str(lp([])), len(2), str(lp([1]))]}},
        {list_ziplist_empty, {10, str(zl([]))}}
    ].

sets() ->
    [
        {set_empty, {2, len(0)}},
        {set_duplicate, {2, [len(2), str("a"), str("a")]}},
        {set_duplicate_integer, {2, [len(2), <<16#c0, 7>>, str("7")]}},
        {set_duplicate_long, {2, [len(2), long(), long()]}},
        {set_duplicate_far, {2, [len(5001), numbered(5000), str("m1")]}},
        {set_listpack_empty, {20, str(lp([]))}},
        {set_listpack_duplicate, {20, str(lp([<<"a">>, 7, <<"a">>]))}},
        {set_listpack_duplicate_integer, {20, str(lp([7, <<"7">>]))}},
        {set_listpack_duplicate_far, {20, str(lp(lists:seq(1, 200) ++ [1]))}},
        {intset_empty, {11, str(intset([]))}},
        {intset_unsorted, {11, str(intset([2, 1, 3]))}},
        {intset_duplicate, {11, str(intset([1, 2, 2]))}},
        {intset_width_unknown, {11, str(<<3:32/little, 1:32/little, 1:24>>)}},
        {intset_count_too_great, {11, str(<<2:32/little, 3:32/little, 1, 0, 2, 0>>)}},
        {intset_count_too_small, {11, str(<<2:32/little, 1:32/little, 1, 0, 2, 0>>)}},
        {intset_count_wraps, {11, str(<<8:32/little, 16#20000001:32/little, 1:64/little>>)}},
        {intset_short, {11, str(<<2:32/little>>)}}
    ].

zsets() ->
    Nan = <<0, 0, 0, 0, 0, 0, 16#f8, 16#7f>>,
    [
        {zset_empty, {5, len(0)}},
        {zset_nan, {5, [len(1), str("a"), Nan]}},
        {zset_duplicate, {5, [len(2), str("a"), double(1.0), str("a"), double(2.0)]}},
        {zset_duplicate_same_score, {5, [len(2), str("a"), double(1.0), str("a"), double(1.0)]}},
        {zset_duplicate_far,
            {5, [
                len(5001),
                [[str(["m", integer_to_list(N)]), double(1.0)] || N <- lists:seq(1, 5000)],
                str("m1"),
                double(1.0)
            ]}},
        {zset_text_nan, {3, [len(1), str("a"), 253]}},
        {zset_text_nan_in_words, {3, [len(1), str("a"), 3, "nan"]}},
        {zset_text_no_number, {3, [len(1), str("a"), 3, "abc"]}},
        {zset_text_begins_as_number, {3, [len(1), str("a"), 3, "1.x"]}},
        {zset_text_empty, {3, [len(1), str("a"), 0]}},
        {zset_text_hexadecimal, {3, [len(1), str("a"), 4, "0x1f"]}},
        {zset_text_duplicate, {3, [len(2), str("a"), 1, "1", str("a"), 1, "2"]}},
        {zset_ziplist_empty, {12, str(zl([]))}},
        {zset_ziplist_odd, {12, str(zl([<<"a">>, 1, <<"b">>]))}},
        {zset_ziplist_duplicate, {12, str(zl([<<"a">>, 1, <<"a">>, 2]))}},
        {zset_ziplist_nan, {12, str(zl([<<"a">>, <<"nan">>]))}},
        {zset_ziplist_no_number, {12, str(zl([<<"a">>, <<"abc">>]))}},
        {zset_listpack_empty, {17, str(lp([]))}},
        {zset_listpack_odd, {17, str(lp([<<"a">>, 1, <<"b">>]))}},
        {zset_listpack_duplicate, {17, str(lp([<<"a">>, 1, <<"a">>, 2]))}},
        {zset_listpack_nan, {17, str(lp([<<"a">>, <<"nan">>]))}},
        {zset_listpack_no_number, {17, str(lp([<<"a">>, <<"abc">>]))}},
        {zset_listpack_unsorted, {17, str(lp([<<"a">>, 2, <<"b">>, 1]))}}
    ].

hashes() ->
    [
        {hash_empty, {4, len(0)}},
        {hash_duplicate, {4, [len(2), str("a"), str("1"), str("a"), str("2")]}},
        {hash_duplicate_long, {4, [len(2), str("a"), long(), str("a"), str("2")]}},
        {hash_duplicate_far,
            {4, [
                len(5001),
                [[str(["m", integer_to_list(N)]), str("v")] || N <- lists:seq(1, 5000)],
                str("m1"),
                str("v")
            ]}},
        {hash_ziplist_empty, {13, str(zl([]))}},
        {hash_ziplist_odd, {13, str(zl([<<"a">>, 1, <<"b">>]))}},
        {hash_ziplist_duplicate, {13, str(zl([<<"a">>, 1, <<"a">>, 2]))}},
        {hash_ziplist_duplicate_integer, {13, str(zl([7, 1, <<"7">>, 2]))}},
        {hash_listpack_empty, {16, str(lp([]))}},
        {hash_listpack_odd, {16, str(lp([<<"a">>, 1, <<"b">>]))}},
        {hash_listpack_duplicate, {16, str(lp([<<"a">>, 1, <<"a">>, 2]))}},
        {hash_listpack_same_values, {16, str(lp([<<"a">>, 1, <<"b">>, 1]))}},
        {zipmap_empty, {9, str(<<0, 255>>)}},
        {zipmap_duplicate, {9, str(<<2, 1, "a", 1, 0, "b", 1, "a", 1, 0, "c", 255>>)}},
        {zipmap_odd, {9, str(<<1, 1, "a", 1, 0, "b", 1, "c", 255>>)}},
        {zipmap_count_wrong, {9, str(<<3, 1, "a", 1, 0, "b", 255>>)}},
        {zipmap_no_end, {9, str(<<1, 1, "a", 1, 0, "b">>)}},
        {zipmap_field_beyond_end, {9, str(<<1, 200, "a", 1, 0, "b", 255>>)}},
        {zipmap_unused_bytes, {9, str(<<1, 1, "a", 1, 2, "bxy", 255>>)}}
    ].

%% Type 22 is Valkey's since 9.0; 24 and 25 are those of Redis since 7.4.
fields_that_expire() ->
    Far = 1 bsl 48,
    [
        {hash_expiry_empty, {22, len(0)}},
        {hash_expiry_duplicate,
            {22, [
                len(2), str("a"), str("1"), ms(-1), str("a"), str("2"), ms(5000)
            ]}},
        {hash_expiry_negative, {22, [len(1), str("a"), str("1"), ms(-2)]}},
        {hash_expiry_far, {22, [len(1), str("a"), str("1"), ms(Far)]}},
        {hash_ttl_empty, {24, [ms(5000), len(0)]}},
        {hash_ttl_duplicate,
            {24, [
                ms(5000), len(2), len(1), str("a"), str("1"), len(0), str("a"), str("2")
            ]}},
        {hash_ttl_too_far, {24, [ms(5000), len(1), <<16#81, Far:64>>, str("a"), str("1")]}},
        {hash_ttl_minimum_too_far, {24, [ms(Far + 1), len(1), len(1), str("a"), str("1")]}},
        {hash_ttl_listpack_empty, {25, [ms(0), str(lp([]))]}},
        {hash_ttl_listpack_odd, {25, [ms(0), str(lp([<<"a">>, 1, 0, <<"b">>, 1]))]}},
        {hash_ttl_listpack_duplicate, {25, [ms(0), str(lp([<<"a">>, 1, 0, <<"a">>, 1, 0]))]}},
        {hash_ttl_listpack_no_number, {25, [ms(0), str(lp([<<"a">>, 1, <<"x">>]))]}},
        {hash_ttl_listpack_negative, {25, [ms(0), str(lp([<<"a">>, 1, -5]))]}},
        {hash_ttl_listpack_too_far, {25, [ms(0), str(lp([<<"a">>, 1, Far]))]}}
    ].

listpacks() ->
    <<Size:32/little, Count:16/little, Rest/binary>> = Good = lp([<<"abc">>, 7]),
    Set = fun(Bytes) -> {20, str(Bytes)} end,
    [
        {listpack_short, Set(<<1, 2, 3>>)},
        {listpack_size_wrong, Set(<<(Size + 1):32/little, Count:16/little, Rest/binary>>)},
        {listpack_count_too_great, Set(<<Size:32/little, 3:16/little, Rest/binary>>)},
        {listpack_count_too_small, Set(<<Size:32/little, 1:16/little, Rest/binary>>)},
        {listpack_count_unknown, Set(<<Size:32/little, -1:16, Rest/binary>>)},
        {listpack_no_end, Set(<<(binary:part(Good, 0, Size - 1))/binary, 0>>)},
        {listpack_end_early, Set(raw_lp(2, <<16#81, "a", 2, 255, 7, 1>>))},
        {listpack_entry_beyond_end, Set(raw_lp(1, <<16#8a, "abc", 4>>))},
        {listpack_entry_unknown, Set(raw_lp(1, <<16#f5, 1, 2>>))},
        {listpack_back_length_wrong, Set(raw_lp(2, <<16#81, "a", 3, 7, 1>>))},
        {listpack_back_length_long, Set(raw_lp(2, <<16#81, "a", 2, 7, 16#81>>))},
        {listpack_string_huge, Set(raw_lp(1, <<16#f0, -1:32, "abc", 8>>))}
    ].

ziplists() ->
    Good = zl([<<"abc">>, 7, <<"de">>]),
    <<Size:32/little, Tail:32/little, Count:16/little, Rest/binary>> = Good,
    List = fun(Bytes) -> {10, str(Bytes)} end,
    Header = fun(S, T, C) -> List(<<S:32/little, T:32/little, C:16/little, Rest/binary>>) end,
    [
        {ziplist_short, List(<<1, 2, 3>>)},
        {ziplist_size_wrong, Header(Size + 1, Tail, Count)},
        {ziplist_tail_wrong, Header(Size, Tail - 1, Count)},
        {ziplist_tail_beyond_end, Header(Size, Size + 5, Count)},
        {ziplist_count_too_great, Header(Size, Tail, Count + 1)},
        {ziplist_count_too_small, Header(Size, Tail, Count - 1)},
        {ziplist_count_unknown, Header(Size, Tail, 16#ffff)},
        {ziplist_no_end, List(<<(binary:part(Good, 0, Size - 1))/binary, 0>>)},
        {ziplist_previous_wrong, List(raw_zl(2, 3, <<0, 1, "a", 4, 16#f2>>))},
        {ziplist_previous_long_form, List(raw_zl(2, 3, <<0, 1, "a", 254, 3:32/little, 16#f2>>))},
        {ziplist_previous_huge, List(raw_zl(2, 3, <<0, 1, "a", 254, -1:32, 16#f2>>))},
        {ziplist_entry_beyond_end, List(raw_zl(1, 0, <<0, 10, "abc">>))},
        {ziplist_entry_unknown, List(raw_zl(1, 0, <<0, 16#c1, 1, 2>>))},
        {ziplist_empty_with_tail, List(<<11:32/little, 9:32/little, 0:16, 255>>)}
    ].

streams() ->
    Nodes = fun(Nodes, Length) -> {15, stream(15, #{nodes => Nodes, length => Length})} end,
    Node = fun(Entries, Length) -> Nodes([{?ID(1), lp(Entries)}], Length) end,
    [
        {stream_empty, {15, stream(15, #{nodes => [], length => 0})}},
        {stream_empty_with_length, {15, stream(15, #{nodes => [], length => 1})}},
        {stream_length_wrong, {15, stream(15, #{length => 5})}},
        {stream_last_id_too_small, {15, stream(15, #{last => 0})}},
        {stream_node_id_short, Nodes([{<<1, 2, 3>>, entries()}], 2)},
        {stream_nodes_twice, Nodes([{?ID(1), entries()}, {?ID(1), entries()}], 4)},
        {stream_nodes_unsorted, Nodes([{?ID(9), entries()}, {?ID(1), entries()}], 4)},
        {stream_node_empty, Node([], 0)},
        {stream_node_no_listpack, Nodes([{?ID(1), <<"abc">>}], 2)},
        {stream_entries_missing, Node([2, 0, 1, <<"f">>, 0, 2, 0, 0, <<"v">>, 4], 2)},
        {stream_entries_left, Node([0, 0, 1, <<"f">>, 0, 2, 0, 0, <<"v">>, 4], 0)},
        {stream_count_negative, Node([-1, 2, 1, <<"f">>, 0, 2, 0, 0, <<"v">>, 4], 1)},
        {stream_count_no_number, Node([<<"x">>, 0, 1, <<"f">>, 0, 2, 0, 0, <<"v">>, 4], 1)},
        {stream_deleted_count_wrong, Node([0, 1, 1, <<"f">>, 0, 2, 0, 0, <<"v">>, 4], 1)},
        {stream_master_fields_missing, Node([1, 0, 9, <<"f">>, 0, 2, 0, 0, <<"v">>, 4], 1)},
        {stream_master_not_ended, Node([1, 0, 1, <<"f">>, 1, 2, 0, 0, <<"v">>, 4], 1)},
        {stream_entry_fields_missing,
            Node([1, 0, 1, <<"f">>, 0, 0, 0, 0, 9, <<"a">>, <<"v">>, 6], 1)},
        {stream_entry_fields_negative, Node([1, 0, 1, <<"f">>, 0, 0, 0, 0, -1, 3], 1)},
        {stream_entry_id_no_number, Node([1, 0, 1, <<"f">>, 0, 2, <<"x">>, 0, <<"v">>, 4], 1)},
        {stream_entry_count_wrong, Node([1, 0, 1, <<"f">>, 0, 2, 0, 0, <<"v">>, 5], 1)},
        {stream_entry_flags_unknown, Node([1, 0, 1, <<"f">>, 0, 6, 0, 0, <<"v">>, 4], 1)},
        {stream_entries_unsorted,
            Node(
                [
                    2, 0, 1, <<"f">>, 0, 2, 5, 0, <<"v">>, 4, 2, 3, 0, <<"v">>, 4
                ],
                2
            )},
        {stream_entries_same_id,
            Node(
                [
                    2, 0, 1, <<"f">>, 0, 2, 5, 0, <<"v">>, 4, 2, 5, 0, <<"v">>, 4
                ],
                2
            )}
    ].

groups() ->
    Group = fun(Group) -> {21, stream(21, #{groups => [Group]})} end,
    Good = #{pending => [1], consumers => [{"c", [1]}]},
    [
        {group_twice, {21, stream(21, #{groups => [Good, Good]})}},
        {group_count_too_great, {21, stream(21, #{groups => [Good], group_count => 2})}},
        {group_pending_twice, Group(Good#{pending => [1, 1]})},
        {group_pending_unsorted, Group(#{pending => [2, 1], consumers => [{"c", [1, 2]}]})},
        {group_pending_of_nobody, Group(Good#{consumers => []})},
        {group_pending_of_two, Group(Good#{consumers => [{"c", [1]}, {"d", [1]}]})},
        {group_pending_no_entry, Group(#{pending => [77], consumers => [{"c", [77]}]})},
        {consumer_pending_unknown, Group(Good#{consumers => [{"c", [1, 2]}]})},
        {consumer_pending_twice, Group(Good#{consumers => [{"c", [1, 1]}]})},
        {consumer_twice, Group(Good#{consumers => [{"c", [1]}, {"c", []}]})},
        {group_last_id_too_great, Group(Good#{last => 99})},
        {producer_twice, {26, stream(26, #{producers => [["i"], ["i"]]})}},
        {producer_id_twice, {26, stream(26, #{producers => [["i", "i"]]})}},
        {producer_id_empty, {26, stream(26, #{producers => [[""]]})}}
    ].

%% No server at hand has a module of this name.
modules() ->
    Id = <<16#81, 16#0123456789abcc01:64>>,
    [
        {module_unknown, {7, [Id, len(2), len(7), len(0)]}},
        {module_opcode_unknown, {7, [Id, len(9), len(7), len(0)]}},
        {module_without_end, {7, [Id, len(2), len(7)]}},
        {module_before_release, {6, [Id, len(2), len(7), len(0)]}},
        {type_unknown, {200, str("v")}},
        {type_8, {8, str("v")}}
    ].

long() -> str(binary:copy(<<"x">>, 100)).

numbered(Count) -> [str(["m", integer_to_list(N)]) || N <- lists:seq(1, Count)].
