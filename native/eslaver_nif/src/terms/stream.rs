//! A stream's terms.

use eslaver_core::rdb::{Consumer, Group, Idempotency, Pending, StreamId, StreamMeta};

use crate::terms::etf::Terms;

/// An id as servers write it.
pub(crate) fn id(id: StreamId, terms: &mut Terms) {
    let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
    terms.joined([ms.format(id.ms), "-", seq.format(id.seq)]);
}

/// Writes the pairs of a stream's map except its entries, and gives their number. A field that the
/// snapshot's version does not have is missing.
pub(crate) fn pairs(meta: &StreamMeta, terms: &mut Terms) -> usize {
    let ids = [
        ("last_id", Some(meta.last_id)),
        ("first_id", meta.first_id),
        ("max_deleted_id", meta.max_deleted_id),
    ];
    let mut pairs = 1;
    terms.atom("groups");
    terms.list_of(&meta.groups, group);
    for (name, known) in ids {
        if let Some(known) = known {
            pairs += 1;
            terms.atom(name);
            id(known, terms);
        }
    }
    if let Some(added) = meta.entries_added {
        pairs += 1;
        terms.atom("entries_added");
        terms.uint(added);
    }
    if let Some(state) = &meta.idempotency {
        pairs += 1;
        terms.atom("idmp");
        idempotency(terms, state);
    }
    pairs
}

fn group(terms: &mut Terms, group: &Group) {
    let map = terms.map();
    terms.atom("name");
    terms.binary(&group.name);
    terms.atom("last_id");
    id(group.last_id, terms);
    terms.atom("pending");
    terms.list_of(&group.pending, |terms, entry| pending(terms, entry, group));
    terms.atom("consumers");
    terms.list_of(&group.consumers, consumer);
    let mut pairs = 4;
    if let Some(read) = group.entries_read {
        pairs += 1;
        terms.atom("entries_read");
        terms.uint(read);
    }
    if let Some(nack) = &group.nack {
        pairs += 1;
        terms.atom("nack");
        terms.list_of(nack, |terms, &entry| id(entry, terms));
    }
    terms.end_map(map, pairs);
}

fn pending(terms: &mut Terms, entry: &Pending, group: &Group) {
    let owner = entry.consumer.and_then(|index| group.consumers.get(index));
    let map = terms.map();
    terms.atom("id");
    id(entry.id, terms);
    terms.atom("delivered_at");
    terms.int(entry.delivered_at);
    terms.atom("deliveries");
    terms.uint(entry.deliveries);
    if let Some(owner) = owner {
        terms.atom("consumer");
        terms.binary(&owner.name);
    }
    terms.end_map(map, 3 + usize::from(owner.is_some()));
}

fn consumer(terms: &mut Terms, consumer: &Consumer) {
    let map = terms.map();
    terms.atom("name");
    terms.binary(&consumer.name);
    terms.atom("seen_at");
    terms.int(consumer.seen_at);
    if let Some(active) = consumer.active_at {
        terms.atom("active_at");
        terms.int(active);
    }
    terms.end_map(map, 2 + usize::from(consumer.active_at.is_some()));
}

fn idempotency(terms: &mut Terms, state: &Idempotency) {
    let map = terms.map();
    for (name, number) in [
        ("duration", state.duration),
        ("maxsize", state.max_size),
        ("iids_added", state.added),
        ("iids_duplicates", state.duplicates),
    ] {
        terms.atom(name);
        terms.uint(number);
    }
    terms.atom("producers");
    terms.list_of(&state.producers, |terms, producer| {
        let map = terms.map();
        terms.atom("id");
        terms.binary(&producer.id);
        terms.atom("iids");
        terms.list_of(&producer.entries, |terms, (iid, entry)| {
            terms.tuple(2);
            terms.binary(iid);
            id(*entry, terms);
        });
        terms.end_map(map, 2);
    });
    terms.end_map(map, 5);
}
