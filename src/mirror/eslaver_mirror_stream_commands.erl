%% @doc Applies the commands that write streams and their consumer groups.
%%
%% Masters replicate entries read by `XREADGROUP' or claimed by `XAUTOCLAIM' as one `XCLAIM' each.
%% @private
-module(eslaver_mirror_stream_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

%% @private
-spec commands() -> [binary()].
commands() ->
    [
        <<"xadd">>,
        <<"xtrim">>,
        <<"xdel">>,
        <<"xdelex">>,
        <<"xsetid">>,
        <<"xcfgset">>,
        <<"xidmprecord">>
        | eslaver_mirror_stream_group_commands:commands()
    ].

%% @private
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"xadd">>, [Key | Args], Ctx) ->
    {Options, [EntryId | Fields]} = eslaver_mirror_stream_args:trim(Args),
    add(EntryId, Fields, Key, Options, Ctx);
apply(<<"xtrim">>, [Key | Args], #{store := Store} = Ctx) ->
    {Options, []} = eslaver_mirror_stream_args:trim(Args),
    update(Ctx, Key, fun(Body) -> trim(Store, Body, Options) end);
apply(<<"xdel">>, [Key | EntryIds], Ctx) ->
    delete(Ctx, Key, [eslaver_mirror_stream_id:parse(EntryId) || EntryId <- EntryIds], keepref);
apply(<<"xdelex">>, [Key | Args], Ctx) ->
    {Policy, EntryIds} = eslaver_mirror_stream_args:ids(Args),
    delete(Ctx, Key, EntryIds, Policy);
apply(<<"xsetid">>, [Key, Last | Args], Ctx) ->
    Options = eslaver_mirror_stream_args:named(Args),
    update(Ctx, Key, fun(#{entries_added := Added, max_deleted_id := Deleted} = Body) ->
        Body#{
            last_id := eslaver_mirror_stream_id:parse(Last),
            entries_added := binary_to_integer(
                maps:get(<<"entriesadded">>, Options, integer_to_binary(Added))
            ),
            max_deleted_id := max_deleted(Options, Deleted)
        }
    end);
apply(<<"xcfgset">>, [Key | Args], #{store := Store} = Ctx) ->
    Names = #{<<"idmp-duration">> => seconds, <<"idmp-maxsize">> => max_size},
    Options = maps:fold(
        fun(Name, Value, Acc) -> Acc#{maps:get(Name, Names) => binary_to_integer(Value)} end,
        #{},
        eslaver_mirror_stream_args:named(Args)
    ),
    update(Ctx, Key, fun(#{id := Id, idmp := State} = Body) ->
        Body#{idmp := eslaver_mirror_stream_idmp:configure(Store, Id, Options, State)}
    end);
apply(<<"xidmprecord">>, [Key, Producer, _Iid, EntryId], #{store := Store} = Ctx) ->
    update(Ctx, Key, fun(Body) ->
        record(Store, Body, Producer, eslaver_mirror_stream_id:parse(EntryId))
    end);
apply(Name, Args, Ctx) ->
    eslaver_mirror_stream_group_commands:apply(Name, Args, Ctx).

%% A duplicate arrives with `*' instead of an id.
add(<<"*">>, _Fields, Key, #{producer := _}, Ctx) ->
    update(Ctx, Key, fun(#{idmp := State} = Body) ->
        Body#{idmp := eslaver_mirror_stream_idmp:duplicate(State)}
    end);
add(EntryIdText, Fields, Key, Options, #{store := Store} = Ctx) ->
    EntryId = eslaver_mirror_stream_id:parse(EntryIdText),
    eslaver_mirror_keys:change(Ctx, Key, stream, fun eslaver_mirror_stream:new/0, fun(Body) ->
        Added = eslaver_mirror_stream:add(
            Store, Body, EntryId, eslaver_mirror_stream_args:pairs(Fields)
        ),
        Recorded =
            case Options of
                #{producer := Producer} -> record(Store, Added, Producer, EntryId);
                #{} -> Added
            end,
        trim(Store, Recorded, Options)
    end).

record(Store, #{id := Id, idmp := State} = Body, Producer, EntryId) ->
    Body#{idmp := eslaver_mirror_stream_idmp:record(Store, Id, {Producer, EntryId}, State)}.

trim(Store, Body, #{limit := Limit, is_exact := true} = Options) ->
    eslaver_mirror_stream:trim(Store, Body, Limit, maps:get(policy, Options, keepref));
trim(_Store, #{length := Length} = Body, #{limit := {maxlen, Most}}) when Length =< Most ->
    Body;
trim(_Store, Body, Options) ->
    %% How many entries `~' removes only the master knows; it replicates `='.
    false = maps:is_key(limit, Options),
    Body.

delete(#{store := Store} = Ctx, Key, EntryIds, Policy) ->
    update(Ctx, Key, fun(Body) -> eslaver_mirror_stream:delete(Store, Body, EntryIds, Policy) end).

max_deleted(#{<<"maxdeletedid">> := Text}, Deleted) ->
    case eslaver_mirror_stream_id:parse(Text) of
        {0, 0} -> Deleted;
        EntryId -> EntryId
    end;
max_deleted(#{}, Deleted) ->
    Deleted.

%% Changes an existing stream.
update(Ctx, Key, Change) ->
    #{} = Body = eslaver_mirror_keys:body(Ctx, Key, stream),
    eslaver_mirror_keys:update(Ctx, Key, Change(Body)).
