%% @doc Checks the options of `sort_ro'. Invalid ones raise `badarg'.
%% @private
-module(eslaver_mirror_sort_arguments).

-export([options/1]).

-type options() :: eslaver_mirror_types:sort_options().

%% @doc All options: by `self', and all elements, where nothing else is given.
-spec options(options()) ->
    {self | nosort | binary(), [binary()], {integer(), integer()}, asc | desc, boolean()}.
options(Options) ->
    Given = eslaver_mirror_arguments:options(
        #{
            by => fun(By) -> By =:= nosort orelse is_binary(By) end,
            get => fun(Patterns) -> eslaver_mirror_arguments:binaries(Patterns) =:= ok end,
            limit => fun
                ({Start, Count}) -> is_integer(Start) andalso is_integer(Count);
                (_) -> false
            end,
            order => fun(Order) -> Order =:= asc orelse Order =:= desc end,
            alpha => fun is_boolean/1
        },
        Options
    ),
    {
        maps:get(by, Given, self),
        maps:get(get, Given, []),
        maps:get(limit, Given, {0, -1}),
        maps:get(order, Given, asc),
        maps:get(alpha, Given, false)
    }.
