%% @doc Converts the option `master_url' to other options.
%%
%% A URL with any part that has no meaning here is rejected: nothing is ignored.
%% @private
-module(eslaver_url).

-export([options/1]).

-type options() :: #{
    master_host => binary() | {local, binary()},
    master_port => non_neg_integer(),
    master_user => binary(),
    master_auth => binary(),
    tls => true
}.

%% @doc The options of a URL. The error has no reason, as that might show the password.
-spec options(binary()) -> {ok, options()} | error.
options(Url) ->
    try
        #{scheme := Scheme} = Parts = uri_string:parse(Url),
        scheme(string:lowercase(Scheme), maps:remove(scheme, Parts))
    catch
        %% no URL, no host, or a `%' without two hexadecimal digits behind it
        error:_ -> error
    end.

scheme(<<"redis">>, Parts) -> tcp(Parts, #{});
scheme(<<"rediss">>, Parts) -> tcp(Parts, #{tls => true});
scheme(<<"unix">>, Parts) -> unix(Parts);
scheme(_Scheme, _Parts) -> error.

tcp(#{host := <<_, _/binary>> = Host, path := Path} = Parts, Options) when
    Path =:= <<>>; Path =:= <<"/">>
->
    {ok, Checked} = eslaver_host:parse(decoded(Host)),
    all(maps:without([host, path], Parts), Options#{master_host => Checked});
tcp(_Parts, _Options) ->
    error.

unix(#{path := <<"/", _/binary>> = Path} = Parts) ->
    case maps:get(host, Parts, <<>>) of
        <<>> when not is_map_key(port, Parts) ->
            all(maps:without([host, path], Parts), #{master_host => {local, decoded(Path)}});
        _ ->
            error
    end;
unix(_Parts) ->
    error.

%% Queries, fragments and database numbers have no meaning for a replica.
all(Parts, Options) ->
    maps:fold(fun part/3, {ok, Options}, Parts).

part(port, undefined, {ok, Options}) -> {ok, Options};
part(port, Port, {ok, Options}) -> {ok, Options#{master_port => Port}};
part(userinfo, Info, {ok, Options}) -> {ok, maps:merge(Options, who(Info))};
part(_Part, _Value, _Options) -> error.

who(Info) ->
    Named = lists:zip([master_user, master_auth], names(binary:split(Info, <<":">>))),
    maps:from_list([{Key, decoded(Text)} || {Key, Text} <- Named, Text =/= <<>>]).

names([User]) -> [User, <<>>];
names([_User, _Password] = Both) -> Both.

%% A password may have any bytes.
decoded(Text) ->
    [First | Encoded] = binary:split(Text, <<"%">>, [global]),
    iolist_to_binary([First | [decoded_part(Part) || Part <- Encoded]]).

decoded_part(<<Hex:2/binary, Rest/binary>>) -> [binary:decode_hex(Hex), Rest];
decoded_part(_TooShort) -> error(badarg).
