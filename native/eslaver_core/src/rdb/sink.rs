//! What a decoder gives, and who receives it.

use std::fmt;

use super::error::ErrorKind;

/// Receives what a snapshot holds, in its order, as borrowed bytes.
///
/// A key is `begin`, its contents, then `end`, or `discard` for a key that real servers leave out
/// (an empty container in an old, damaged file). After an error the last key has no end: the sink
/// drops it.
///
/// | kind | between `begin` and `end` |
/// |---|---|
/// | string | one `item`, or `part` by `part` if the sink takes a `long` one so |
/// | list, set | an `item` each |
/// | zset | `item`, `score` for each member |
/// | hash | `item` (field), `item` (value), and `expiry` where the field has one |
/// | set whose members expire | `item`, and `expiry` where the member has one |
/// | stream | for each entry: `entry`, then `item` (field), `item` (value) …; at last `stream` |
/// | module | `module`, then a `module_field` each |
/// | array | `next_index` where it has one; then `index`, `item` for each element |
/// | gcra | one `item`, an integer |
/// | path hash | for each path: `path`, then `item` (field), `item` (value) … |
///
/// Lists, sets, sorted sets and hashes whose elements do not expire are given by `items`, `scores`
/// or `pairs`: all that came as one string at once. Unless the sink has its own, these give the
/// events above.
pub trait Sink {
    /// An auxiliary field of the snapshot, such as `redis-ver`.
    fn aux(&mut self, name: &[u8], value: &[u8]);
    /// The source code of a function library.
    fn function(&mut self, code: &[u8]);
    /// A database has about this number of keys, which follow: the master's word.
    #[inline]
    fn db_size(&mut self, _db: u32, _keys: u64) {}
    /// The slots of a cluster, as ranges with their ends, are on their way to the master, under this
    /// name: their keys do not count yet. Redis tells it by the field `cluster-asm-task`.
    fn import(&mut self, _name: &[u8], _slots: &[(u16, u16)]) {}
    /// A key begins. Returns whether it is wanted. If not, nothing more comes of it, not even its
    /// end, and its value is passed over without being decoded.
    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool;
    /// A piece of the value: see the table above.
    fn item(&mut self, item: Item<'_>);
    /// The score of the last member. Never NaN.
    fn score(&mut self, score: f64);
    /// A string of this number of bytes follows. Returns whether the sink takes it in parts, as its
    /// bytes come, instead of as one `item`. Short strings are not asked about.
    #[inline]
    fn long(&mut self, _len: u64) -> bool {
        false
    }
    /// The next bytes of a string that the sink takes in parts.
    fn part(&mut self, _bytes: &[u8]) {}
    /// Elements of a list, or members of a set: an `item` each. They end before a bad one; the key
    /// has no end then.
    #[inline]
    fn items<'a>(&mut self, items: impl Iterator<Item = Item<'a>>) {
        while_room(self, items, |sink, item| sink.item(item));
    }
    /// The same of a hash: its fields and their values.
    #[inline]
    fn pairs<'a>(&mut self, pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>) {
        while_room(self, pairs, |sink, (field, value)| {
            sink.item(field);
            sink.item(value);
        });
    }
    /// The same of a sorted set: its members and their scores.
    #[inline]
    fn scores<'a>(&mut self, scores: impl Iterator<Item = (Item<'a>, f64)>) {
        while_room(self, scores, |sink, (member, score)| {
            sink.item(member);
            sink.score(score);
        });
    }
    /// When the last field or member expires, in ms since the epoch.
    fn expiry(&mut self, at_ms: u64);
    /// An array's insert cursor: the index of its next insertion.
    fn next_index(&mut self, index: u64);
    /// The index of the next element.
    fn index(&mut self, index: u64);
    /// A path of a path hash begins.
    fn path(&mut self, path: Item<'_>);
    /// An entry of a stream begins.
    fn entry(&mut self, id: StreamId);
    /// A stream without its entries.
    fn stream(&mut self, meta: StreamMeta);
    /// The module type of a module's value: its name of nine characters, and its encoding version.
    fn module(&mut self, name: &[u8; 9], version: u16);
    /// A field of a module's value.
    fn module_field(&mut self, field: ModuleField<'_>);
    /// The key is complete.
    fn end(&mut self);
    /// The key is to be dropped.
    fn discard(&mut self);
    /// Something in the snapshot has no event and is left out.
    fn left_out(&mut self, what: LeftOut);
    /// The sink's room in bytes, if the current value exceeds it. The decoder asks after each
    /// piece: a compressed container can be thousands of times smaller than its elements.
    #[inline]
    fn overflow(&self) -> Option<u64> {
        None
    }
}

/// Gives the sink elements until there are no more, or the value exceeds its room.
#[inline]
fn while_room<S: Sink + ?Sized, T>(
    sink: &mut S,
    elements: impl Iterator<Item = T>,
    mut give: impl FnMut(&mut S, T),
) {
    for element in elements {
        give(sink, element);
        if sink.overflow().is_some() {
            return;
        }
    }
}

/// Refuses a value that the sink has no room for.
#[inline]
pub(super) fn check_room<S: Sink>(sink: &S) -> Result<(), ErrorKind> {
    sink.overflow().map_or(Ok(()), |max| Err(ErrorKind::ValueTooLarge { max }))
}

/// A sink that drops everything: the snapshot is only decoded and checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

impl Sink for Nothing {
    fn aux(&mut self, _name: &[u8], _value: &[u8]) {}
    fn function(&mut self, _code: &[u8]) {}
    fn begin(&mut self, _key: &[u8], _kind: Kind, _meta: &Meta) -> bool {
        true
    }
    fn item(&mut self, _item: Item<'_>) {}
    fn score(&mut self, _score: f64) {}
    fn expiry(&mut self, _at_ms: u64) {}
    fn next_index(&mut self, _index: u64) {}
    fn index(&mut self, _index: u64) {}
    fn path(&mut self, _path: Item<'_>) {}
    fn entry(&mut self, _id: StreamId) {}
    fn stream(&mut self, _meta: StreamMeta) {}
    fn module(&mut self, _name: &[u8; 9], _version: u16) {}
    fn module_field(&mut self, _field: ModuleField<'_>) {}
    fn end(&mut self) {}
    fn discard(&mut self) {}
    fn left_out(&mut self, _what: LeftOut) {}
}

/// Content of a snapshot without an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// A scheduled script of KeyDB (`KEYDB.CRON`).
    Cron,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LeftOut::Cron => "a script that KeyDB runs on a schedule (KEYDB.CRON)",
        })
    }
}

