%% @doc Where the next link to a master begins, if it fills a mirror's keyspace.
%% @private
-module(eslaver_placement).

-export([placed/3]).

%% @doc Ends the turn of the link that has filled the keyspace, if there is one. The options of the
%% next link have the keyspace, and the session has where that stands.
-spec placed(eslaver_options:options(), eslaver_session:session(), eslaver_observer:observer()) ->
    {eslaver_options:options(), eslaver_session:session()}.
placed(#{callback := Callback} = Options, Session, Observer) ->
    HasCallback = Callback =/= undefined,
    case eslaver_observer:detached(Observer, HasCallback) of
        none ->
            {Options, Session};
        {Filled, Position, HasKeys} ->
            Placed = eslaver_session:placed(Position, HasKeys, HasCallback, Session),
            {Options#{keyspace => Filled}, Placed}
    end.
