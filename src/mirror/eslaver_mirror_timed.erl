%% @doc Elements with an expiry of their own: fields of hashes and members of sets. Each has a row
%% `{{-Id, ExpireAt, Element}}' in the value's table, so that expired ones come first, and the
%% value's body `{Id, Size, Timed}' has their number.
%% @private
-module(eslaver_mirror_timed).

-export([at/3, option/4, is_met/3, retime/5, expired/3, clock/0, copy/3, discard/4]).
-export_type([body/0, expiry/0, condition/0, options/0]).

-type body() :: {
    eslaver_mirror_store:id(), Size :: non_neg_integer(), Timed :: non_neg_integer()
}.
-type expiry() :: integer() | infinity.
%% Unix time in ms.
-type condition() :: always | nx | xx | gt | lt.
-type options() :: #{expiry => expiry() | keep, condition => condition()}.

%% @doc The expiry given by an option such as `EX'.
-spec at(Option :: binary(), Time :: binary(), Now :: integer()) -> integer().
at(<<"ex">>, Seconds, Now) when is_integer(Now) -> Now + binary_to_integer(Seconds) * 1000;
at(<<"px">>, Ms, Now) when is_integer(Now) -> Now + binary_to_integer(Ms);
at(<<"exat">>, Seconds, _Now) -> binary_to_integer(Seconds) * 1000;
at(<<"pxat">>, Ms, _Now) -> binary_to_integer(Ms).

%% @doc Parses one option of the commands for fields and members. Returns all options so far, and
%% the remaining arguments.
-spec option(binary(), Args, Now :: integer(), options()) -> {options(), Args} when
    Args :: [binary()].
option(<<"keepttl">>, Args, _Now, Options) ->
    {Options#{expiry => keep}, Args};
option(Name, [Time | Args], Now, Options) when
    Name =:= <<"ex">>; Name =:= <<"px">>; Name =:= <<"exat">>; Name =:= <<"pxat">>
->
    {Options#{expiry => at(Name, Time, Now)}, Args};
option(Name, Args, _Now, Options) ->
    {Options#{condition => condition(Name)}, Args}.

condition(<<"nx">>) -> nx;
condition(<<"xx">>) -> xx;
condition(<<"gt">>) -> gt;
condition(<<"lt">>) -> lt.

%% @doc Whether an element may get a new expiry: with `nx' if it has none, with `xx' if it has one,
%% with `gt' or `lt' if the new one is later or earlier; no expiry counts as the latest.
-spec is_met(condition(), Old :: expiry(), New :: expiry()) -> boolean().
is_met(always, _Old, _New) -> true;
is_met(nx, Old, _New) -> Old =:= infinity;
is_met(xx, Old, _New) -> Old =/= infinity;
%% an atom is greater than any number
is_met(gt, Old, New) -> New > Old;
is_met(lt, Old, New) -> New < Old.

%% @doc Changes the row of an element's expiry. Returns by how much the number of such rows has
%% changed.
-spec retime(ets:tid(), eslaver_mirror_store:id(), binary(), Old :: expiry(), New :: expiry()) ->
    -1..1.
retime(_Table, _Id, _Element, Same, Same) ->
    0;
retime(Table, Id, Element, infinity, At) ->
    true = ets:insert(Table, {{-Id, At, Element}}),
    1;
retime(Table, Id, Element, At, infinity) ->
    true = ets:delete(Table, {-Id, At, Element}),
    -1;
retime(Table, Id, Element, Old, New) ->
    -1 = retime(Table, Id, Element, Old, infinity),
    1 = retime(Table, Id, Element, infinity, New),
    0.

%% @doc The number of elements that have expired by this time.
-spec expired(ets:tid(), body(), Now :: integer()) -> non_neg_integer().
expired(_Table, {_, _, 0}, _Now) -> 0;
expired(Table, {Id, _, _}, Now) -> expired(Table, {-Id, -1, 0}, Now, 0).

expired(Table, {Id, _, _} = Key, Now, Count) ->
    case ets:next(Table, Key) of
        {Id, At, _} = Next when At =< Now -> expired(Table, Next, Now, Count + 1);
        _ -> Count
    end.

%% @doc Unix time in ms.
-spec clock() -> integer().
clock() ->
    erlang:system_time(millisecond).

%% @doc Copies the rows of a value's expiries for the value with id `New'.
-spec copy(ets:tid(), body(), New :: eslaver_mirror_store:id()) -> ok.
copy(_Table, {_, _, 0}, _New) ->
    ok;
copy(Table, {Id, _, _}, New) ->
    eslaver_mirror_rows:copy(Table, {{-Id, '_', '_'}}, fun({{_, At, Element}}) ->
        {{-New, At, Element}}
    end).

%% @doc Removes at most `Limit' rows of a value: first those that match the given patterns, then
%% those of its expiries.
-spec discard(ets:tid(), [ets:match_pattern()], body(), Limit :: pos_integer()) ->
    done | {more, body()}.
discard(_Table, [], {_, _, 0}, _Limit) ->
    done;
discard(Table, [], {Id, _, _} = Body, Limit) ->
    more(eslaver_mirror_rows:discard(Table, {{-Id, '_', '_'}}, Limit), Body);
discard(Table, [Pattern | Patterns], Body, Limit) ->
    case eslaver_mirror_rows:discard(Table, Pattern, Limit) of
        done -> discard(Table, Patterns, Body, Limit);
        more -> {more, Body}
    end.

more(done, _Body) -> done;
more(more, Body) -> {more, Body}.
