%% @doc Which of the replicas of a group to replicate from, given what they say of themselves. It is
%% pure.
%% @private
-module(eslaver_source_choice).

-export([best/2]).
-export_type([candidate/0]).

-type candidate() ::
    {eslaver_nif:address(), {ok, eslaver_replication_info:facts()} | {error, Text :: binary()}}.

%% @doc The replica with the least lag, of those that have a link to their master. One that shares
%% our history but is behind our position would begin with a full sync that costs more than to wait
%% for it; one of another history has to.
-spec best(eslaver_position:safe() | undefined, [candidate()]) ->
    {ok, eslaver_nif:address()} | {none, Text :: binary()}.
best(Position, Candidates) ->
    Judged = [{judge(Position, Said), Address} || {Address, Said} <- Candidates],
    case
        {
            [{Offset, Address} || {{continues, Offset}, Address} <- Judged],
            [{Offset, Address} || {{anew, Offset}, Address} <- Judged],
            [Text || {{unfit, Text}, _} <- Judged, Text =:= behind()]
        }
    of
        {[_ | _] = Sharing, _, _} -> most(Sharing);
        {[], [_ | _] = Others, []} -> most(Others);
        {[], _, _} -> {none, none(Judged)}
    end.

most(Ranked) ->
    {_, Address} = lists:max(Ranked),
    {ok, Address}.

judge(Position, {ok, #{role := replica, master_link := up, offset := Offset} = Facts}) when
    is_integer(Offset)
->
    compare(Position, Facts);
judge(_Position, {ok, #{role := master}}) ->
    {unfit, <<"it is a master">>};
judge(_Position, {ok, _}) ->
    {unfit, <<"its link to the master is down">>};
judge(_Position, {error, Text}) ->
    {unfit, Text}.

compare(#{offset := Ours} = Position, #{offset := Offset} = Facts) ->
    case {shares(Position, Facts), Offset >= Ours} of
        {true, true} -> {continues, Offset};
        {true, false} -> {unfit, behind()};
        {false, _} -> {anew, Offset}
    end;
compare(undefined, #{offset := Offset}) ->
    {anew, Offset}.

%% The second history is shared up to the offset where it was left.
shares(#{replid := Replid}, #{replid := Replid}) ->
    true;
shares(#{replid := Replid, offset := Ours}, #{replid2 := Replid, second_offset := Left}) when
    is_integer(Left)
->
    Ours < Left;
shares(_Position, _Facts) ->
    false.

behind() -> <<"it is behind what this node has">>.

none([]) ->
    <<"the Sentinels know no replica that is up">>;
none(Judged) ->
    Told = [
        eslaver_text:format("~ts: ~ts", [eslaver_log:address(Address), text(Judgement)])
     || {Judgement, Address} <- lists:keysort(2, Judged)
    ],
    unicode:characters_to_binary(["no replica to read from: ", lists:join("; ", Told)]).

text({unfit, Text}) -> Text;
text({anew, _}) -> <<"it has another history">>.
