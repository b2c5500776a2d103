%% Certificates for today, made with openssl.
-module(eslaver_test_certificates).

-export([missing/1, make/1]).
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
