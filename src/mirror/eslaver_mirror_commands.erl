%% @doc Maps each write command to the module that applies it, and defines the behaviour of the
%% modules `eslaver_mirror_*_commands'.
%% @private
-module(eslaver_mirror_commands).

-export([all/0]).

-callback commands() -> [Name :: binary()].
%% The commands that the module applies, in lower case.

-callback apply(Name :: binary(), Args :: [binary()], eslaver_mirror_type:ctx()) -> ok.
%% Applies a command that has succeeded on the master. It changes nothing but rows of the tables. It
%% raises if the tables do not have what the command needs.

-define(MODULES, [
    eslaver_mirror_key_commands,
    eslaver_mirror_string_commands,
    eslaver_mirror_bit_commands,
    eslaver_mirror_hll_commands,
    eslaver_mirror_list_commands,
    eslaver_mirror_set_commands,
    eslaver_mirror_zset_commands,
    eslaver_mirror_geo_commands,
    eslaver_mirror_hash_commands,
    eslaver_mirror_stream_commands,
    eslaver_mirror_array_commands,
    eslaver_mirror_vectorset_commands,
    eslaver_mirror_path_hash_commands,
    eslaver_mirror_gcra_commands,
    eslaver_mirror_sort_commands,
    eslaver_mirror_json_commands
]).

%% @doc The module of each command.
-spec all() -> #{Name :: binary() => module()}.
all() ->
    maps:from_list([{Name, Module} || Module <- ?MODULES, Name <- Module:commands()]).
