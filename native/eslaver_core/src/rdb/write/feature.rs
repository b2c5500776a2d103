//! What only some versions of the format have.

use super::super::family::Family;
use super::dialect::Dialect;
use super::error::WriteError;

const NEVER: u32 = u32::MAX;

impl Dialect {
    pub(super) fn has(self, feature: Feature) -> bool {
        self.version()
            >= match self.family() {
                Family::Redis => feature.redis,
                Family::Valkey => feature.valkey,
            }
    }

    pub(super) fn require(self, feature: Feature) -> Result<(), WriteError> {
        if self.has(feature) {
            Ok(())
        } else {
            Err(WriteError::Unsupported { what: feature.what, dialect: self })
        }
    }
}

/// What only some versions have: from which on, in each family.
#[derive(Clone, Copy)]
pub(super) struct Feature {
    what: &'static str,
    redis: u32,
    valkey: u32,
}

impl Feature {
    const fn new(what: &'static str, redis: u32, valkey: u32) -> Self {
        Self { what, redis, valkey }
    }
}

pub(super) const AUX: Feature = Feature::new("auxiliary field", 7, 0);
pub(super) const BINARY_SCORE: Feature = Feature::new("binary score", 8, 0);
pub(super) const MODULE: Feature = Feature::new("module's value", 8, 0);
pub(super) const USAGE: Feature = Feature::new("idle time or access counter", 9, 0);
pub(super) const STREAM: Feature = Feature::new("stream", 9, 0);
pub(super) const STREAM_OFFSETS: Feature = Feature::new("offset of a stream's group", 10, 0);
pub(super) const FUNCTION: Feature = Feature::new("function library", 10, 0);
pub(super) const STREAM_ACTIVE_TIME: Feature = Feature::new("active time of a consumer", 11, 0);
pub(super) const HASH_EXPIRY: Feature = Feature::new("hash whose fields expire", 12, 80);
pub(super) const STREAM_IDEMPOTENCY: Feature = Feature::new("idempotent producer", 13, NEVER);
pub(super) const STREAM_NACK: Feature =
    Feature::new("pending entry of a stream without a consumer", 14, NEVER);
pub(super) const ARRAY: Feature = Feature::new("array", 14, NEVER);
pub(super) const GCRA: Feature = Feature::new("rate limiter", 15, NEVER);
pub(super) const SET_EXPIRY: Feature = Feature::new("set whose members expire", 17, NEVER);
pub(super) const PATH_HASH: Feature = Feature::new("path hash", NEVER, 81);
