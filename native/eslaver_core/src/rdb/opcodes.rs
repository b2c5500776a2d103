//! The numbers of opcodes, named after those in the `rdb.h` of Redis and Valkey.

/// How Redis Enterprise keeps a key, and in which of its slots.
pub(super) const RAM_LRU: u8 = 107;
pub(super) const SLOT_NUM: u8 = 121;
/// The key that comes next is never evicted (Redis, RDB version 17).
pub(super) const NO_EVICT: u8 = 241;
/// Redis: a hash template. Valkey: a command, as it ran while a snapshot was sent without a fork.
pub(super) const TEMPLATE: u8 = 242;
/// Redis: key metadata. Valkey: a slot migration.
pub(super) const KEY_META: u8 = 243;
pub(super) const SLOT_INFO: u8 = 244;
pub(super) const FUNCTION2: u8 = 245;
pub(super) const FUNCTION_PRE_GA: u8 = 246;
pub(super) const MODULE_AUX: u8 = 247;
pub(super) const IDLE: u8 = 248;
pub(super) const FREQ: u8 = 249;
pub(super) const AUX: u8 = 250;
pub(super) const RESIZEDB: u8 = 251;
pub(super) const EXPIRETIME_MS: u8 = 252;
pub(super) const EXPIRETIME: u8 = 253;
pub(super) const SELECTDB: u8 = 254;
pub(super) const EOF: u8 = 255;
