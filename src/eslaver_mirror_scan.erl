%% @doc The options of `HSCAN' and its like, and a pattern's use on what a scan has found. Used by
%% {@link eslaver_mirror}.
%% @private
-module(eslaver_mirror_scan).

-export([run/3]).
-export_type([options/0]).

-type options() :: #{match => binary(), count => pos_integer()}.
%% A glob as of `KEYS', and about how many elements to look at.

-define(COUNT, 10).

%% @doc What `Scan' gives for a count, without that whose name does not match. `Name' is the
%% element of a tuple that has the name, or 0 where there are no tuples.
-spec run(options(), Name :: 0 | pos_integer(), fun((pos_integer()) -> {Next, [Element]})) ->
    {Next, [Element]}.
run(Options, Name, Scan) ->
    Unknown = maps:without([match, count], Options),
    Count = maps:get(count, Options, ?COUNT),
    case map_size(Unknown) =:= 0 andalso is_integer(Count) andalso Count > 0 of
        true -> filter(maps:get(match, Options, any), Name, Scan(Count));
        false -> error(badarg)
    end.

filter(any, _Name, Found) ->
    Found;
filter(Glob, Name, {Next, Elements}) when is_binary(Glob) ->
    {Next, [Element || Element <- Elements, eslaver_keys:matches(Glob, name(Name, Element))]};
filter(_Glob, _Name, _Found) ->
    error(badarg).

name(0, Element) -> Element;
name(N, Element) -> element(N, Element).
