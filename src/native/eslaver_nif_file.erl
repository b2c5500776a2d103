%% @doc Why the file of the native library cannot be loaded, for people. The system's own words are
%% of little help: of a library for another machine Linux says that it is missing.
%% @private
-module(eslaver_nif_file).

-export([is_cut_off/1, problem/2, machine/1, least_size/1]).

%% How much of a file tells what it is for and how long it is, in bytes.
-define(HEADER, 64).

%% @doc Whether the end of a library is missing, as after a copy that broke off. To load it could
%% end the whole node, when what is missing is looked at.
-spec is_cut_off(file:filename_all()) -> boolean().
is_cut_off(File) ->
    case header(File) of
        {ok, Header} -> filelib:file_size(File) < least_size(Header);
        {error, _} -> false
    end.

%% @doc A sentence about the file, for which the system has this text.
-spec problem(file:filename_all(), Text :: iodata()) -> unicode:chardata().
problem(File, Text) ->
    Own = own_machine(),
    case header(File) of
        {error, enoent} ->
            [File, " is missing"];
        {error, Reason} ->
            [File, " cannot be read: ", file:format_error(Reason)];
        {ok, Header} ->
            case machine(Header) of
                unknown -> [File, " is damaged, or no library: ", Text];
                {_, other} -> [File, " cannot be loaded: ", Text];
                Own -> [File, " cannot be loaded: ", Text];
                Other -> [File, " is for ", shown(Other), ", and this is ", shown(Own)]
            end
    end.

header(File) ->
    case file:open(File, [read, raw, binary]) of
        {ok, Device} ->
            Read = file:read(Device, ?HEADER),
            ok = file:close(Device),
            case Read of
                eof -> {ok, <<>>};
                _ -> Read
            end;
        {error, _} = Error ->
            Error
    end.

%% @doc The least size of a file with these first bytes: an ELF file ends with a table of its
%% sections, as a rule.
-spec least_size(binary()) -> non_neg_integer().
least_size(<<127, "ELF", 2, 1, _:34/binary, Table:64/little, _:10/binary, Sections/binary>>) ->
    Table + table_size(little, Sections);
least_size(<<127, "ELF", 2, 2, _:34/binary, Table:64/big, _:10/binary, Sections/binary>>) ->
    Table + table_size(big, Sections);
least_size(<<127, "ELF", 1, 1, _:26/binary, Table:32/little, _:10/binary, Sections/binary>>) ->
    Table + table_size(little, Sections);
least_size(_Header) ->
    0.

table_size(little, <<Size:16/little, Count:16/little, _/binary>>) -> Size * Count;
table_size(big, <<Size:16/big, Count:16/big, _/binary>>) -> Size * Count;
table_size(_Order, _Header) -> 0.

%% @doc The kind of system and of processor that a library is for, as its first bytes say: `other'
%% for a processor that is not known here.
-spec machine(binary()) -> {elf | mach_o, atom()} | unknown.
machine(<<127, "ELF", _Class, 2, _:12/binary, Machine:16/big, _/binary>>) ->
    {elf, elf(Machine)};
machine(<<127, "ELF", _Class, 1, _:12/binary, Machine:16/little, _/binary>>) ->
    {elf, elf(Machine)};
machine(<<16#cffaedfe:32, Processor:32/little, _/binary>>) ->
    {mach_o, mach_o(Processor)};
machine(_Header) ->
    unknown.

elf(3) -> i386;
elf(21) -> powerpc64;
elf(22) -> s390x;
elf(40) -> arm;
elf(62) -> x86_64;
elf(183) -> aarch64;
elf(243) -> riscv64;
elf(_) -> other.

mach_o(16#1000007) -> x86_64;
mach_o(16#100000c) -> aarch64;
mach_o(_) -> other.

%% The one that this node runs on, by the triple that it was built for.
own_machine() ->
    [Processor | _] = string:split(erlang:system_info(system_architecture), "-"),
    Format =
        case os:type() of
            {unix, darwin} -> mach_o;
            _ -> elf
        end,
    {Format, processor(Processor)}.

processor("x86_64") -> x86_64;
processor("amd64") -> x86_64;
processor("aarch64") -> aarch64;
processor("arm64") -> aarch64;
processor("arm" ++ _) -> arm;
processor("i" ++ _) -> i386;
processor("powerpc64" ++ _) -> powerpc64;
processor("s390x") -> s390x;
processor("riscv64" ++ _) -> riscv64;
processor(_) -> other.

shown({elf, Processor}) -> [atom_to_list(Processor), " (ELF)"];
shown({mach_o, Processor}) -> [atom_to_list(Processor), " (macOS)"].
