%% @doc A whole Redis dataset in ETS: a replica whose data any process of the node reads, by Redis'
%% own commands, without a message to any other.
-module(eslaver_mirror).

-export([read/2]).
-export_type([mirror/0, failure/0]).

%% Keys.

%% Strings.
-export([get/2]).

%% Lists.

%% Sets.

%% Sorted sets.

%% Geo.

%% Hashes.

%% Streams.

-type mirror() :: eslaver_mirror_view:mirror().
%% The name of a mirror, for its db 0, or `{Name, Db}'.

-type failure() :: eslaver_mirror_view:failure().

-type key() :: binary().

%% @doc Runs a fun whose reads of this mirror are all of one moment: between two commands, and
%% between two transactions, of the master. It may be run more than once, so it should do no more
%% than read.
-spec read(mirror(), fun(() -> Result)) -> Result.
read(Mirror, Fun) ->
    eslaver_mirror_view:transaction(Mirror, Fun).

%% Keys.
%% ------------------------------------------------------------------------------------------------

%% Strings.
%% ------------------------------------------------------------------------------------------------

%% @doc The value of a string.
-spec get(mirror(), key()) -> binary() | undefined | failure().
get(Mirror, Key) ->
    eslaver_mirror_view:read(Mirror, Key, string, undefined, fun eslaver_mirror_string:value/2).

%% Lists.
%% ------------------------------------------------------------------------------------------------

%% Sets.
%% ------------------------------------------------------------------------------------------------

%% Sorted sets.
%% ------------------------------------------------------------------------------------------------

%% Geo.
%% ------------------------------------------------------------------------------------------------

%% Hashes.
%% ------------------------------------------------------------------------------------------------

%% Streams.
%% ------------------------------------------------------------------------------------------------
