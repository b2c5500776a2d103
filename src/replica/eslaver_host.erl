%% @doc Checks hosts: an address, or a name that can be looked up. Anything else is rejected at the
%% start rather than tried for ever.
%% @private
-module(eslaver_host).

-export([parse/1, given/1, endpoint/2, is_tls_name/1]).

%% The longest name, and the longest part of one, in bytes.
-define(LONGEST_NAME, 253).
-define(LONGEST_LABEL, 63).
%% Delimiters in URLs, in addresses and in a master's list of its replicas.
-define(NOT_IN_NAMES, "/@:[]%?#\\,;=\"'").

%% @doc Parses an address (a tuple or text; IPv6 also in brackets and with a zone) or a name.
-spec parse(inet:ip_address() | binary() | term()) -> {ok, binary()} | error.
parse(Address) when is_tuple(Address) ->
    case inet:ntoa(Address) of
        {error, einval} -> error;
        Text -> {ok, list_to_binary(Text)}
    end;
parse(<<$[, Rest/binary>>) ->
    case binary:split(Rest, <<"]">>) of
        [Address, <<>>] -> keep(Address, is_ipv6(Address));
        _ -> error
    end;
parse(<<_, _/binary>> = Host) ->
    keep(Host, is_ipv6(Host) orelse is_name(Host));
parse(_Other) ->
    error.

%% @doc The same of what a user gives, which may also be a string.
-spec given(term()) -> {ok, binary()} | error.
given(Address) when is_tuple(Address) ->
    parse(Address);
given(Host) ->
    case eslaver_text:given(Host) of
        {ok, Text} -> parse(Text);
        error -> error
    end.

%% @doc The host and port that a user gives, as `{Host, Port}', `"host:port"' or `"[::1]:port"'; or
%% a host alone, whose port is the default.
-spec endpoint(term(), inet:port_number()) -> {ok, {binary(), inet:port_number()}} | error.
endpoint({Host, Port}, _Default) when is_integer(Port), Port > 0, Port < 65536 ->
    case given(Host) of
        {ok, Parsed} -> {ok, {Parsed, Port}};
        error -> error
    end;
endpoint(Given, Default) ->
    case given(Given) of
        {ok, Host} -> {ok, {Host, Default}};
        error -> with_port(eslaver_text:given(Given))
    end.

with_port({ok, Text}) ->
    Both = "\\A([^:]+|\\[.+\\]):([1-9][0-9]{0,4})\\z",
    case re:run(Text, Both, [{capture, all_but_first, binary}]) of
        {match, [Host, Port]} -> endpoint({Host, binary_to_integer(Port)}, 0);
        nomatch -> error
    end;
with_port(error) ->
    error.

%% @doc Whether a certificate can be for this host, which {@link parse/1} has accepted: an address
%% without a zone, or a name of ASCII letters, digits, hyphens and underscores that does not end in
%% a number.
-spec is_tls_name(binary()) -> boolean().
is_tls_name(Host) ->
    case binary:match(Host, [<<":">>, <<"%">>]) of
        nomatch -> is_ipv4(Host) orelse is_dns_name(Host);
        _ -> is_ipv6_address(Host)
    end.

%% Rejects the shorter and older forms, with octal numbers.
is_ipv4(Host) ->
    Text = binary_to_list(Host),
    case inet:parse_ipv4strict_address(Text) of
        {ok, Address} -> inet:ntoa(Address) =:= Text;
        {error, einval} -> false
    end.

is_dns_name(Host) ->
    Labels = binary:split(string:trim(Host, trailing, "."), <<".">>, [global]),
    lists:all(fun(Label) -> is_match(Label, "[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?") end, Labels) andalso
        not is_match(lists:last(Labels), "[0-9]+|0x[0-9a-f]*").

is_match(Text, Regex) ->
    re:run(Text, ["\\A(", Regex, ")\\z"], [caseless, {capture, none}]) =:= match.

keep(Host, true) -> {ok, Host};
keep(_Host, false) -> error.

is_ipv6(Host) ->
    case binary:split(Host, <<"%">>) of
        [Address] -> is_ipv6_address(Address);
        [Address, Zone] -> is_ipv6_address(Address) andalso is_label(Zone) andalso is_plain(Zone)
    end.

is_ipv6_address(Address) ->
    {Parsed, _} = inet:parse_ipv6strict_address(binary_to_list(Address)),
    Parsed =:= ok andalso binary:match(Address, <<"%">>) =:= nomatch.

is_name(Name) ->
    Absolute = string:trim(Name, trailing, "."),
    byte_size(Name) - byte_size(Absolute) =< 1 andalso
        byte_size(Absolute) =< ?LONGEST_NAME andalso
        lists:all(fun is_label/1, binary:split(Absolute, <<".">>, [global])) andalso
        is_plain(Absolute).

is_label(Label) ->
    Size = byte_size(Label),
    Size > 0 andalso Size =< ?LONGEST_LABEL.

%% Text without blanks, control characters and the like.
is_plain(Text) ->
    case unicode:characters_to_list(Text) of
        Characters when is_list(Characters) -> lists:all(fun is_plain_character/1, Characters);
        _ -> false
    end.

is_plain_character(Character) ->
    Character > $\s andalso Character =/= 127 andalso
        not lists:member(Character, ?NOT_IN_NAMES).
