%% @doc The part of an exception or a message that may be shown, as the rest may contain keys and
%% values of the master: its atoms, none of which come from a master.
%% @private
-module(eslaver_failure).

-export([guarded/2, shape/1, describe/2]).

%% The number of calls of a stack that are shown.
-define(CALLS, 5).

%% @doc Calls a fun. The exception that it raises, and the arguments in its stack, may contain keys
%% and values. The exit reason, which linked processes and reports get, contains neither.
-spec guarded(atom(), fun(() -> Result)) -> Result.
guarded(Name, Fun) ->
    try
        Fun()
    catch
        Class:Reason:Stack -> exit({Name, Class, describe(Reason, Stack)})
    end.

%% @doc An atom, or the atoms of a tuple; `hidden' if there is none.
-spec shape(term()) -> atom() | tuple().
shape(Term) when is_atom(Term) ->
    Term;
shape(Term) when is_tuple(Term) ->
    case [Element || Element <- tuple_to_list(Term), is_atom(Element)] of
        [] -> hidden;
        [Only] -> Only;
        Atoms -> list_to_tuple(Atoms)
    end;
shape(_Term) ->
    hidden.

%% @doc The shape of an exception's reason, and the calls of its stack without arguments.
-spec describe(Reason :: term(), Stack :: [tuple()]) -> {atom() | tuple(), [mfa()]}.
describe(Reason, Stack) ->
    {shape(Reason), [call(Call) || Call <- lists:sublist(Stack, ?CALLS)]}.

call({Module, Function, Args, _}) when is_list(Args) -> {Module, Function, length(Args)};
call({Module, Function, Arity, _}) -> {Module, Function, Arity}.