/// The type of a key, as `TYPE` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    Zset,
    /// A hash.
    Hash,
    /// A stream.
    Stream,
    /// A value of a module's own type.
    Module,
    /// An array (Redis 8.8).
    Array,
    /// A rate limiter's state (Redis 8.10): its theoretical arrival time, in µs since the epoch.
    Gcra,
    /// A hash of hashes (Valkey 9.2).
    PathHash,
}

/// A key's metadata.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meta {
    /// The database the key lives in.
    pub db: u32,
    /// When the key expires, in ms since the epoch.
    pub expire_at: Option<i64>,
    /// Seconds since the key was last used, if the server keeps that.
    pub idle: Option<u64>,
    /// The key's logarithmic access counter, if the server keeps that.
    pub freq: Option<u8>,
}

/// A piece of a value. Servers keep short decimals as integers: both forms are the same string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// The bytes.
    Bytes(&'a [u8]),
    /// The decimal digits of this integer.
    Int(i64),
}

/// A stream entry's id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Milliseconds since the epoch, chosen by the producer.
    pub ms: u64,
    /// The entry's number within that millisecond.
    pub seq: u64,
}

/// A stream without its entries. `None` stands for what the snapshot's version lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamMeta {
    /// The last id given to an entry.
    pub last_id: StreamId,
    /// The first entry's id.
    pub first_id: Option<StreamId>,
    /// The greatest id ever deleted.
    pub max_deleted_id: Option<StreamId>,
    /// How many entries were ever added.
    pub entries_added: Option<u64>,
    /// The consumer groups.
    pub groups: Vec<Group>,
    /// The idempotent producers' state (Redis 8.6).
    pub idempotency: Option<Idempotency>,
}

/// A consumer group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// The group's name.
    pub name: Vec<u8>,
    /// The last id delivered.
    pub last_id: StreamId,
    /// How many entries the group has read. `None` also if the server does not know.
    pub entries_read: Option<u64>,
    /// Entries delivered and not acknowledged, by ascending id.
    pub pending: Vec<Pending>,
    /// The group's consumers.
    pub consumers: Vec<Consumer>,
    /// Pending entries that their consumers gave back (`XNACK`), in the order of their next
    /// delivery.
    /// `None` before Redis 8.8.
    pub nack: Option<Vec<StreamId>>,
}

/// An entry delivered and not acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pending {
    /// The entry.
    pub id: StreamId,
    /// Its consumer, as an index of [`Group::consumers`]. `None` if it was given back.
    pub consumer: Option<usize>,
    /// When it was last delivered, in ms since the epoch.
    pub delivered_at: i64,
    /// How many times it was delivered.
    pub deliveries: u64,
}

/// A consumer of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumer {
    /// The consumer's name.
    pub name: Vec<u8>,
    /// When it was last seen, in ms since the epoch.
    pub seen_at: i64,
    /// When it last got an entry, in ms since the epoch; −1: never.
    pub active_at: Option<i64>,
}

/// What a stream remembers of its idempotent producers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Idempotency {
    /// For how many seconds an idempotent id is remembered.
    pub duration: u64,
    /// How many idempotent ids are remembered for each producer.
    pub max_size: u64,
    /// The producers.
    pub producers: Vec<Producer>,
    /// How many entries with an idempotent id were ever added.
    pub added: u64,
    /// How many duplicates were ever refused.
    pub duplicates: u64,
}

/// A producer, and the idempotent ids remembered of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Producer {
    /// The producer's id.
    pub id: Vec<u8>,
    /// Idempotent ids, each with the entry it made.
    pub entries: Vec<(Vec<u8>, StreamId)>,
}

/// A field of a module's value, as the module saved it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ModuleField<'a> {
    /// A signed integer.
    Signed(i64),
    /// An unsigned integer.
    Unsigned(u64),
    /// A float of 32 bits.
    Float(f32),
    /// A float of 64 bits.
    Double(f64),
    /// A string.
    String(Item<'a>),
}
