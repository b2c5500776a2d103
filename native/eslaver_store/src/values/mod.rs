//! What a key holds.

use std::sync::Arc;

use crate::collections::chunks::Chunks;
use crate::collections::mover::Mover;
use crate::collections::packed::{Packed, PackedArray};
use crate::collections::record::{Fields, Members, Scores};
use crate::collections::table::Table;
use crate::collections::tree::list::{ListLeaf, ListTree};

pub(crate) mod array;
pub(crate) mod bag;
pub(crate) mod bitfield;
pub(crate) mod bits;
pub(crate) mod entries;
pub(crate) mod gcra;
pub(crate) mod geo;
pub(crate) mod hll;
pub(crate) mod lcs;
pub(crate) mod list;
pub(crate) mod long_double;
pub mod module;
pub(crate) mod number;
pub(crate) mod path_hash;
pub(crate) mod score;
pub(crate) mod set;
pub(crate) mod sort;
pub(crate) mod stream;
pub(crate) mod string;
pub(crate) mod vector;
pub(crate) mod vectorset;
pub(crate) mod zset;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Type {
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
    /// A rate limiter's state (Redis 8.10).
    Gcra,
    /// A hash of hashes (Valkey 9.2).
    PathHash,
    /// A vector set (Redis 8).
    VectorSet,
    /// The key exists; what it holds is not known.
    Unknown,
    /// Whether the key exists is not known.
    Unsure,
}

impl Type {
    /// All types, by their codes.
    pub const ALL: [Self; 13] = [
        Self::String,
        Self::List,
        Self::Set,
        Self::Zset,
        Self::Hash,
        Self::Stream,
        Self::Module,
        Self::Array,
        Self::Gcra,
        Self::PathHash,
        Self::VectorSet,
        Self::Unknown,
        Self::Unsure,
    ];

    /// Its name, as readers know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Zset => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
            Self::Module => "module",
            Self::Array => "array",
            Self::Gcra => "gcra",
            Self::PathHash => "path_hash",
            Self::VectorSet => "vectorset",
            Self::Unknown | Self::Unsure => "unknown",
        }
    }

    #[inline]
    pub(crate) fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::Unknown)
    }
}

