%% @doc Replies in the protocol of Redis 2 (RESP2), read as their bytes arrive, and requests.
%%
%% It is pure. Whatever the bytes are, the reader gives replies, wants more, or rejects them, and
%% what it keeps is limited: a reply may take {@link max_bytes/0} bytes.
%% @private
-module(eslaver_resp).

-export([new/0, feed/2, request/1, max_bytes/0]).
-export_type([reader/0, reply/0]).

%% The longest reply, the longest line in one, and how deep arrays may be nested.
-define(MAX_BYTES, 4 bsl 20).
-define(MAX_LINE, 4096).
-define(MAX_DEPTH, 8).
%% The most digits of a number of 64 bits.
-define(MAX_DIGITS, 19).

-type reply() :: binary() | integer() | null | {error, binary()} | [reply()].
%% Simple and bulk strings are both binaries.

-record(reader, {
    %% Bytes that have not been read.
    buffer = <<>> :: binary(),
    %% How many bytes of the current reply have been read.
    read = 0 :: non_neg_integer(),
    %% The open arrays, the innermost first: how many elements are missing, and the others reversed.
    open = [] :: [{pos_integer(), [reply()]}]
}).

-opaque reader() :: #reader{}.

%% @doc Before the first reply.
-spec new() -> reader().
new() -> #reader{}.

%% @doc The most bytes that a reply may take.
-spec max_bytes() -> pos_integer().
max_bytes() -> ?MAX_BYTES.

%% @doc The replies that end in these bytes. A reader that has rejected bytes is of no more use.
-spec feed(binary(), reader()) -> {ok, [reply()], reader()} | {error, malformed | too_long}.
feed(Bytes, #reader{buffer = Buffer} = Reader) ->
    replies(Reader#reader{buffer = <<Buffer/binary, Bytes/binary>>}, []).

replies(#reader{buffer = Buffer, read = Read, open = Open} = Reader, Replies) ->
    case item(Buffer) of
        more when Read + byte_size(Buffer) =< ?MAX_BYTES ->
            {ok, lists:reverse(Replies), Reader};
        {array, Count, Rest} when Count > 0, length(Open) < ?MAX_DEPTH ->
            Nested = behind(Rest, Reader),
            limited(Nested#reader{open = [{Count, []} | Open]}, Replies);
        {array, 0, Rest} ->
            element([], behind(Rest, Reader), Replies);
        {reply, Reply, Rest} ->
            element(Reply, behind(Rest, Reader), Replies);
        {error, _} = Error ->
            Error;
        _ ->
            {error, too_long}
    end.

behind(Rest, #reader{buffer = Buffer, read = Read} = Reader) ->
    Reader#reader{buffer = Rest, read = Read + byte_size(Buffer) - byte_size(Rest)}.

%% A reply is whole, or an element of an array is, which may make that one whole.
element(Reply, #reader{open = []} = Reader, Replies) ->
    case Reader of
        #reader{read = Read} when Read > ?MAX_BYTES -> {error, too_long};
        _ -> replies(Reader#reader{read = 0}, [Reply | Replies])
    end;
element(Reply, #reader{open = [{1, Before} | Outer]} = Reader, Replies) ->
    element(lists:reverse(Before, [Reply]), Reader#reader{open = Outer}, Replies);
element(Reply, #reader{open = [{Missing, Before} | Outer]} = Reader, Replies) ->
    limited(Reader#reader{open = [{Missing - 1, [Reply | Before]} | Outer]}, Replies).

limited(#reader{read = Read}, _Replies) when Read > ?MAX_BYTES -> {error, too_long};
limited(Reader, Replies) -> replies(Reader, Replies).

%% What the bytes begin with.
item(<<$+, Rest/binary>>) -> line(Rest, fun(Line) -> Line end);
item(<<$-, Rest/binary>>) -> line(Rest, fun(Line) -> {error, Line} end);
item(<<Type, $-, Rest/binary>>) -> item(Type, number(Rest, 0, 0, -1));
item(<<Type, Rest/binary>>) -> item(Type, number(Rest, 0, 0, 1));
item(<<>>) -> more.

item($:, {ok, Number, Rest}) -> {reply, Number, Rest};
item($$, {ok, Size, _}) when Size > ?MAX_BYTES -> {error, too_long};
item($$, {ok, Size, Rest}) when Size >= 0 -> bulk(Size, Rest);
item($*, {ok, Count, Rest}) when Count >= 0 -> {array, Count, Rest};
item(Type, {ok, -1, Rest}) when Type =:= $$; Type =:= $* -> {reply, null, Rest};
item(Type, more) when Type =:= $:; Type =:= $$; Type =:= $* -> more;
item(_Type, _Other) -> {error, malformed}.

bulk(Size, Bytes) ->
    case Bytes of
        <<Bulk:Size/binary, "\r\n", Rest/binary>> -> {reply, binary:copy(Bulk), Rest};
        <<_:Size/binary, End:2/binary, _/binary>> when End =/= <<"\r\n">> -> {error, malformed};
        _ -> more
    end.

line(Bytes, Meaning) ->
    Within = min(byte_size(Bytes), ?MAX_LINE),
    case binary:match(Bytes, <<"\r\n">>, [{scope, {0, Within}}]) of
        {At, 2} ->
            <<Line:At/binary, "\r\n", Rest/binary>> = Bytes,
            {reply, Meaning(binary:copy(Line)), Rest};
        nomatch when Within =:= ?MAX_LINE ->
            {error, too_long};
        nomatch ->
            more
    end.

%% A number, digit by digit: there may be a million of them in a reply.
number(<<Digit, Rest/binary>>, Number, Digits, Sign) when
    Digit >= $0, Digit =< $9, Digits < ?MAX_DIGITS
->
    number(Rest, Number * 10 + Digit - $0, Digits + 1, Sign);
number(<<"\r\n", Rest/binary>>, Number, Digits, Sign) when Digits > 0 ->
    {ok, Sign * Number, Rest};
number(<<"\r">>, _Number, Digits, _Sign) when Digits > 0 ->
    more;
number(<<>>, _Number, _Digits, _Sign) ->
    more;
number(_Other, _Number, _Digits, _Sign) ->
    malformed.

%% @doc A command as servers expect it.
-spec request([binary()]) -> binary().
request(Words) ->
    iolist_to_binary([
        [$*, integer_to_list(length(Words)), "\r\n"]
        | [[$$, integer_to_list(byte_size(Word)), "\r\n", Word, "\r\n"] || Word <- Words]
    ]).
