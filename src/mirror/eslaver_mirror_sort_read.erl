%% @doc `SORT' without `STORE'. It reads all its keys as they are at one moment.
%% @private
-module(eslaver_mirror_sort_read).

-export([sort/3]).
-export_type([options/0]).

-type options() :: #{
    by => nosort | binary(),
    get => [binary()],
    limit => {Start :: integer(), Count :: integer()},
    order => asc | desc,
    alpha => boolean()
}.
%% As in Redis. Texts are compared byte by byte.

%% @doc The sorted elements of a key, or the values of the `get' patterns.
-spec sort(eslaver_mirror_view:mirror(), binary(), options()) ->
    [binary() | undefined] | {error, not_a_number} | eslaver_mirror_view:failure().
sort(Mirror, Key, Options) ->
    ok = check(Options),
    Parsed = maps:fold(fun parse/3, eslaver_mirror_sort:new(), Options),
    eslaver_mirror_view:transaction(Mirror, fun() -> run(Mirror, Key, Parsed) end).

check(Options) ->
    eslaver_mirror_arguments:options(
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
    ).

parse(by, nosort, Options) ->
    Options#{by := nothing};
parse(by, Pattern, Options) ->
    Options#{by := eslaver_mirror_sort:by(Pattern)};
parse(get, Patterns, Options) ->
    Options#{get := [eslaver_mirror_sort:pattern(Pattern) || Pattern <- Patterns]};
parse(Name, Value, Options) ->
    Options#{Name := Value}.

run(Mirror, Key, Options) ->
    Lookup = fun(Other, Field) -> value(Mirror, Other, Field) end,
    eslaver_mirror_view:row(Mirror, Key, fun(Store, Row) ->
        case eslaver_mirror_sort_source:new(Store, Row) of
            wrongtype -> {error, wrongtype};
            Source -> run_source(Source, with_numbers(Store, Options), Lookup)
        end
    end).

with_numbers(Store, Options) ->
    Server = eslaver_mirror_store:server(Store),
    Options#{numbers := eslaver_mirror_sort_number:dialect(Server)}.

run_source(Source, Options, Lookup) ->
    try
        eslaver_mirror_sort:run(Source, Options, Lookup)
    catch
        error:{not_a_number, _} -> {error, not_a_number};
        throw:{?MODULE, Failure} -> Failure
    end.

value(Mirror, Key, Field) ->
    Found = eslaver_mirror_view:row(Mirror, Key, fun(Store, Row) -> read(Store, Row, Field) end),
    case Found of
        {error, _} = Failure -> throw({?MODULE, Failure});
        _ -> Found
    end.

read(Store, {_, string, Body, _}, value) ->
    eslaver_mirror_string:value(Store, Body);
read(Store, {_, hash, Body, _}, Field) when is_binary(Field) ->
    eslaver_mirror_hash:get(Store, Body, Field);
read(_Store, _, _Field) ->
    undefined.
