//! The numbers of the types of values, named after those in the `rdb.h` of Redis and Valkey.

pub(super) const STRING: u8 = 0;
pub(super) const LIST: u8 = 1;
pub(super) const SET: u8 = 2;
/// Scores are text.
pub(super) const ZSET: u8 = 3;
pub(super) const HASH: u8 = 4;
/// Scores take eight bytes each.
pub(super) const ZSET_2: u8 = 5;
/// Release candidates of 4.0.
pub(super) const MODULE_PRE_GA: u8 = 6;
pub(super) const MODULE_2: u8 = 7;
pub(super) const HASH_ZIPMAP: u8 = 9;
pub(super) const LIST_ZIPLIST: u8 = 10;
pub(super) const SET_INTSET: u8 = 11;
pub(super) const ZSET_ZIPLIST: u8 = 12;
pub(super) const HASH_ZIPLIST: u8 = 13;
pub(super) const LIST_QUICKLIST: u8 = 14;
pub(super) const STREAM_LISTPACKS: u8 = 15;
pub(super) const HASH_LISTPACK: u8 = 16;
pub(super) const ZSET_LISTPACK: u8 = 17;
pub(super) const LIST_QUICKLIST_2: u8 = 18;
pub(super) const STREAM_LISTPACKS_2: u8 = 19;
pub(super) const SET_LISTPACK: u8 = 20;
pub(super) const STREAM_LISTPACKS_3: u8 = 21;

/// A scheduled script of KeyDB.
pub(super) const CRON: u8 = 64;

// Only snapshots of Redis have these.
/// Release candidates of 7.4.
pub(super) const HASH_METADATA_PRE_GA: u8 = 22;
/// Release candidates of 7.4.
pub(super) const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
/// Fields that may expire.
pub(super) const HASH_METADATA: u8 = 24;
/// Fields that may expire, in a listpack.
pub(super) const HASH_LISTPACK_EX: u8 = 25;
pub(super) const STREAM_LISTPACKS_4: u8 = 26;
pub(super) const STREAM_LISTPACKS_5: u8 = 27;
pub(super) const ARRAY: u8 = 28;
/// A template within the value, and the values of its fields in a listpack.
pub(super) const HASH_TEMPLATE_LISTPACK: u8 = 29;
/// The number of a template and the values of its fields, in a listpack.
pub(super) const HASH_TEMPLATE_ID_LISTPACK: u8 = 30;
/// A template within the value, and the values of its fields.
pub(super) const HASH_TEMPLATE: u8 = 31;
/// The number of a template, and the values of its fields.
pub(super) const HASH_TEMPLATE_ID: u8 = 32;
pub(super) const GCRA: u8 = 33;
/// Members that may expire, in a listpack.
pub(super) const SET_LISTPACK_EX: u8 = 34;
/// Members that may expire.
pub(super) const SET_METADATA: u8 = 35;

// Only snapshots of Valkey have these.
/// Fields that may expire.
pub(super) const HASH_2: u8 = 22;
pub(super) const PATH_HASH: u8 = 23;

/// The greatest number of a type that can be decoded.
pub(super) const LAST: u8 = SET_METADATA;
