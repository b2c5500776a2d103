%% @doc What to do about options that do not go with others, or that have a part that means nothing
%% here. These sentences take the place of the value in `{invalid_option, Key, Value}'.
%% @private
-module(eslaver_advice).

-export([error/2, text/1, is_advice/1]).
-export_type([advice/0]).

-type advice() ::
    url_and_parts
    | database
    | twice
    | nodes_are_told
    | master_is_told
    | useless_with_a_cluster
    | useless_without_a_cluster
    | useless_without_sentinels
    | name_of_the_group
    | position_of_each_shard
    | mirror_of_a_cluster
    | one_server
    | hooks_are_telemetry.

-define(ALL, [
    url_and_parts,
    database,
    twice,
    nodes_are_told,
    master_is_told,
    useless_with_a_cluster,
    useless_without_a_cluster,
    useless_without_sentinels,
    name_of_the_group,
    position_of_each_shard,
    mirror_of_a_cluster,
    one_server,
    hooks_are_telemetry
]).

%% @doc The error that says so.
-spec error(Key :: term(), advice()) -> {error, {invalid_option, Key :: term(), binary()}}.
error(Key, Advice) -> {error, {invalid_option, Key, text(Advice)}}.

%% @doc The sentence.
-spec text(advice()) -> binary().
text(master_is_told) ->
    <<"leave it out: the Sentinels tell where the master is">>;
text(nodes_are_told) ->
    <<"leave it out: the nodes of the cluster tell where its masters are">>;
text(url_and_parts) ->
    <<
        "leave out master_host, master_port, master_user and master_auth: "
        "they are parts of the URL"
    >>;
text(database) ->
    <<
        "leave the database out of the URL: a replica gets all of them. "
        "filter => #{dbs => [N]} chooses one"
    >>;
text(twice) ->
    <<"it is given twice: leave one out">>;
text(useless_with_a_cluster) ->
    <<"leave it out: it is of no use with a cluster">>;
text(useless_without_a_cluster) ->
    <<"set cluster, too: it is only of use with that">>;
text(useless_without_sentinels) ->
    <<"set sentinels, too: it is only of use with them">>;
text(name_of_the_group) ->
    <<"set master_name, too: the name that SENTINEL MASTERS lists">>;
text(position_of_each_shard) ->
    <<"use {file, Directory} or {Module, Args}: each shard has its own position">>;
text(mirror_of_a_cluster) ->
    <<"leave it out: the mirror of a cluster cannot do that">>;
text(one_server) ->
    <<"use eslaver:start/2 or eslaver:start_link/1: a cluster has many servers">>;
text(hooks_are_telemetry) ->
    <<"leave it out: it is another name of telemetry, which is given">>.

%% @doc Whether a term is one of these sentences.
-spec is_advice(term()) -> boolean().
is_advice(Text) -> lists:member(Text, [text(Advice) || Advice <- ?ALL]).
