%% @doc What logs and errors show of an event that the callback has failed at, and of what it
%% raised. Both may have keys and values, which are shown only if the option `log_data' says so:
%% else the kind of event and its size, and the shape of the reason.
%% @private
-module(eslaver_shown).

-export([event/2, reason/2, kind/1]).

%% What is shown of an event, in characters, and how large a reason may be, in bytes.
-define(SHOWN, 500).
-define(LARGE, 2000).

%% @doc An event, a batch of them, or the name of a function of the handler.
-spec event(term(), LogData :: boolean()) -> binary().
event(Function, _LogData) when is_atom(Function) -> atom_to_binary(Function);
event(Event, true) -> shown(Event);
event(Events, false) when is_list(Events) -> eslaver_text:format("~b events", [length(Events)]);
event(Event, false) ->
    eslaver_text:format("~0tp~ts, ~b bytes", [kind(Event), db(Event), erlang:external_size(Event)]).

db(Event) ->
    case is_tuple(Event) andalso tuple_size(Event) > 0 andalso element(tuple_size(Event), Event) of
        #{db := Db} -> [" of db ", integer_to_list(Db)];
        _ -> ""
    end.

%% @doc What an event is of.
-spec kind(term()) -> term().
kind(Events) when is_list(Events) -> batch;
kind({stream, Command, _}) -> {stream, Command};
kind({stream, Command, _, _}) -> {stream, Command};
kind(Event) -> eslaver_failure:shape(Event).

%% @doc The reason of an exception. What a handler has to return has no data.
-spec reason(term(), LogData :: boolean()) -> term().
reason(Reason, true) ->
    case erlang:external_size(Reason) =< ?LARGE of
        true -> Reason;
        false -> shown(Reason)
    end;
reason({bad_return, #{function := Function, expected := Expected}}, false) ->
    {bad_return, #{function => Function, returned => hidden, expected => Expected}};
reason(Reason, false) ->
    eslaver_failure:shape(Reason).

shown(Term) ->
    Text = unicode:characters_to_binary(io_lib:format("~0tP", [Term, 30])),
    <<_/binary>> = string:slice(Text, 0, ?SHOWN).
