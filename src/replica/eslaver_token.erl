%% @doc Tokens: how a client names the last write it knows of, to wait for it.
%% @private
-module(eslaver_token).

-export([of_info/1, write/1]).
-export_type([token/0, write/0]).

-type token() :: eslaver_types:token().
%% What a master's `INFO replication' or `ROLE' tells after a write.

-type write() :: {Replid :: binary() | any, Offset :: non_neg_integer()}.
%% A write of a history, or of the one that is followed when this is needed.

%% @doc The token in the reply to `INFO' or `INFO replication'.
-spec of_info(iodata()) -> token().
of_info(Info) ->
    case {field("master_replid", Info), field("master_repl_offset", Info)} of
        {_, undefined} -> error(badarg);
        {undefined, Offset} -> {offset, binary_to_integer(Offset)};
        {Replid, Offset} -> {offset, Replid, binary_to_integer(Offset)}
    end.

field(Name, Info) ->
    Regex = ["^", Name, ":([0-9A-Za-z]+)\\r?$"],
    case re:run(Info, Regex, [multiline, {newline, anycrlf}, {capture, all_but_first, binary}]) of
        {match, [Value]} -> Value;
        nomatch -> undefined
    end.

%% @doc The write that a token names.
-spec write(token()) -> write().
write({offset, Replid, Offset}) ->
    case eslaver_position:is_replid(Replid) andalso eslaver_position:is_offset(Offset) of
        true -> {Replid, Offset};
        false -> error(badarg)
    end;
write({offset, Offset}) ->
    case eslaver_position:is_offset(Offset) of
        true -> {any, Offset};
        false -> error(badarg)
    end;
write(_NoToken) ->
    error(badarg).
