%% @doc Errors of a start as sentences: which option is wrong, and what it has to be.
%% @private
-module(eslaver_format_error).

-export([text/2, expected/1]).

%% How much of a value is shown, in terms.
-define(DEPTH, 20).
%% How different a key may be from the one that was meant, in edits.
-define(EDITS, 3).

%% @doc The sentence for what a start has returned. `Keys' are the options that there are.
-spec text(term(), [atom()]) -> binary().
text({error, Reason}, Keys) ->
    text(Reason, Keys);
text({invalid_option, options, not_a_map}, _Keys) ->
    <<"the options are neither a map nor a list of {Key, Value}">>;
text({invalid_option, Key, Value}, Keys) ->
    case eslaver_advice:is_advice(Value) of
        true -> format("the option ~0tp: ~ts", [Key, Value]);
        false -> option(Key, Value, Keys)
    end;
text({nif_not_loaded, Text}, _Keys) when is_binary(Text) ->
    Text;
text(loading, _Keys) ->
    <<"there is no data yet: the first snapshot has not been loaded">>;
text(stale, _Keys) ->
    <<"the data may be old: the link to the master is down, or the mirror is behind">>;
text(not_served, _Keys) ->
    <<"no shard that is mirrored has the slot of this key">>;
text(wrongtype, _Keys) ->
    <<"the key has a value of another type">>;
text(unknown, _Keys) ->
    <<"the value is unknown, as a command that cannot be mirrored wrote it">>;
text({resume_locked, Path}, _Keys) ->
    format("the position in ~ts is that of another replica, which runs: give each its own", [
        eslaver_log:path(Path)
    ]);
text({callback_failed, #{event := Event, class := Class, reason := Reason}}, _Keys) ->
    format("the callback raised ~ts:~0tP at ~ts", [Class, Reason, ?DEPTH, Event]);
text({bad_return, #{function := {M, F, A}, expected := Expected}}, _Keys) ->
    format("~ts:~ts/~b must return ~ts", [M, F, A, Expected]);
text({already_started, Pid}, _Keys) ->
    format("there is one of this name already, ~0tp", [Pid]);
text(no_telemetry, _Keys) ->
    <<"this node does not have the library telemetry">>;
text(not_running, _Keys) ->
    <<"there is no replica or mirror of this name">>;
text(Reason, _Keys) ->
    format("~0tP", [Reason, ?DEPTH]).

option({project, Key}, Value, _Keys) ->
    format("in the option project, ~0tp is ~0tP: see eslaver_mirror:projection()", [
        Key, Value, ?DEPTH
    ]);
option({default_logger, Key}, Value, _Keys) ->
    format("for the default logger, ~0tp is ~0tP: expected ~ts", [
        Key, Value, ?DEPTH, default_logger(Key)
    ]);
option(Key, Value, Keys) ->
    case {expected(Key), lists:member(Key, Keys)} of
        {none, _} -> unknown("there is no option ~0tp", Key, Keys);
        {_, false} -> unknown("the option ~0tp cannot be used here", Key, []);
        {Expected, true} -> wrong(Key, Value, Expected)
    end.

wrong(Key, hidden, Expected) ->
    format("the option ~0tp has a wrong value, which may hold a password: expected ~ts", [
        Key, Expected
    ]);
wrong(filter, Value, Expected) ->
    nested(filter, Value, Expected, eslaver_filter:keys(), fun filter/1);
wrong(Key, Value, Expected) when Key =:= tls; Key =:= sentinel_tls ->
    nested(Key, Value, Expected, eslaver_tls_options:keys(), fun eslaver_tls_options:wrong/1);
wrong(callback, Value, Expected) ->
    wrong_value(callback, Value, callback(Value, Expected));
wrong(Key, Value, Expected) ->
    wrong_value(Key, Value, Expected).

wrong_value(Key, Value, Expected) ->
    format("the option ~0tp is ~0tP: expected ~ts", [Key, Value, ?DEPTH, Expected]).

%% Of options that are maps the key that is wrong.
nested(Option, Value, Expected, Keys, Wrong) ->
    case eslaver_option_map:from(Value) of
        {ok, Map} ->
            case {maps:keys(maps:without(Keys, Map)), Wrong(Map)} of
                {[Unknown | _], _} ->
                    In = "in the option " ++ atom_to_list(Option) ++ " there is no ~0tp",
                    unknown(In, Unknown, Keys);
                {[], {Key, Bad}} ->
                    format("in the option ~ts, ~ts is ~0tP: expected ~ts", [
                        Option, Key, Bad, ?DEPTH, expected({Option, Key})
                    ]);
                {[], none} ->
                    wrong_value(Option, Value, Expected)
            end;
        {twice, Key} ->
            format("in the option ~ts, ~0tp is given twice", [Option, Key]);
        error ->
            wrong_value(Option, Value, Expected)
    end.

filter(Map) ->
    case eslaver_filter:parse(eslaver_filter:keys(), Map) of
        {error, Key, Value} -> {Key, Value};
        {ok, _} -> none
    end.

default_logger(level) -> "a level of logger";
default_logger(events) -> "all, or a list of events as [eslaver, load, stop]";
default_logger(_Key) -> "no such option, only level and events".

%% The usual mistakes with callbacks.
callback({handler, Module}, _Expected) when is_atom(Module) ->
    format("{handler, ~0tp, Args}", [Module]);
callback({handler, Module, _Args}, _Expected) when is_atom(Module) ->
    format("a module that exports init/1 or init/2, and handle_event/2 or handle_batch/2", []);
callback({Module, Function}, _Expected) when is_atom(Module), is_atom(Function) ->
    format("a function that is exported: ~0tp:~0tp/1", [Module, Function]);
callback({Module, Function, Args}, _Expected) when
    is_atom(Module), is_atom(Function), is_list(Args), length(Args) < 255
->
    format("a function that is exported: ~0tp:~0tp/~b", [Module, Function, length(Args) + 1]);
callback(Fun, _Expected) when is_function(Fun) ->
    <<"a fun of one argument">>;
callback(Module, Expected) when is_atom(Module) ->
    case eslaver_callback:is_handler(Module) of
        true -> format("{handler, ~0tp, Args}, as this module is a handler", [Module]);
        false -> Expected
    end;
callback(_Other, Expected) ->
    Expected.

unknown(Format, Key, Keys) ->
    case nearest(Key, Keys) of
        none when Keys =:= [] -> format(Format, [Key]);
        none -> format(Format ++ ": there are ~ts", [Key, listed(Keys)]);
        Near -> format(Format ++ ": did you mean ~ts?", [Key, Near])
    end.

listed(Keys) -> lists:join(", ", [atom_to_list(Key) || Key <- lists:sort(Keys)]).

%% The known key that can be made of this one with the fewest edits.
nearest(Key, Keys) when is_atom(Key); is_list(Key); is_binary(Key) ->
    try unicode:characters_to_list(to_text(Key)) of
        Text when is_list(Text) ->
            Near = [{edits(Text, atom_to_list(Known)), Known} || Known <- Keys],
            case lists:sort(Near) of
                [{Edits, Known} | _] when Edits =< ?EDITS -> Known;
                _ -> none
            end;
        _ ->
            none
    catch
        error:badarg -> none
    end;
nearest(_Key, _Keys) ->
    none.

to_text(Key) when is_atom(Key) -> atom_to_list(Key);
to_text(Key) -> Key.

%% Insertions, deletions and changes of a character: row by row of the table of all prefixes.
edits(From, To) ->
    First = lists:seq(0, length(To)),
    lists:last(lists:foldl(fun(Char, Row) -> row(Char, To, Row) end, First, From)).

row(Char, To, [First | _] = Before) ->
    {_, Row} = lists:foldl(
        fun({Other, Diagonal, Above}, {Left, Made}) ->
            Changed =
                case Char of
                    Other -> Diagonal;
                    _ -> Diagonal + 1
                end,
            Least = lists:min([Changed, Above + 1, Left + 1]),
            {Least, [Least | Made]}
        end,
        {First + 1, [First + 1]},
        lists:zip3(To, lists:droplast(Before), tl(Before))
    ),
    lists:reverse(Row).

format(Format, Args) -> eslaver_text:format(Format, Args).

%% @doc What an option has to be, or a key of `{Option, Key}'; `none' if there is no such option.
-spec expected(term()) -> unicode:chardata() | none.
expected(master_host) ->
    "a host's name or address, without the port (that is master_port), or {local, Path}";
