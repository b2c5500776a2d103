%% @doc Checks the arguments of reads. A string or an atom given as a key would look like a missing
%% key, and a misspelt option would have no effect: both raise `badarg' instead, which for an option
%% tells its name.
%% @private
-module(eslaver_mirror_arguments).

-export([binary/1, binaries/1, keys/1, some/1, integer/1, natural/1, bit/1]).
-export([options/2, with/2, invalid/1, is_count/1, format_error/2]).

%% @doc Raises `badarg' unless the argument is a binary.
-spec binary(term()) -> ok.
binary(Binary) when is_binary(Binary) -> ok;
binary(_) -> error(badarg).

%% @doc Raises `badarg' unless the argument is a list of binaries.
-spec binaries(term()) -> ok.
binaries([]) -> ok;
binaries([Binary | More]) when is_binary(Binary) -> binaries(More);
binaries(_) -> error(badarg).

%% @doc A key as a list of one, and a list of keys as it is. Keys are checked by who reads them.
-spec keys(Key | [Key]) -> [Key] when Key :: binary().
keys(Key) when is_binary(Key) -> [Key];
keys(Keys) when is_list(Keys) -> Keys;
keys(_) -> error(badarg).

%% @doc Raises `badarg' unless the argument is a list that is not empty.
-spec some(term()) -> ok.
some([_ | _]) -> ok;
some(_) -> error(badarg).

%% @doc Raises `badarg' unless the argument is an integer.
-spec integer(term()) -> ok.
integer(Integer) when is_integer(Integer) -> ok;
integer(_) -> error(badarg).

%% @doc Raises `badarg' unless the argument is an integer from 0 on, as a cursor is.
-spec natural(term()) -> ok.
natural(Integer) when is_integer(Integer), Integer >= 0 -> ok;
natural(_) -> error(badarg).

%% @doc Raises `badarg' unless the argument is 0 or 1.
-spec bit(term()) -> ok.
bit(Bit) when Bit =:= 0; Bit =:= 1 -> ok;
bit(_) -> error(badarg).

%% @doc The options as a map, without those that are `undefined' or `nil'. Raises `badarg' unless
%% each is known and passes its check.
-spec options(#{atom() => fun((term()) -> boolean())}, term()) -> map().
options(_Checks, Options) when Options =:= #{}; Options =:= [] ->
    #{};
options(Checks, Options) ->
    case eslaver_option_map:from(Options) of
        {ok, Map} -> maps:filter(fun(Name, Value) -> is_given(Checks, Name, Value) end, Map);
        {twice, Name} -> invalid(Name);
        error -> invalid(Options)
    end.

is_given(Checks, Name, Value) ->
    case Checks of
        #{Name := _} when Value =:= undefined; Value =:= nil ->
            false;
        #{Name := Check} ->
            Check(Value) orelse invalid(Name);
        #{} ->
            invalid(Name)
    end.

%% @doc The options as a map, with others that are not among them.
-spec with(map(), term()) -> map().
with(Others, Options) ->
    case eslaver_option_map:from(Options) of
        {ok, Map} ->
            case maps:keys(maps:intersect(Map, Others)) of
                [] -> maps:merge(Map, Others);
                [Name | _] -> invalid(Name)
            end;
        {twice, Name} ->
            invalid(Name);
        error ->
            invalid(Options)
    end.

%% @doc Raises `badarg' for the option of this name.
-spec invalid(Name :: term()) -> no_return().
invalid(Name) ->
    erlang:error(badarg, none, [{error_info, #{module => ?MODULE, cause => {option, Name}}}]).

%% @doc Whether it is a positive integer.
-spec is_count(term()) -> boolean().
is_count(Count) -> is_integer(Count) andalso Count > 0.

%% @doc The sentence that a shell shows with the error. It does not tell values. It is a binary, as
%% older versions of Elixir take nothing else.
-spec format_error(badarg, erlang:stacktrace()) -> #{general => binary()}.
format_error(badarg, [{_Module, _Function, _Args, Info} | _]) ->
    case proplists:get_value(error_info, Info, #{}) of
        #{cause := {option, Name}} when is_atom(Name) ->
            Text = "the option ~p is unknown, given twice, or has a wrong value",
            #{general => eslaver_text:format(Text, [Name])};
        #{} ->
            #{general => <<"options are a map or a keyword list with atoms as keys">>}
    end.
