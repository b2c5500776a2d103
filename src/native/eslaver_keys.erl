%% @doc What a command does to keys, and which keys match a pattern.
%% @private
-module(eslaver_keys).

-export([of_command/3, matches/2]).

%% Longer lists of arguments are looked at on another scheduler.
-define(MANY, 1000).
%% So are larger keys.
-define(LARGE, 65536).

%% @doc The keys of a command whose name is in lower case, by what is known of all servers' commands
%% and what the master at hand has told of others.
-spec of_command(binary(), [binary()], eslaver_nif:commands() | undefined) -> eslaver_nif:keys().
of_command(Name, Args, Told) ->
    case length(Args) > ?MANY of
        true -> eslaver_nif:keys_dirty(Name, Args, Told);
        false -> eslaver_nif:keys(Name, Args, Told)
    end.

%% @doc Whether a key matches a pattern, by the rules of the servers' `KEYS'.
-spec matches(Glob :: binary(), Key :: binary()) -> boolean().
matches(Glob, Key) when byte_size(Key) > ?LARGE -> eslaver_nif:glob_dirty(Glob, Key);
matches(Glob, Key) -> eslaver_nif:glob(Glob, Key).
