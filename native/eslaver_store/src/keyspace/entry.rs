//! A key with its value: in one block where it is small, else with parts of its own.

use crate::collections::mover::Mover;
use crate::keyspace::block::{Block, Edit};
use crate::values::{Large, NewValue, Type, ValueRef};

/// A key with its value. A clone of a large one costs nothing, apart from its key.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Packed(Block),
    Large(Box<LargeEntry>),
}

/// A key whose value has parts of its own.
#[derive(Debug, Clone)]
pub(crate) struct LargeEntry {
    key: Box<[u8]>,
    expire_at: Option<i64>,
    value: Large,
}

/// A value that is being changed.
#[derive(Debug)]
pub(crate) enum ValueMut<'a> {
    Packed(Edit<'a>),
    Large(&'a mut Large),
}

impl Entry {
    pub(crate) fn new(key: &[u8], expire_at: Option<i64>, value: NewValue) -> Self {
        match value {
            NewValue::Packed { kind, form, payload } => {
                Self::Packed(Block::new(key, expire_at, kind, form, &payload))
            }
            NewValue::Large(value) => {
                Self::Large(Box::new(LargeEntry { key: key.into(), expire_at, value }))
            }
        }
    }

    /// A key with a packed value.
    #[inline]
    pub(crate) fn packed(
        key: &[u8],
        expire_at: Option<i64>,
        kind: Type,
        form: u8,
        payload: &[u8],
    ) -> Self {
        Self::Packed(Block::new(key, expire_at, kind, form, payload))
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Packed(block) => block.key(),
            Self::Large(entry) => &entry.key,
        }
    }

    #[inline]
    pub(crate) fn kind(&self) -> Type {
        match self {
            Self::Packed(block) => block.kind(),
            Self::Large(entry) => entry.value.kind(),
        }
    }

    #[inline]
    pub(crate) fn expire_at(&self) -> Option<i64> {
        match self {
            Self::Packed(block) => block.expire_at(),
            Self::Large(entry) => entry.expire_at,
        }
    }

    /// Whether a reader at `now`, in ms since the epoch, still sees the key.
    #[inline]
    pub(crate) fn is_live(&self, now: i64) -> bool {
        self.expire_at().is_none_or(|at| at > now)
    }

    pub(crate) fn set_expire_at(&mut self, at: Option<i64>) {
        match self {
            Self::Packed(block) => block.set_expire_at(at),
            Self::Large(entry) => entry.expire_at = at,
        }
    }

    #[inline]
    pub(crate) fn value(&self) -> ValueRef<'_> {
        match self {
            Self::Packed(block) => ValueRef::Packed {
                kind: block.kind(),
                form: block.form(),
                payload: block.payload(),
            },
            Self::Large(entry) => ValueRef::Large(&entry.value),
        }
    }

    pub(crate) fn value_mut(&mut self) -> ValueMut<'_> {
        match self {
            Self::Packed(block) => ValueMut::Packed(block.edit()),
            Self::Large(entry) => ValueMut::Large(&mut entry.value),
        }
    }

    /// Another value for the key, which keeps its time to live. The old value, where it is large, is
    /// given back, to be dropped outside a lock.
    pub(crate) fn set_value(&mut self, value: NewValue) -> Option<Large> {
        if let (Self::Large(entry), NewValue::Large(_)) = (&mut *self, &value)
            && let NewValue::Large(value) = value
        {
            return Some(std::mem::replace(&mut entry.value, value));
        }
        let next = Self::new(self.key(), self.expire_at(), value);
        std::mem::replace(self, next).into_large()
    }

    /// As [`Block::overwrite`]. What is large is left as it is.
    #[inline]
    pub(crate) fn overwrite(
        &mut self,
        expire_at: Option<i64>,
        kind: Type,
        form: u8,
        payload: &[u8],
    ) -> bool {
        match self {
            Self::Packed(block) => block.overwrite(expire_at, kind, form, payload),
            Self::Large(_) => false,
        }
    }

    /// Has `mover` see to all parts from a place on, until it is tired: the place to go on at. The first
    /// is 0.
    pub(crate) fn compact(&mut self, from: u64, mover: &mut Mover<'_>) -> Option<u64> {
        let large = match self {
            Self::Packed(block) => {
                block.compact(mover);
                return None;
            }
            Self::Large(large) => large,
        };
        let next = large.value.compact(from, mover);
        if from > 0 {
            return next;
        }
        mover.bytes(&mut large.key);
        if mover.wants(&raw const **large, size_of::<LargeEntry>())
            && let Self::Large(large) = std::mem::replace(self, Self::Packed(Block::default()))
        {
            *self = Self::Large(Box::new(*large));
        }
        next
    }

    pub(crate) fn into_large(self) -> Option<Large> {
        match self {
            Self::Packed(_) => None,
            Self::Large(entry) => Some(entry.value),
        }
    }

    /// The same value and time to live under another key.
    pub(crate) fn renamed(self, key: &[u8]) -> Self {
        match self {
            Self::Packed(block) => Self::Packed(Block::new(
                key,
                block.expire_at(),
                block.kind(),
                block.form(),
                block.payload(),
            )),
            Self::Large(mut entry) => {
                entry.key = key.into();
                Self::Large(entry)
            }
        }
    }

    /// Looks at what a change of the value will need.
    #[inline]
    pub(crate) fn look(&self) -> usize {
        match self {
            Self::Packed(block) => block.payload().first().copied().unwrap_or_default().into(),
            Self::Large(entry) => entry.value.look(),
        }
    }

    /// The bytes on the heap that are this entry's alone.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Packed(block) => block.size(),
            Self::Large(entry) => {
                size_of::<LargeEntry>() + entry.key.len() + entry.value.heap_bytes()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_takes_16_bytes() {
        assert_eq!(size_of::<Entry>(), 16);
    }
}
