%% Certificates for today, made with openssl.
-module(eslaver_test_certificates).

-export([missing/1, make/1, kinds/1]).
-export([authority/2, certificate/3, certificate/4, openssl/2]).

-export_type([files/0]).

-type files() :: #{cert := file:filename(), key := file:filename(), ca := file:filename()}.

%% What TLS with this server lacks here.
-spec missing(file:filename()) -> none | string().
missing(Server) ->
    case {os:find_executable("openssl"), string:find(os:cmd("ldd " ++ Server), "libssl")} of
        {false, _} -> "there is no openssl";
        {_, nomatch} -> "the server knows no TLS";
        {_, _} -> none
    end.

%% In this directory: an authority, and a server at this machine.
-spec make(file:filename()) -> files().
make(Dir) ->
    ok = authority(Dir, "ca"),
    ok = certificate(Dir, "server", "DNS:localhost,IP:127.0.0.1"),
    File = fun(Name) -> filename:join(Dir, Name) end,
    #{cert => File("server.crt"), key => File("server.key"), ca => File("ca.crt")}.

%% In this directory, one of each kind: of an authority and of one that nobody knows, for another
%% name, of a client, signed by itself, of X.509 v1, without names, expired, and below what may not
%% sign.
-spec kinds(file:filename()) -> ok.
kinds(Dir) ->
    _ = [ok = authority(Dir, Name) || Name <- ["ca", "other"]],
    ok = certificate(Dir, "server", "DNS:localhost,IP:127.0.0.1"),
    ok = certificate(Dir, "named", "DNS:master.example.net"),
    ok = certificate(Dir, "wildcard", "DNS:*.example.net"),
    ok = certificate(Dir, "client", "DNS:client"),
    _ = [ok = self_signed(Dir, Name) || Name <- ["self", "self-too"]],
    ok = unnamed(Dir),
    ok = signed_by(Dir, "v3", "below-v3"),
    ok = late_authority(Dir),
    ok = signed_by(Dir, "late-ca", "below-late"),
    ok = file:make_dir(filename:join(Dir, "forged")),
    authority(filename:join(Dir, "forged"), "ca").

signed_by(Dir, Authority, Name) ->
    certificate(Dir, Authority, Name, "DNS:localhost,IP:127.0.0.1").

%% An authority of yesterday.
late_authority(Dir) ->
    ok = file:write_file(filename:join(Dir, "late-ca.ext"), "basicConstraints=critical,CA:TRUE\n"),
    openssl(Dir, [
        "req -newkey rsa:2048 -nodes -subj /CN=late-ca -keyout late-ca.key -out late-ca.csr && ",
        "openssl x509 -req -days -1 -signkey late-ca.key -extfile late-ca.ext ",
        "-in late-ca.csr -out late-ca.crt"
    ]).

%% As people make them: an authority that nobody has signed, and that is the server itself.
self_signed(Dir, Name) ->
    openssl(Dir, [
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost ",
        "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout ",
        Name,
        ".key -out ",
        Name,
        ".crt"
    ]).

%% What names its host in its subject only: without extensions, with some, and of yesterday.
unnamed(Dir) ->
    ok = file:write_file(filename:join(Dir, "v3.ext"), "basicConstraints=CA:FALSE\n"),
    Request = "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout localhost.key ",
    openssl(Dir, [Request, "-out localhost.csr"]),
    lists:foreach(
        fun({Name, Args}) ->
            Sign = "x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -in localhost.csr -out ",
            openssl(Dir, [Sign, Name, ".crt ", Args]),
            Key = filename:join(Dir, Name ++ ".key"),
            {ok, _} = file:copy(filename:join(Dir, "localhost.key"), Key)
        end,
        [{"v1", "-days 2"}, {"v3", "-days 2 -extfile v3.ext"}, {"late", "-days -1"}]
    ).

-spec authority(file:filename(), Name :: string()) -> ok.
authority(Dir, Name) ->
    openssl(Dir, [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=",
        Name,
        " -keyout ",
        Name,
        ".key -out ",
        Name,
        ".crt"
    ]).

%% By the authority `ca`.
-spec certificate(file:filename(), Name :: string(), AltNames :: string()) -> ok.
certificate(Dir, Name, Names) ->
    certificate(Dir, "ca", Name, Names).

-spec certificate(file:filename(), Authority :: string(), Name :: string(), string()) -> ok.
certificate(Dir, Authority, Name, Names) ->
    ok = openssl(Dir, [
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=",
        Name,
        " -keyout ",
        Name,
        ".key -out ",
        Name,
        ".csr"
    ]),
    ok = file:write_file(filename:join(Dir, Name ++ ".ext"), ["subjectAltName=", Names, "\n"]),
    openssl(Dir, [
        "x509 -req -days 2 -CA ",
        Authority,
        ".crt -CAkey ",
        Authority,
        ".key -CAcreateserial -in ",
        Name,
        ".csr -out ",
        Name,
        ".crt -extfile ",
        Name,
        ".ext"
    ]).

-spec openssl(file:filename(), Args :: iodata()) -> ok.
openssl(Dir, Args) ->
    Said = os:cmd(lists:flatten(["cd '", Dir, "' && openssl ", Args, " && echo all is well"])),
    case string:find(Said, "all is well") of
        nomatch -> error({openssl, Said});
        _ -> ok
    end.
