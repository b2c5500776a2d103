//! The atoms of terms: a fixed set, none of which is made from what a master sends.

rustler::atoms! {
    // why a slice has returned
    more, wait, no_credit, closed,
    // messages to the link and the server
    eslaver_nif, wake, eslaver_link, eslaver_keyspace, batch, full, partial, loaded, eslaver_rdb_file, left_out,
    // classic events
    loading, stream,
    // full events
    aux, function, expire_at, idle, freq, field_expire_at, member_expire_at, next_index,
    // types
    string, list, set, zset, hash, module, array, gcra, path_hash,
    // scores
    inf, minus_inf = "-inf", nan,
    // module fields
    sint, uint, float, double,
    // streams
    entries, last_id, first_id, max_deleted_id, entries_added, groups, idmp,
    name, entries_read, pending, consumers, nack,
    id, consumer, delivered_at, deliveries, seen_at, active_at,
    duration, maxsize, producers, iids, iids_added, iids_duplicates,
    // what a node tells of itself
    peer, granted, role, replica, master_link, up, down, replid2, second_offset, backlog_first, version,
    // positions and progress
    replid, offset, db, master, bytes, keys, text,
    // a position file
    locked, none,
    // what commands change
    flushdb, flushall, swapdb, slots, unnamed, not_a_write, unknown,
    // notices of changes
    key, swap, resync,
    // a cluster, and what its process is told
    eslaver_cluster, held, held_at, held_behind, snapshot, marked, moved, covered, shards, importing, clearance, handled, waits_for, deletion, order, import,
    shard, slot, origin, user, migration, node, epoch, owned, from, to,
    // reads of a keyspace, and what it is told
    not_running, fresh, stale, wrongtype, busy, takes_long, changed, not_served, crossslot,
    all, memory, types, functions, unapplied, incomplete, stale_for, status, reached, waiting,
    refused, lost, command, reason,
    // its file
    saved, restored, changes,
    undefined, ok, error, invalid_config,
    r#true = "true", r#false = "false",
}
