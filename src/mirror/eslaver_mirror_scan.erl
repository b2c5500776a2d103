%% @doc The options of `HSCAN' and similar commands, and filtering by their pattern.
%% @private
-module(eslaver_mirror_scan).

-export([check/1, run/3]).
-export_type([options/0]).

-type options() :: #{match => binary(), count => pos_integer()}.
%% A glob as of `KEYS', and about how many elements to look at.

-define(COUNT, 10).

%% @doc Raises `badarg' unless the options are valid.
-spec check(options()) -> ok.
check(Options) ->
    eslaver_mirror_arguments:options(
        #{
            match => fun is_binary/1,
            count => fun(Count) -> is_integer(Count) andalso Count > 0 end
        },
        Options
    ).

%% @doc Runs `Scan' with a count and drops elements whose name does not match. `Name' is the
%% position of the name in a tuple, or 0 if elements are not tuples.
-spec run(options(), Name :: 0 | pos_integer(), fun((pos_integer()) -> {Next, [Element]})) ->
    {Next, [Element]}.
run(Options, Name, Scan) ->
    filter(maps:get(match, Options, any), Name, Scan(maps:get(count, Options, ?COUNT))).

filter(any, _Name, Found) ->
    Found;
filter(Glob, Name, {Next, Elements}) ->
    {Next, [Element || Element <- Elements, eslaver_keys:matches(Glob, name(Name, Element))]}.

name(0, Element) -> Element;
name(N, Element) -> element(N, Element).
