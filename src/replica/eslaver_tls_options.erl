%% @doc Checks the options of TLS, which {@link eslaver_options} reads.
%% @private
-module(eslaver_tls_options).

-export([parse/1, has_only_known/1]).

%% @doc The options, with the defaults. `undefined' for none.
-spec parse(term()) -> {ok, eslaver_nif:tls() | undefined} | error.
parse(false) -> {ok, undefined};
parse(true) -> parse(#{});
parse(Tls) when is_map(Tls) -> parse(maps:to_list(Tls), defaults());
parse(_Other) -> error.

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

%% @doc Whether a map has no other keys: under them might be a secret.
-spec has_only_known(map()) -> boolean().
has_only_known(Tls) ->
    map_size(maps:without(maps:keys(defaults()), Tls)) =:= 0.
