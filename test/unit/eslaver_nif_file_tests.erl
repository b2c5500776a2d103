%% Why a library cannot be loaded, by the first bytes of its file.
-module(eslaver_nif_file_tests).

-include_lib("eunit/include/eunit.hrl").

machine_test_() ->
    Elf = fun(Order, Machine) -> <<127, "ELF", 2, Order, 0:80, 0:16, Machine/binary, 1:32>> end,
    Table = [
        {Elf(1, <<62, 0>>), {elf, x86_64}},
        {Elf(1, <<183, 0>>), {elf, aarch64}},
        {Elf(2, <<0, 22>>), {elf, s390x}},
        {Elf(1, <<0, 22>>), {elf, other}},
        {<<16#cffaedfe:32, 16#100000c:32/little, 0:96>>, {mach_o, aarch64}},
        {<<16#cffaedfe:32, 16#1000007:32/little, 0:96>>, {mach_o, x86_64}},
        {<<>>, unknown},
        {<<127, "ELF", 2, 1>>, unknown},
        {<<"text, and more than twenty bytes of it">>, unknown}
    ],
    [?_assertEqual(Machine, eslaver_nif_file:machine(Header)) || {Header, Machine} <- Table].

%% Where the file ends, for the sizes that it names.
least_size_test_() ->
    Wide = fun(Order, Table, Sizes) ->
        <<127, "ELF", 2, Order, 0:(34 * 8), Table/binary, 0:(10 * 8), Sizes/binary, 0:16>>
    end,
    Table = [
        {Wide(1, <<1000:64/little>>, <<64:16/little, 3:16/little>>), 1192},
        {Wide(2, <<1000:64/big>>, <<64:16/big, 3:16/big>>), 1192},
        {
            <<127, "ELF", 1, 1, 0:(26 * 8), 1000:32/little, 0:(10 * 8), 40:16/little, 2:16/little>>,
            1080
        },
        {<<127, "ELF", 2, 1>>, 0},
        {<<>>, 0},
        {<<16#cffaedfe:32, 0:480>>, 0}
    ],
    [?_assertEqual(Size, eslaver_nif_file:least_size(Header)) || {Header, Size} <- Table].

own_file_is_whole_test() ->
    File = filename:join(code:priv_dir(eslaver), "eslaver_nif.so"),
    ?assertNot(eslaver_nif_file:is_cut_off(File)).

%% The library of this node is for this machine, so its fault must be another.
own_file_test() ->
    File = filename:join(code:priv_dir(eslaver), "eslaver_nif.so"),
    Problem = lists:flatten(eslaver_nif_file:problem(File, "of this")),
    ?assertEqual(File ++ " cannot be loaded: of this", Problem).
