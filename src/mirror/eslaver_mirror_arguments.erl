%% @doc Checks the arguments of reads. A string or an atom given as a key would look like a missing
%% key, and a misspelt option would have no effect: both raise `badarg' instead.
%% @private
-module(eslaver_mirror_arguments).

-export([binary/1, binaries/1, options/2]).

%% @doc Raises `badarg' unless the argument is a binary.
-spec binary(term()) -> ok.
binary(Binary) when is_binary(Binary) -> ok;
binary(_) -> error(badarg).

%% @doc Raises `badarg' unless the argument is a list of binaries.
-spec binaries(term()) -> ok.
binaries([]) -> ok;
binaries([Binary | More]) when is_binary(Binary) -> binaries(More);
binaries(_) -> error(badarg).

%% @doc Raises `badarg' unless the second argument is a map of known options, each of which passes
%% its check.
-spec options(#{atom() => fun((term()) -> boolean())}, term()) -> ok.
options(Checks, Options) when is_map(Options) ->
    Valid = fun({Name, Value}) ->
        case Checks of
            #{Name := Check} -> Check(Value);
            #{} -> false
        end
    end,
    case lists:all(Valid, maps:to_list(Options)) of
        true -> ok;
        false -> error(badarg)
    end;
options(_Checks, _NoMap) ->
    error(badarg).
