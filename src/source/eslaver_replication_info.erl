%% @doc What a server says of its replication in `INFO replication'. It is pure.
%% @private
-module(eslaver_replication_info).

-export([question/0, read/1]).
-export_type([facts/0]).

-type facts() :: #{
    role := master | replica | unknown,
    %% A replica's link to its own master.
    master_link := up | down | undefined,
    replid := binary() | undefined,
    replid2 := binary() | undefined,
    offset := non_neg_integer() | undefined,
    %% Where the history of `replid2' ends: its first offset that is not shared.
    second_offset := non_neg_integer() | undefined
}.

%% @doc The command to ask.
-spec question() -> [binary()].
question() -> [<<"INFO">>, <<"replication">>].

%% @doc Reads the answer.
-spec read(eslaver_resp:reply()) -> {ok, facts()} | {error, Text :: binary()}.
read(Text) when is_binary(Text) ->
    Lines = binary:split(Text, [<<"\r\n">>, <<"\n">>], [global]),
    Fields = maps:from_list([{Name, Value} || Line <- Lines, {Name, Value} <- field(Line)]),
    case role(maps:get(<<"role">>, Fields, <<>>)) of
        unknown -> {error, <<"it does not tell its role">>};
        Role -> {ok, facts(Role, Fields)}
    end;
read({error, Text}) ->
    {error, eslaver_text:format("it refuses INFO (~ts)", [eslaver_control:shown(Text)])};
read(_Other) ->
    {error, <<"it does not tell its role">>}.

field(Line) ->
    case binary:split(Line, <<":">>) of
        [Name, Value] -> [{Name, Value}];
        _ -> []
    end.

role(<<"master">>) -> master;
role(<<"slave">>) -> replica;
role(_Other) -> unknown.

facts(Role, Fields) ->
    #{
        role => Role,
        master_link => master_link(Role, Fields),
        replid => id(<<"master_replid">>, Fields),
        replid2 => id(<<"master_replid2">>, Fields),
        offset => number(offset_field(Role), Fields),
        second_offset => number(<<"second_repl_offset">>, Fields)
    }.

master_link(master, _Fields) -> undefined;
master_link(replica, #{<<"master_link_status">> := <<"up">>}) -> up;
master_link(replica, _Fields) -> down.

offset_field(master) -> <<"master_repl_offset">>;
offset_field(replica) -> <<"slave_repl_offset">>.

%% Zeros stand for no second id.
id(Name, Fields) ->
    case Fields of
        #{Name := <<Id:40/binary>>} ->
            case Id =:= binary:copy(<<"0">>, 40) of
                true -> undefined;
                false -> Id
            end;
        #{} ->
            undefined
    end.

number(Name, Fields) ->
    case string:to_integer(maps:get(Name, Fields, <<>>)) of
        {Number, <<>>} when Number >= 0 -> Number;
        _ -> undefined
    end.
