%% @doc A directory with a file for the position of each shard of a cluster, `ShardId.position', as
%% {@link eslaver_position_file} reads and writes it.
%%
%% After a failover that nobody here has seen, a shard may have another id. Its position is then
%% known by the id of a history, which outlives the failover, and its file gets the new name. A
%% crash leaves the one name or the other; both are found.
%%
%% Only a position of the master's present history can be no other shard's. All others are kept: a
%% master that was replaced may be a shard of its own, with the history that its heir had.
%% @private
-module(eslaver_position_dir).

-export([open/3, choose/3]).

-define(EXTENSION, <<".position">>).
%% Ids have 40 digits.
-define(LONGEST_ID, 128).

-type id() :: binary().

%% @doc The option `resume' for the replica of a shard, whose master has these ids of histories: of
%% its own, and of the one that this continues. To be called before each start of that replica. The
%% directory is made if it is missing.
-spec open(Dir :: binary(), ShardId :: id(), Replids :: [binary()]) ->
    {ok, {file, Path :: binary()}} | {error, {bad_shard_id, id()}}.
open(Dir, Id, Replids) ->
    case is_id(Id) of
        true ->
            _ = file:make_dir(Dir),
            ok = with_free([Id], Dir, fun(Free) -> found(Free, Dir, Id, Replids) end),
            {ok, {file, path(Dir, Id)}};
        false ->
            {error, {bad_shard_id, Id}}
    end.

found([], _Dir, _Id, _Replids) ->
    ok;
found([_], Dir, Id, Replids) ->
    Others = [Other || {Other, _} <- matching(listed(Dir) -- [Id], Dir, Replids)],
    with_free(Others, Dir, fun(Free) ->
        choose_file(Dir, Id, matching(Free, Dir, Replids), Replids)
    end).

matching(Ids, Dir, Replids) ->
    [
        {Id, Position}
     || Id <- Ids,
        {ok, #{replid := Replid} = Position} <- [eslaver_position_file:read(path(Dir, Id))],
        lists:member(Replid, Replids)
    ].

%% What is superseded goes last: what is left of it by a crash is superseded the next time.
choose_file(Dir, Id, Others, Replids) ->
    {Taken, Superseded} = choose(matching([Id], Dir, Replids), Others, Replids),
    Present = lists:sublist(Replids, 1),
    Result =
        case Taken of
            none -> ok;
            _ -> take(Dir, Taken, Id, Present)
        end,
    Void = [Old || {Old, _} <- matching(Superseded, Dir, Present)],
    _ = Result =:= ok andalso [file:delete(path(Dir, Old)) || Old <- Void],
    ok.

%% The position that the file had may be another shard's: it gets the name that is free then.
take(Dir, Taken, Id, Present) ->
    case eslaver_position_file:read(path(Dir, Id)) of
        {ok, #{replid := Replid}} when [Replid] =/= Present ->
            Aside = string:lowercase(binary:encode_hex(crypto:strong_rand_bytes(20))),
            renamed([{Id, Aside}, {Taken, Id}, {Aside, Taken}], Dir);
        _ ->
            renamed([{Taken, Id}], Dir)
    end.

renamed([], _Dir) ->
    ok;
renamed([{From, To} | More], Dir) ->
    case file:rename(path(Dir, From), path(Dir, To)) of
        ok -> renamed(More, Dir);
        {error, _} = Error -> Error
    end.

%% @doc Which of other ids' positions takes the place of the shard's own, if it has one, and which
%% are superseded. All are of histories of the master's. The newest is the one of the latest
%% history that is furthest: of an earlier history there may be more than the master has, but not
%% where there is a later one.
-spec choose(Own, Others, Replids :: [binary()]) -> {none | id(), Superseded :: [id()]} when
    Own :: [{id(), eslaver_position:safe()}], Others :: [{id(), eslaver_position:safe()}].
choose(Own, Others, Replids) ->
    Age = maps:from_list(lists:zip(lists:reverse(Replids), lists:seq(1, length(Replids)))),
    Rank = fun({_Id, #{replid := Replid, offset := Offset}}) ->
        {maps:get(Replid, Age), Offset}
    end,
    Newest = fun(One, Best) ->
        case Rank(One) > Rank(Best) of
            true -> One;
            false -> Best
        end
    end,
    Ids = [Id || {Id, _} <- Others],
    case Own ++ Others of
        [] ->
            {none, []};
        [First | Rest] ->
            {Id, _} = lists:foldl(Newest, First, Rest),
            case lists:member(Id, Ids) of
                true -> {Id, Ids -- [Id]};
                false -> {none, Ids}
            end
    end.

%% Calls the function with those ids whose files no other replica uses, and keeps others from them
%% meanwhile. Where nothing can be locked, as on a file system without locks, all count as free.
with_free(Ids, Dir, Fun) ->
    Locked = [{Id, eslaver_position_file:lock(path(Dir, Id))} || Id <- Ids],
    try
        Fun([Id || {Id, Result} <- Locked, Result =/= {error, locked}])
    after
        [eslaver_position_file:unlock(Lock) || {_, {ok, Lock}} <- Locked]
    end.

listed(Dir) ->
    case file:list_dir(Dir) of
        {ok, Names} -> [Id || Name <- Names, Id <- id_of(unicode:characters_to_binary(Name))];
        {error, _} -> []
    end.

id_of(<<_/binary>> = Name) ->
    Size = byte_size(Name) - byte_size(?EXTENSION),
    case Name of
        <<Id:Size/binary, End/binary>> when Size > 0, End =:= ?EXTENSION ->
            [Id || is_id(Id)];
        _ ->
            []
    end;
id_of(_Other) ->
    [].

%% Ids come from the cluster, and become names of files.
is_id(Id) ->
    byte_size(Id) > 0 andalso byte_size(Id) =< ?LONGEST_ID andalso
        lists:all(fun is_hex/1, binary_to_list(Id)).

is_hex(Byte) -> (Byte >= $0 andalso Byte =< $9) orelse (Byte >= $a andalso Byte =< $f).

path(Dir, Id) ->
    filename:join(Dir, <<Id/binary, ?EXTENSION/binary>>).