expected(master_port) ->
    "a port from 1 to 65535";
expected(Key) when Key =:= master_auth; Key =:= sentinel_auth ->
    "a password, or a fun that returns one";
expected(Key) when Key =:= master_user; Key =:= sentinel_user ->
    "the name of a user";
expected(master_url) ->
    "redis://user:password@host:port, rediss:// for TLS, unix://user:password@/path, or "
    "redis+sentinel://host,host/master_name, without a query and a fragment";
expected(Key) when Key =:= sentinels; Key =:= cluster ->
    "a list of hosts, of \"host:port\" or of {Host, Port}, that is not empty";
expected(Key) when Key =:= master_name; Key =:= psync_command; Key =:= client_name ->
    "printable ASCII without spaces";
expected(shards) ->
    "all, or a fun of one argument, the shard";
expected(addresses) ->
    "a fun of one argument, {Host, Port}";
expected(Key) when
    Key =:= migration_wait; Key =:= connect_timeout; Key =:= repl_timeout
->
    "a number of ms from 1 to 2147483647";
expected(empty_master_delay) ->
    "a number of ms from 0 to 2147483647";
expected(read_from) ->
    "master, prefer_replica or replica";
expected(dbfilename) ->
    "a path";
expected(load_dump) ->
    "true or false, and true only with dbfilename";
