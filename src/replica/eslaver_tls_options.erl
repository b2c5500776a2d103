%% @doc Checks the options of TLS, which {@link eslaver_options} reads.
%% @private
-module(eslaver_tls_options).

-export([parse/1, keys/0, has_only_known/1, hidden/1, wrong/1]).

%% @doc The options, with the defaults. `undefined' for none.
-spec parse(term()) -> {ok, eslaver_nif:tls() | undefined} | error.
parse(false) -> {ok, undefined};
parse(true) -> parse(#{});
parse(undefined) -> {ok, undefined};
parse(Tls) ->
    case eslaver_option_map:from(Tls) of
        {ok, Map} -> parse(maps:to_list(given(Map)), defaults());
        _ -> error
    end.

%% What is undefined is as if it were not given.
given(Tls) ->
    maps:filter(fun(_, Value) -> Value =/= undefined end, eslaver_option_map:defined(Tls)).

defaults() ->
    #{
        cacertfile => undefined,
        certfile => undefined,
        keyfile => undefined,
        server_name => undefined,
        verify => true
    }.

parse([], #{certfile := Cert, keyfile := Key} = Tls) when is_binary(Cert) =:= is_binary(Key) ->
    {ok, Tls};
parse([{verify, Verify} | Rest], Tls) when is_boolean(Verify); Verify =:= chain ->
    parse(Rest, Tls#{verify := Verify});
parse([{server_name, Name} | Rest], Tls) ->
    case eslaver_host:given(Name) of
        {ok, Text} -> parse(Rest, Tls#{server_name := Text});
        error -> error
    end;
parse([{Key, Value} | Rest], Tls) when is_map_key(Key, Tls), Key =/= verify ->
    case eslaver_text:path(Value) of
        {ok, Text} -> parse(Rest, Tls#{Key := Text});
        error -> error
    end;
parse(_, _Tls) ->
    error.

%% @doc All keys.
-spec keys() -> [atom()].
keys() -> maps:keys(defaults()).

%% @doc Whether there are no other keys: under them might be a secret.
-spec has_only_known(term()) -> boolean().
has_only_known(Tls) ->
    case eslaver_option_map:from(Tls) of
        {ok, Map} -> map_size(maps:without(keys(), Map)) =:= 0;
        _ -> false
    end.

%% @doc What may be shown of options that may hold a secret: their keys, and the values of those
%% that are known.
-spec hidden(term()) -> map() | hidden.
hidden(Tls) ->
    case eslaver_option_map:from(Tls) of
        {ok, Map} -> shown(Map, lists:all(fun is_atom/1, maps:keys(Map)));
        _ -> hidden
    end.

shown(Map, true) ->
    Known = maps:with(keys(), Map),
    maps:merge(maps:map(fun(_, _) -> hidden end, Map), Known);
shown(_Map, false) ->
    hidden.

%% @doc The first key that is wrong, and its value; of those that are right each on its own it is
%% `certfile' or `keyfile' that lacks the other.
-spec wrong(map()) -> {Key :: term(), Value :: term()} | none.
wrong(Tls) ->
    Alone = fun
        (certfile, Value) -> #{certfile => Value, keyfile => Value};
        (keyfile, Value) -> #{certfile => Value, keyfile => Value};
        (Key, Value) -> #{Key => Value}
    end,
    Given = maps:to_list(given(Tls)),
    Each = [{Key, Value} || {Key, Value} <- Given, parse(Alone(Key, Value)) =:= error],
    Pair = [{Key, Value} || {Key, Value} <- Given, Key =:= certfile orelse Key =:= keyfile],
    case {Each, Pair} of
        {[Wrong | _], _} -> Wrong;
        {[], [Wrong]} -> Wrong;
        {[], _} -> none
    end.
