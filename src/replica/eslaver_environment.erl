%% @doc The options in the environment of the application `eslaver'. Their keys may be strings, as
%% in the original.
%% @private
-module(eslaver_environment).

-export([replica/0, options/1]).

%% @doc The replica that the environment describes: `none' if nothing is set there.
-spec replica() -> none | {ok, eslaver_options:options()} | eslaver_options:error().
replica() ->
    case given() of
        Given when map_size(Given) =:= 0 -> none;
        Given -> parse(Given)
    end.

%% @doc The options of the environment, for a replica with this callback; `[]' stands for the
%% environment's.
-spec options(eslaver_callback:spec()) -> {ok, eslaver_options:options()} | eslaver_options:error().
options([]) -> parse(given());
options(Callback) -> parse((given())#{callback => Callback}).

%% Such a replica is registered, so that `eslaver_server:stop/0' finds it.
parse(Given) ->
    case eslaver_options:parse(Given) of
        {ok, #{name := undefined} = Options} -> {ok, Options#{name := {local, eslaver_server}}};
        Result -> Result
    end.

given() ->
    Named = [{key(Key), Value} || {Key, Value} <- application:get_all_env(eslaver)],
    maps:remove(included_applications, maps:from_list(Named)).

%% OTP's types say that keys are atoms, but any term is possible.
-dialyzer({nowarn_function, key/1}).
key(Key) when is_list(Key) ->
    Known = [{atom_to_list(Name), Name} || Name <- eslaver_options:keys()],
    proplists:get_value(Key, Known, Key);
key(Key) ->
    Key.
