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
    tls => true,
    sentinels => [{binary(), non_neg_integer()} | binary(), ...],
    master_name => binary()
}.

%% @doc The options of a URL. The error has no text of the URL, which might show the password.
-spec options(binary()) -> {ok, options()} | {error, database} | error.
options(Url) ->
    try
        case string:lowercase(hd(binary:split(Url, <<"://">>))) of
            <<"redis+sentinel">> -> sentinel(Url, #{});
            <<"rediss+sentinel">> -> sentinel(Url, #{tls => true});
            _ -> single(Url)
        end
    catch
        %% no URL, no host, or a `%' without two hexadecimal digits behind it
        error:_ -> error
    end.

%% Of several hosts:
%% `redis+sentinel://[user:password@]host[:port][,host[:port]]…/master_name'. User
%% and password are the master's.
sentinel(Url, Options) ->
    [_, Behind] = binary:split(Url, <<"://">>),
    [Authority, Name] = binary:split(Behind, <<"/">>),
    {Who, Hosts} =
        case binary:split(Authority, <<"@">>) of
            [Listed] -> {#{}, Listed};
            [Info, Listed] -> {who(Info), Listed}
        end,
    Sentinels = [host_and_port(Host) || Host <- binary:split(Hosts, <<",">>, [global])],
    nomatch = binary:match(Name, [<<"/">>, <<"?">>, <<"#">>]),
    <<_, _/binary>> = Decoded = decoded(Name),
    {ok, maps:merge(Options#{sentinels => Sentinels, master_name => Decoded}, Who)}.

host_and_port(Text) ->
    #{host := <<_, _/binary>> = Host, path := <<>>} =
        Parts = uri_string:parse(<<"redis://", Text/binary>>),
    {ok, Checked} = eslaver_host:parse(decoded(Host)),
    case maps:without([scheme, host, path], Parts) of
        #{port := Port} = Rest when map_size(Rest) =:= 1, is_integer(Port) -> {Checked, Port};
        #{port := undefined} = Rest when map_size(Rest) =:= 1 -> Checked;
        Rest when map_size(Rest) =:= 0 -> Checked
    end.

single(Url) ->
    #{scheme := Scheme} = Parts = uri_string:parse(Url),
    scheme(string:lowercase(Scheme), maps:remove(scheme, Parts)).

scheme(<<"redis">>, Parts) -> tcp(Parts, #{});
scheme(<<"rediss">>, Parts) -> tcp(Parts, #{tls => true});
scheme(<<"unix">>, Parts) -> unix(Parts);
scheme(_Scheme, _Parts) -> error.

%% Database 0 is where a client begins that is told none, so people write it without a thought.
tcp(#{host := <<_, _/binary>> = Host, path := Path} = Parts, Options) when
    Path =:= <<>>; Path =:= <<"/">>; Path =:= <<"/0">>
->
    {ok, Checked} = eslaver_host:parse(decoded(Host)),
    all(maps:without([host, path], Parts), Options#{master_host => Checked});
tcp(#{host := <<_, _/binary>>, path := <<"/", Db/binary>>}, _Options) ->
    case lists:all(fun(Char) -> Char >= $0 andalso Char =< $9 end, binary_to_list(Db)) of
        true -> {error, database};
        false -> error
    end;
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
