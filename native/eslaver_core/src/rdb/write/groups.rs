//! What follows a stream's entries: counters, groups and idempotent producers.

use super::super::sink::{Group, Idempotency, StreamId, StreamMeta};
use super::super::stream::ENTRIES_READ_UNKNOWN;
use super::dialect::Dialect;
use super::error::WriteError;
use super::feature::{STREAM_ACTIVE_TIME, STREAM_IDEMPOTENCY, STREAM_NACK, STREAM_OFFSETS};
use super::node::Entries;
use super::output::{Body, Output};

/// The servers' defaults.
const IDEMPOTENCY_DURATION: u64 = 100;
const IDEMPOTENCY_MAX_SIZE: u64 = 100;

/// Writes it in the form of this version. Where `meta` lacks something that the version has, it writes
/// what servers assume when they load an older file.
pub(super) fn write<O: Output>(
    meta: &StreamMeta,
    entries: &Entries,
    dialect: Dialect,
    body: &mut Body<O>,
) -> Result<(), WriteError> {
    body.length(entries.count());
    body.id(meta.last_id);
    if dialect.has(STREAM_OFFSETS) {
        body.id(meta.first_id.unwrap_or(entries.first_id()));
        body.id(meta.max_deleted_id.unwrap_or_default());
        body.length(meta.entries_added.unwrap_or(entries.count()));
    }
    body.length(meta.groups.len() as u64);
    for group in &meta.groups {
        write_group(group, dialect, body)?;
    }
    if dialect.has(STREAM_IDEMPOTENCY) {
        write_idempotency(meta.idempotency.as_ref(), body);
    }
    Ok(())
}

fn write_group<O: Output>(
    group: &Group,
    dialect: Dialect,
    body: &mut Body<O>,
) -> Result<(), WriteError> {
    body.string(&group.name);
    body.id(group.last_id);
    if dialect.has(STREAM_OFFSETS) {
        body.length(group.entries_read.unwrap_or(ENTRIES_READ_UNKNOWN));
    }
    let mut owned = vec![Vec::new(); group.consumers.len()];
    let mut given_back = Vec::new();
    body.length(group.pending.len() as u64);
    for pending in &group.pending {
        body.raw_id(pending.id);
        body.put(&pending.delivered_at.to_le_bytes());
        body.length(pending.deliveries);
        match pending.consumer.map(|consumer| owned.get_mut(consumer)) {
            Some(Some(owned)) => owned.push(pending.id),
            Some(None) => {
                return Err(WriteError::OutOfPlace(
                    "a pending entry of a consumer that is missing",
                ));
            }
            None => {
                dialect.require(STREAM_NACK)?;
                given_back.push(pending.id);
            }
        }
    }
    body.length(group.consumers.len() as u64);
    for (consumer, owned) in group.consumers.iter().zip(&owned) {
        body.string(&consumer.name);
        body.put(&consumer.seen_at.to_le_bytes());
        if dialect.has(STREAM_ACTIVE_TIME) {
            body.put(&consumer.active_at.unwrap_or(consumer.seen_at).to_le_bytes());
        }
        write_ids(owned, body);
    }
    if dialect.has(STREAM_NACK) {
        write_ids(group.nack.as_ref().unwrap_or(&given_back), body);
    }
    Ok(())
}

fn write_ids<O: Output>(ids: &[StreamId], body: &mut Body<O>) {
    body.length(ids.len() as u64);
    for id in ids {
        body.raw_id(*id);
    }
}

fn write_idempotency<O: Output>(idempotency: Option<&Idempotency>, body: &mut Body<O>) {
    let Some(idempotency) = idempotency else {
        for length in [IDEMPOTENCY_DURATION, IDEMPOTENCY_MAX_SIZE, 0, 0, 0] {
            body.length(length);
        }
        return;
    };
    body.length(idempotency.duration);
    body.length(idempotency.max_size);
    body.length(idempotency.producers.len() as u64);
    for producer in &idempotency.producers {
        body.string(&producer.id);
        body.length(producer.entries.len() as u64);
        for (id, entry) in &producer.entries {
            body.string(id);
            body.id(*entry);
        }
    }
    body.length(idempotency.added);
    body.length(idempotency.duplicates);
}
