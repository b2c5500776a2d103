%% @doc The keys that a command changes or reads, and whether a key matches a pattern.
%% @private
-module(eslaver_keys).

-export([of_command/3, matches/2]).

%% Longer lists of arguments are handled on a dirty scheduler.
-define(MANY, 1000).
%% Larger keys, too.
-define(LARGE, 65536).

%% @doc The keys of a command, whose name must be in lower case. They come from the table of all
%% servers' commands, and for other commands from what the master has told.
-spec of_command(binary(), [binary()], eslaver_nif:commands() | undefined) -> eslaver_nif:keys().
of_command(Name, Args, Told) ->
    case length(Args) > ?MANY of
        true -> eslaver_nif:keys_dirty(Name, Args, Told);
        false -> eslaver_nif:keys(Name, Args, Told)
    end.

%% @doc Whether a key matches a pattern, by the rules of `KEYS'.
-spec matches(Glob :: binary(), Key :: binary()) -> boolean().
matches(Glob, Key) when byte_size(Key) > ?LARGE -> eslaver_nif:glob_dirty(Glob, Key);
matches(Glob, Key) -> eslaver_nif:glob(Glob, Key).
