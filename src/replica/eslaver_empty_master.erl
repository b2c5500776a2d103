%% @doc When a master that has lost its data is taken at its word. It is pure.
%%
%% A master that comes back empty, and does not know the history of the data here, may be about to
%% be replaced, by a Sentinel or an operator. So it is refused at first, and followed only if it
%% still is empty after a delay. Any other answer meanwhile voids the first look; no answer does
%% not.
%% @private
-module(eslaver_empty_master).

-export([new/1, is_refused/3, seen/3, forget/1]).
-export_type([looks/0]).

-record(looks, {
    %% Of the second look after the first, in ms.
    delay :: non_neg_integer(),
    %% The master that was empty, and since when.
    first :: undefined | {Address :: binary(), Since :: integer()}
}).

-opaque looks() :: #looks{}.

%% @doc No master has been empty.
-spec new(Delay :: non_neg_integer()) -> looks().
new(Delay) -> #looks{delay = Delay}.

%% @doc Whether the master at this address is refused if it is empty now.
-spec is_refused(Address :: binary() | undefined, Now :: integer(), looks()) -> boolean().
is_refused(_Address, _Now, #looks{delay = 0}) ->
    false;
is_refused(Address, Now, #looks{delay = Delay, first = {Address, Since}}) ->
    Now - Since < Delay;
is_refused(_Address, _Now, _Looks) ->
    true.

%% @doc The master at this address has been refused.
-spec seen(Address :: binary() | undefined, Now :: integer(), looks()) -> looks().
seen(Address, _Now, #looks{first = {Address, _Since}} = Looks) -> Looks;
seen(Address, Now, Looks) -> Looks#looks{first = {Address, Now}}.

%% @doc There has been another answer.
-spec forget(looks()) -> looks().
forget(Looks) -> Looks#looks{first = undefined}.
