%% RDB files that no sound server writes, made by hand, to compare what servers accept.
-module(eslaver_test_corrupt_files).

-export([files/0]).

-import(eslaver_test_rdb_encoder, [file/2, len/1, str/1, intset/1, zl/1]).

%% The checksum is right unless the name says otherwise.
-spec files() -> [{eslaver_test_corrupt_values:name(), binary()}].
files() ->
    Key = [0, str("k"), str("v")],
    End = 255,
    Magic = <<"REDIS0009">>,
    Sound = fun(Body) -> file(Magic, Body) end,
    Cut = fun(Body) -> iolist_to_binary([Magic, Body]) end,
    [
        {file_good, Sound(Key)},
        {file_empty, <<>>},
        {file_without_magic, file(<<"RODIS0009">>, Key)},
        {file_version_0, file(<<"REDIS0000">>, Key)},
        {file_version_99, file(<<"REDIS0099">>, Key)},
        {file_version_no_number, file(<<"REDIS000x">>, Key)},
        {file_checksum_wrong, Cut([Key, End, <<1:64>>])},
        {file_checksum_0, Cut([Key, End, <<0:64>>])},
        {file_checksum_cut, Cut([Key, End, <<0:32>>])},
        {file_without_end, Cut(Key)},
        {file_with_more_behind, <<(file(Magic, Key))/binary, "more">>},
        {file_cut_in_value, Cut([0, str("k"), len(5), "v"])},
        {file_type_unknown, Sound([200, str("k"), str("v")])},
        {file_key_twice, Sound([Key, Key])},
        {file_key_twice_in_two_dbs, Sound([Key, 254, len(1), Key])},
        {file_key_empty, Sound([0, str(""), str("v")])},
        {file_db_16, Sound([254, len(16), Key])},
        {file_db_huge, Sound([254, <<16#81, -1:64>>, Key])},
        {file_set_empty, Sound([2, str("s"), len(0), Key])},
        {file_hash_ziplist_empty, Sound([13, str("s"), str(zl([])), Key])},
        {file_zset_ziplist_empty, Sound([12, str("s"), str(zl([])), Key])},
        {file_intset_empty, Sound([11, str("s"), str(intset([])), Key])},
        {file_quicklist_of_empty, Sound([14, str("s"), len(1), str(zl([])), Key])},
        {file_zipmap_empty, Sound([9, str("s"), str(<<0, 255>>), Key])},
        {file_set_duplicate, Sound([2, str("s"), len(2), str("a"), str("a")])},
        {file_expired, Sound([252, <<1:64/little>>, Key])},
        {file_expiry_negative, Sound([252, <<-2:64/little>>, Key])},
        {file_expiry_huge, Sound([252, <<16#7fffffffffffffff:64/little>>, Key])},
        {file_expiry_twice, Sound([253, <<-1:32>>, 252, <<-1:64>>, Key])},
        {file_expiry_before_end, Sound([Key, 252, <<1:64/little>>])},
        {file_expiry_before_selectdb, Sound([252, <<(1 bsl 50):64/little>>, 254, len(0), Key])},
        {file_freq_and_idle, Sound([249, 5, 248, len(7), Key])},
        {file_aux_unknown, Sound([250, str("what-is-this"), str("x"), Key])},
        {file_aux_empty, Sound([250, str(""), str(""), Key])},
        {file_aux_bad_db, Sound([250, str("repl-stream-db"), str("none"), Key])},
        {file_aux_cut, Cut([250, str("a")])},
        {file_aux_with_length_encoded, Sound([250, <<16#c4>>, Key])},
        {file_resizedb_huge_and_wrong, Sound([251, len(1000000), len(5), Key])},
        {file_resizedb_encoded, Sound([251, <<16#c0, 1>>, len(5), Key])},
        {file_function_bad, Sound([245, str("#!lua name=x\nthis is no lua"), Key])},
        {file_function_before_release, Sound([246, str("x"), Key])},
        {file_module_aux_unknown,
            Sound([
                247, <<16#81, 16#0123456789abcc01:64>>, len(2), len(1), len(0), Key
            ])},
        {file_module_aux_when_wrong,
            Sound([
                247, <<16#81, 16#0123456789abcc01:64>>, len(1), len(1), len(0), Key
            ])}
    ].
