%% @doc Checks of what a user gives to a read. A key that is a string or an atom would be a missing
%% one, and a misspelt option none: both are a `badarg' instead.
%% @private
-module(eslaver_mirror_arguments).

-export([binary/1, binaries/1, options/2]).

%% @doc Raises `badarg' for all but a binary.
-spec binary(term()) -> ok.
binary(Binary) when is_binary(Binary) -> ok;
binary(_) -> error(badarg).

%% @doc Raises `badarg' for all but a list of binaries.
-spec binaries(term()) -> ok.
binaries([]) -> ok;
binaries([Binary | More]) when is_binary(Binary) -> binaries(More);
binaries(_) -> error(badarg).

%% @doc Raises `badarg' for all but a map of these options, each with its check.
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
