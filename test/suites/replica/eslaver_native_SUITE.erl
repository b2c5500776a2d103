%% A native library that cannot be loaded: nothing starts, and the reason says what is wrong with
%% it.
-module(eslaver_native_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(LIBRARY, "eslaver_nif.so").
%% Of the header of an ELF file: where it names the processor, and two of these.
-define(PROCESSOR, 18).
-define(X86_64, 62).
-define(AARCH64, 183).

suite() ->
    [{timetrap, {minutes, 1}}].

all() ->
    {ok, Library} = file:read_file(library()),
    Of =
        case eslaver_nif_file:machine(Library) of
            {elf, _} -> [];
            _ -> [cut_off, damaged, other_machine]
        end,
    eslaver_test_groups:cases(?MODULE) -- Of.

%% Any library that is whole, so that the cases below fail for what they do to it.
whole(Config) ->
    with(Config, fun(_File) -> ok end, fun(Node) ->
        lists:foreach(
            fun({Call, Started}) -> ?assertMatch({_, {ok, _}}, {Call, Started}) end, starts(Node)
        )
    end).

missing(Config) ->
    refused(Config, fun file:delete/1, "eslaver_nif\\.so is missing\\. Compile").

%% A copy that broke off, which the system would load, to end the node soon after.
cut_off(Config) ->
    [
        refused(Config, cut(Left), "eslaver_nif\\.so is missing\\. Copy it")
     || Left <- [fun(Size) -> Size div 2 end, fun(Size) -> Size - 1 end, fun(_) -> 100 end]
    ].

cut(Left) ->
    fun(File) ->
        {ok, Bytes} = file:read_file(File),
        file:write_file(File, binary:part(Bytes, 0, Left(byte_size(Bytes))))
    end.

%% Its header is whole, and the table that the system looks into first is not.
damaged(Config) ->
    Damage = fun(File) ->
        {ok, <<Header:64/binary, Table:1000/binary, Rest/binary>>} = file:read_file(File),
        file:write_file(File, [Header, binary:copy(<<255>>, byte_size(Table)), Rest])
    end,
    refused(Config, Damage, "eslaver_nif\\.so cannot be loaded: ").

%% Not even a library.
text(Config) ->
    Text = fun(File) -> file:write_file(File, "Git LFS, or a page of a proxy") end,
    refused(Config, Text, "eslaver_nif\\.so is damaged, or no library: ").

empty(Config) ->
    Empty = fun(File) -> file:write_file(File, "") end,
    refused(Config, Empty, "eslaver_nif\\.so is damaged, or no library: ").

other_machine(Config) ->
    case eslaver_nif_file:machine(element(2, file:read_file(library()))) of
        {elf, Own} when Own =:= x86_64; Own =:= aarch64 ->
            {Other, Name} =
                case Own of
                    x86_64 -> {?AARCH64, "aarch64"};
                    aarch64 -> {?X86_64, "x86_64"}
                end,
            Patch = fun(File) ->
                {ok, <<Before:?PROCESSOR/binary, _:16, After/binary>>} = file:read_file(File),
                file:write_file(File, <<Before/binary, Other:16/little, After/binary>>)
            end,
            refused(Config, Patch, [
                "is for ", Name, " \\(ELF\\), and this is ", atom_to_list(Own), " \\(ELF\\)"
            ]);
        Machine ->
            {skip, {not_tried_with, Machine}}
    end.

%% Of a replica, a mirror, and both of a cluster: an error with the reason, and no process that
%% ends.
refused(Config, Change, Regex) ->
    with(Config, Change, fun(Node) ->
        _ = [
            begin
                ?assertMatch({_, {error, {nif_not_loaded, <<_/binary>>}}}, {Call, Result}),
                {error, {nif_not_loaded, Text}} = Result,
                Full = ["the .*native library .*", Regex],
                ?assertMatch({_, {match, _}}, {Text, re:run(Text, Full)})
            end
         || {Call, Result} <- starts(Node)
        ]
    end).

starts(Node) ->
    Nowhere = #{master_host => {local, "/no/such/socket"}},
    Cluster = #{cluster => [{"127.0.0.1", 1}]},
    Callback = #{callback => {erlang, is_tuple}},
    [
        {Call, eslaver_test_node:call(Node, ?MODULE, start, [Call])}
     || Call <- [
            {eslaver, start_link, [maps:merge(Nowhere, Callback)]},
            {eslaver_mirror, start_link, [Nowhere#{name => one}]},
            {eslaver, start_link, [maps:merge(Cluster, Callback)]},
            {eslaver_mirror, start_link, [Cluster#{name => all}]},
            {eslaver_server, start, [{erlang, is_tuple}]},
            {eslaver, start, [normal, {erlang, is_tuple}]}
        ]
    ].

%% In the node. The caller is not to be hit by an exit of what it has started.
start({Module, Function, Args}) ->
    Self = self(),
    {Pid, Monitor} = spawn_monitor(fun() ->
        Result = apply(Module, Function, Args),
        timer:sleep(100),
        Self ! {self(), Result}
    end),
    receive
        {Pid, Result} -> Result;
        {'DOWN', Monitor, process, Pid, Reason} -> {ended, Reason}
    end.

%% A node whose eslaver is a copy, the library of which has been changed.
with(Config, Change, Fun) ->
    Copy = filename:join(?config(priv_dir, Config), "eslaver"),
    _ = file:del_dir_r(Copy),
    Ebin = filename:join(Copy, "ebin"),
    Library = filename:join([Copy, "priv", ?LIBRARY]),
    Beams = filelib:wildcard(filename:join(code:lib_dir(eslaver, ebin), "*")),
    _ = [copy(Beam, filename:join(Ebin, filename:basename(Beam))) || Beam <- Beams],
    ok = copy(library(), Library),
    ok = Change(Library),
    Node = eslaver_test_node:start([], [Ebin]),
    ok = eslaver_test_node:call(Node, logger, set_primary_config, [level, none]),
    try
        Fun(Node)
    after
        eslaver_test_node:stop(Node)
    end.

library() ->
    filename:join(code:priv_dir(eslaver), ?LIBRARY).

copy(From, To) ->
    ok = filelib:ensure_dir(To),
    {ok, _} = file:copy(From, To),
    ok.
