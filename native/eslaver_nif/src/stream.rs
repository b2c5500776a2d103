//! A stream as a map.

use std::io::Write;

use eslaver_core::rdb::{Consumer, Group, Idempotency, Pending, StreamId, StreamMeta};
use rustler::Atom;

use crate::atoms;
use crate::message::{Built, Message};

/// Two numbers of 20 digits, and a dash.
const MAX_ID: usize = 41;

/// An id as servers write it.
pub(crate) fn id(id: StreamId, message: &mut Message) -> Built {
    let mut text = [0; MAX_ID];
    let mut rest = &mut text[..];
    let written = write!(rest, "{}-{}", id.ms, id.seq);
    debug_assert!(written.is_ok());
    let length = MAX_ID - rest.len();
    message.binary(&text[..length])
}

/// The whole stream. What the snapshot's version does not carry is absent.
pub(crate) fn map(entries: Built, meta: &StreamMeta, message: &mut Message) -> Built {
    let groups = list(&meta.groups, message, group);
    let mut pairs = vec![
        (atoms::entries(), entries),
        (atoms::last_id(), id(meta.last_id, message)),
        (atoms::groups(), groups),
    ];
    if let Some(first) = meta.first_id {
        pairs.push((atoms::first_id(), id(first, message)));
    }
    if let Some(deleted) = meta.max_deleted_id {
        pairs.push((atoms::max_deleted_id(), id(deleted, message)));
    }
    if let Some(added) = meta.entries_added {
        pairs.push((atoms::entries_added(), message.uint(added)));
    }
    if let Some(state) = &meta.idempotency {
        pairs.push((atoms::idmp(), idempotency(state, message)));
    }
    message.map(&pairs)
}

fn group(group: &Group, message: &mut Message) -> Built {
    let pending = list(&group.pending, message, |entry, message| pending(entry, group, message));
    let mut pairs = vec![
        (atoms::name(), message.binary(&group.name)),
        (atoms::last_id(), id(group.last_id, message)),
        (atoms::pending(), pending),
        (atoms::consumers(), list(&group.consumers, message, consumer)),
    ];
    if let Some(read) = group.entries_read {
        pairs.push((atoms::entries_read(), message.uint(read)));
    }
    message.map(&pairs)
}

fn pending(entry: &Pending, group: &Group, message: &mut Message) -> Built {
    let mut pairs = vec![
        (atoms::id(), id(entry.id, message)),
        (atoms::delivered_at(), message.int(entry.delivered_at)),
        (atoms::deliveries(), message.uint(entry.deliveries)),
    ];
    if let Some(owner) = entry.consumer.and_then(|index| group.consumers.get(index)) {
        pairs.push((atoms::consumer(), message.binary(&owner.name)));
    }
    message.map(&pairs)
}

fn consumer(consumer: &Consumer, message: &mut Message) -> Built {
    let mut pairs: Vec<(Atom, Built)> = vec![
        (atoms::name(), message.binary(&consumer.name)),
        (atoms::seen_at(), message.int(consumer.seen_at)),
    ];
    if let Some(active) = consumer.active_at {
        pairs.push((atoms::active_at(), message.int(active)));
    }
    message.map(&pairs)
}

fn idempotency(state: &Idempotency, message: &mut Message) -> Built {
    let producers = list(&state.producers, message, |producer, message| {
        let iids = list(&producer.entries, message, |(iid, entry), message| {
            let pair = [message.binary(iid), id(*entry, message)];
            message.tuple(&pair)
        });
        let producer = message.binary(&producer.id);
        message.map(&[(atoms::id(), producer), (atoms::iids(), iids)])
    });
    let pairs = [
        (atoms::duration(), message.uint(state.duration)),
        (atoms::maxsize(), message.uint(state.max_size)),
        (atoms::producers(), producers),
        (atoms::iids_added(), message.uint(state.added)),
        (atoms::iids_duplicates(), message.uint(state.duplicates)),
    ];
    message.map(&pairs)
}

fn list<T>(
    elements: &[T],
    message: &mut Message,
    mut make: impl FnMut(&T, &mut Message) -> Built,
) -> Built {
    let terms: Vec<Built> = elements.iter().map(|element| make(element, message)).collect();
    message.list(&terms)
}