/// A value, as it lies in the keyspace.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ValueRef<'a> {
    /// Packed into bytes, in a form of the type's own.
    Packed { kind: Type, form: u8, payload: &'a [u8] },
    /// In parts of its own.
    Large(&'a Large),
}

/// A value that is not in the keyspace.
#[derive(Debug, Clone)]
pub(crate) enum NewValue {
    Packed { kind: Type, form: u8, payload: Vec<u8> },
    Large(Large),
}

/// A value in parts of its own. A clone costs nothing, and stays as it is when the other changes.
#[derive(Debug, Clone)]
pub(crate) enum Large {
    String(Chunks),
    List(ListTree),
    Hash(Table<Fields>),
    Set(Table<Members>),
    Stream(Arc<stream::Stream>),
    Array(array::LargeArray),
    PathHash(entries::EntryTree),
    VectorSet(vectorset::VectorSet),
    Zset(zset::LargeZset),
    Module(Arc<module::Module>),
}

impl Large {
    pub(crate) fn kind(&self) -> Type {
        match self {
            Self::String(_) => Type::String,
            Self::List(_) => Type::List,
            Self::Hash(_) => Type::Hash,
            Self::Set(_) => Type::Set,
            Self::Stream(_) => Type::Stream,
            Self::Array(_) => Type::Array,
            Self::PathHash(_) => Type::PathHash,
            Self::VectorSet(_) => Type::VectorSet,
            Self::Zset(_) => Type::Zset,
            Self::Module(_) => Type::Module,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::List(tree) => tree.is_empty(),
            Self::Hash(table) => table.is_empty(),
            Self::Set(table) => table.is_empty(),
            Self::Array(array) => array.is_empty(),
            Self::VectorSet(set) => set.is_empty(),
            Self::Zset(zset) => zset.len() == 0,
            Self::Module(_) | Self::PathHash(_) | Self::Stream(_) | Self::String(_) => false,
        }
    }

    /// Whether somebody else has a copy of it. One that was made before a change need not count.
    pub(crate) fn is_shared(&self) -> bool {
        match self {
            Self::String(chunks) => chunks.is_shared(),
            Self::List(tree) => tree.is_shared(),
            Self::Hash(table) => table.is_shared(),
            Self::Set(table) => table.is_shared(),
            Self::Stream(stream) => Arc::strong_count(stream) > 1,
            Self::Array(array) => array.is_shared(),
            Self::PathHash(paths) => paths.is_shared(),
            Self::VectorSet(set) => set.is_shared(),
            Self::Zset(zset) => zset.is_shared(),
            Self::Module(module) => Arc::strong_count(module) > 1,
        }
    }

    /// Looks at what a change will need, as far as that can be told: see
    /// [`Db::warm`](crate::keyspace::db::Db::warm).
    #[inline]
    pub(crate) fn look(&self) -> usize {
        match self {
            Self::List(tree) => tree.ends().map(ListLeaf::look).iter().sum(),
            Self::Stream(stream) => stream.entries().ends()[1].look(),
            other => other.heap_bytes(),
        }
    }

    /// Has `mover` see to all parts from a place on, until it is tired: the place to go on at. The first
    /// is 0. What is shared, with a reader or another key, stays where it is.
    pub(crate) fn compact(&mut self, from: u64, mover: &mut Mover<'_>) -> Option<u64> {
        match self {
            Self::String(chunks) => chunks.compact(from, mover),
            Self::List(tree) => tree.compact(from, mover),
            Self::Hash(table) => table.compact(from, mover),
            Self::Set(table) => table.compact(from, mover),
            Self::Stream(stream) => {
                let compact =
                    |stream: &mut stream::Stream, mover: &mut _| stream.compact(from, mover);
                mover.shared(stream, stream::Stream::default, compact)?
            }
            Self::Array(array) => array.compact(from, mover),
            Self::PathHash(paths) => paths.compact(from, mover),
            Self::VectorSet(set) => set.compact(from, mover),
            Self::Zset(zset) => zset.compact(from, mover),
            Self::Module(module) => {
                mover.shared(module, module::Module::default, module::Module::compact);
                None
            }
        }
    }

    /// The bytes that it takes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::String(chunks) => chunks.heap_bytes(),
            Self::List(tree) => tree.heap_bytes(),
            Self::Hash(table) => table.heap_bytes(),
            Self::Set(table) => table.heap_bytes(),
            Self::Stream(stream) => size_of::<stream::Stream>() + stream.heap_bytes(),
            Self::Array(array) => array.heap_bytes(),
            Self::PathHash(paths) => paths.heap_bytes(),
            Self::VectorSet(set) => set.heap_bytes(),
            Self::Zset(zset) => zset.heap_bytes(),
            Self::Module(module) => module.heap_bytes(),
        }
    }
}

impl<'a> ValueRef<'a> {
    pub(crate) fn kind(&self) -> Type {
        match self {
            Self::Packed { kind, .. } => *kind,
            Self::Large(large) => large.kind(),
        }
    }

    /// Whether it is a collection without elements, with which no key stays.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Packed { kind: Type::Hash, payload, .. } => {
                Packed::<Fields>::new(payload).len() == 0
            }
            Self::Packed { kind: Type::List, payload, .. } => {
                Packed::<Members>::new(payload).len() == 0
            }
            Self::Packed { kind: Type::Array, payload, .. } => PackedArray::new(payload).is_empty(),
            Self::Packed { kind: Type::Set, form, payload } => set::is_empty(*form, payload),
            Self::Packed { kind: Type::Zset, payload, .. } => {
                Packed::<Scores>::new(payload).len() == 0
            }
            Self::Packed { .. } => false,
            Self::Large(large) => large.is_empty(),
        }
    }

    /// A copy that outlasts the lock. That of a large value costs nothing.
    pub(crate) fn to_new(self) -> NewValue {
        match self {
            Self::Packed { kind, form, payload } => {
                NewValue::Packed { kind, form, payload: payload.to_vec() }
            }
            Self::Large(large) => NewValue::Large(large.clone()),
        }
    }
}

impl NewValue {
    /// One that is not known, of [`Type::Unknown`] or [`Type::Unsure`].
    pub(crate) fn unknown(kind: Type) -> Self {
        Self::Packed { kind, form: 0, payload: Vec::new() }
    }

    pub(crate) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Packed { kind, form, payload } => {
                ValueRef::Packed { kind: *kind, form: *form, payload }
            }
            Self::Large(large) => ValueRef::Large(large),
        }
    }
}
