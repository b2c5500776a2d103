%% @doc Options as users give them: maps, or keyword lists as in Elixir, with `nil' for `undefined'.
%% @private
-module(eslaver_option_map).

-export([from/1, defined/1]).

%% @doc A map, or the map of a list of `{Key, Value}' and of keys that stand for `true'. No key may
%% be there twice: what counted would depend on who reads the list.
-spec from(term()) -> {ok, map()} | {twice, Key :: term()} | error.
from(Options) when is_map(Options) -> {ok, Options};
from(Options) when is_list(Options) -> from(Options, #{});
from(_Options) -> error.

from([], Map) -> {ok, Map};
from([{Key, _} | _], Map) when is_map_key(Key, Map) -> {twice, Key};
from([Key | _], Map) when is_map_key(Key, Map) -> {twice, Key};
from([{Key, Value} | Rest], Map) -> from(Rest, Map#{Key => Value});
from([Key | Rest], Map) when is_atom(Key) -> from(Rest, Map#{Key => true});
from(_Improper, _Map) -> error.

%% @doc The options with `undefined' for `nil', except the one that asks for `nil' itself.
-spec defined(map()) -> map().
defined(Options) ->
    maps:map(
        fun
            (undefined, Value) -> Value;
            (_Key, nil) -> undefined;
            (_Key, Value) -> Value
        end,
        Options
    ).
