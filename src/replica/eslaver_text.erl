%% @doc Text as binaries: made from a format, and read from what a user gives.
%% @private
-module(eslaver_text).

-export([format/2, parse/1, given/1, path/1, lower/1, socket_error/1]).

%% @doc As `io_lib:format/2', but a binary.
-spec format(io:format(), [term()]) -> binary().
format(Format, Args) ->
    <<_/binary>> = unicode:characters_to_binary(io_lib:format(Format, Args)).

%% @doc The text of a string or a binary. A binary is taken as it is, whatever its bytes.
-spec parse(term()) -> {ok, binary()} | error.
parse(Text) when is_binary(Text) ->
    {ok, Text};
parse(Text) when is_list(Text) ->
    try unicode:characters_to_binary(Text) of
        Binary when is_binary(Binary) -> {ok, Binary};
        _ -> error
    catch
        error:badarg -> error
    end;
parse(_Text) ->
    error.

%% @doc The same, if there is any.
-spec given(term()) -> {ok, binary()} | error.
given([_ | _] = Text) -> parse(Text);
given(<<_, _/binary>> = Text) -> {ok, Text};
given(_Text) -> error.

%% @doc Checks a path, which may have any bytes except zero.
-spec path(term()) -> {ok, binary()} | error.
path(Path) ->
    case given(Path) of
        {ok, Bytes} -> without_zero(Bytes);
        error -> error
    end.

without_zero(Bytes) ->
    case binary:match(Bytes, <<0>>) of
        nomatch -> {ok, Bytes};
        _ -> error
    end.

%% @doc ASCII letters in lower case; all other bytes stay, whatever their encoding.
-spec lower(binary()) -> binary().
lower(Bytes) ->
    <<<<(lower_byte(Byte))>> || <<Byte>> <= Bytes>>.

lower_byte(Byte) when Byte >= $A, Byte =< $Z -> Byte + 32;
lower_byte(Byte) -> Byte.

%% @doc An error of a socket, for people.
-spec socket_error(term()) -> binary().
socket_error(timeout) ->
    <<"no answer in time">>;
socket_error(closed) ->
    <<"the connection was closed">>;
socket_error({tls_alert, {Alert, _}}) ->
    format("TLS: ~ts", [string:replace(atom_to_list(Alert), "_", " ", all)]);
socket_error(Reason) when is_atom(Reason) ->
    case inet:format_error(Reason) of
        "unknown POSIX error" ++ _ -> atom_to_binary(Reason);
        Text -> list_to_binary(Text)
    end;
socket_error(_Reason) ->
    <<"the connection failed">>.