expected(Key) when Key =:= tls; Key =:= sentinel_tls ->
    "true, false or a map, over TCP, and a host that a certificate can name: ASCII letters, "
    "digits, '-' and '_', or an address without a zone";
expected({Key, verify}) when Key =:= tls; Key =:= sentinel_tls ->
    "true, chain or false";
expected({Key, server_name}) when Key =:= tls; Key =:= sentinel_tls ->
    "a host's name or address";
expected({Key, _}) when Key =:= tls; Key =:= sentinel_tls ->
    "a path; certfile and keyfile go together";
expected(announce_ip) ->
    "a host's name or address";
expected(announce_port) ->
    "a port, or 0";
expected(rdb_compression) ->
    "auto, true or false";
expected(proto_max_bulk_len) ->
    "a number of bytes";
expected(max_arguments) ->
    "a number from 1 to 2147483647";
expected(max_value) ->
    "a number of bytes, or infinity";
expected(resume) ->
    "{file, Path}, a file of its own; a position; or {Module, Args} with a module that exports "
    "load/2 and save/3; in a mirror only with a callback";
expected(acknowledge) ->
    "handled or received";
expected(events) ->
    "classic or full, in a mirror only with a callback";
expected(filter) ->
    "a map with keys, types, commands, dbs or origin, of which a mirror takes keys and dbs, and "
    "with a callback origin";
expected({filter, Key}) ->
    expected(Key);
expected(keys) ->
    "a glob or a list of globs";
expected(types) ->
    ["a list of ", listed(eslaver_filter:types())];
expected(commands) ->
    "a list of names of commands";
expected(dbs) ->
    "a list of numbers";
expected(origin) ->
    "user";
expected(Key) when Key =:= telemetry; Key =:= hooks ->
    "true, false, a fun of three arguments, {Module, Function} that is exported with three, or a "
    "module that exports execute/3";
expected(telemetry_every) ->
    "a number of ms, or infinity";
expected(log_data) ->
    "true or false";
expected(warn_lag) ->
    "a number of bytes, or infinity";
expected(master_offset_every) ->
    "a time in ms";
expected(fresh_within) ->
    "a time in ms, or infinity";
expected(mailbox_limit) ->
    "a number from 1 on, or infinity, in a mirror only with a callback";
expected(on_error) ->
    "stop, {skip, true}, {skip, false}, or {skip, Fun} with a fun of two arguments; in a "
    "mirror only with a callback";
expected(callback) ->
    "a fun of one argument, {Module, Function}, {Module, Function, Args}, "
    "{handler, Module, Args}, a pid, {Pid, #{demand => N}}, a registered name, or []";
expected(name) ->
    "an atom, {local, Name}, {global, Term} or {via, Module, Term}; of a mirror an atom";
expected(full_resync) ->
    "beside or in_place";
expected(serve_stale_data) ->
    "true or false";
expected(undefined) ->
    "undefined or nil";
expected(max_memory) ->
    "a number of bytes";
expected(persist) ->
    "a path, or a map with file and perhaps interval, in ms or infinity";
expected(project) ->
    "a list of projections: see eslaver_mirror:projection()";
expected(_Unknown) ->
    none.
