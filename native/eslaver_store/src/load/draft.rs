//! A value in the making, as a snapshot tells it piece by piece.

use eslaver_core::rdb::{Item, Kind, ModuleField, StreamId, StreamMeta};

use crate::collections::element::{Element, integer};
use crate::collections::record::{Expiry, Fields, Refused};
use crate::values::array::ArrayBuilder;
use crate::values::bag::Builder;
use crate::values::list::ListBuilder;
use crate::values::module::{Field, Module};
use crate::values::path_hash::PathHashBuilder;
use crate::values::set::SetBuilder;
use crate::values::stream::builder::Builder as StreamBuilder;
use crate::values::vectorset::{self, VectorSetBuilder};
use crate::values::zset::ZsetBuilder;
use crate::values::{Large, NewValue, gcra, string};

/// A value in the making.
#[derive(Debug)]
pub(crate) struct Draft {
    parts: Parts,
    /// What did not fit, if anything did not.
    refused: Option<Refused>,
}

#[derive(Debug)]
enum Parts {
    String(Option<NewValue>),
    List(ListBuilder),
    /// The member that came last waits for its time, if it has one.
    Set(SetBuilder, Last),
    Zset(ZsetBuilder),
    Hash(HashDraft),
    Stream(StreamBuilder, StreamMeta),
    Module(Module),
    VectorSet(VectorSetBuilder),
    /// The index of the element that comes next.
    Array(ArrayBuilder, u64),
    Gcra(Option<NewValue>),
    /// The field that came last waits for its value.
    PathHash(PathHashBuilder, Option<Vec<u8>>),
}

/// The field that came last waits for its value, and for its time, if it has one.
#[derive(Debug)]
struct HashDraft {
    builder: Builder<Fields>,
    field: Last,
    value: Last,
}

/// What came last, if it still waits. Its buffer is used again.
#[derive(Debug, Default)]
struct Last {
    bytes: Vec<u8>,
    waiting: Option<Waiting>,
}

#[derive(Debug, Clone, Copy)]
enum Waiting {
    Bytes,
    Int(i64),
}

impl Last {
    fn set(&mut self, item: Item<'_>) {
        self.waiting = Some(match item {
            Item::Int(value) => Waiting::Int(value),
            Item::Bytes(bytes) => {
                self.bytes.clear();
                self.bytes.extend_from_slice(bytes);
                Waiting::Bytes
            }
        });
    }

    fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// It waits no longer.
    fn take(&mut self) -> Option<Element<'_>> {
        self.waiting.take().map(|waiting| match waiting {
            Waiting::Int(value) => Element::Int(value),
            Waiting::Bytes => Element::Bytes(&self.bytes),
        })
    }
}

impl Draft {
    /// A draft of nothing yet. Small collections are gathered in `buffer`, which is empty; it is left
    /// without memory where it is taken.
    pub(crate) fn new(kind: Kind, seed: u64, buffer: &mut Vec<u8>) -> Self {
        let mut buffer = || std::mem::take(buffer);
        let parts = match kind {
            Kind::String => Parts::String(None),
            Kind::List => Parts::List(ListBuilder::within(buffer())),
            Kind::Set => Parts::Set(SetBuilder::within(seed, buffer()), Last::default()),
            Kind::Zset => Parts::Zset(ZsetBuilder::within(seed, buffer())),
            Kind::Hash => Parts::Hash(HashDraft {
                builder: Builder::within(seed, buffer()),
                field: Last::default(),
                value: Last::default(),
            }),
            Kind::Stream => Parts::Stream(StreamBuilder::new(), StreamMeta::default()),
            Kind::Module => Parts::Module(Module::default()),
            Kind::Array => Parts::Array(ArrayBuilder::default(), 0),
            Kind::Gcra => Parts::Gcra(None),
            Kind::PathHash => Parts::PathHash(PathHashBuilder::new(seed), None),
        };
        Self { parts, refused: None }
    }

    fn note(&mut self, result: Result<(), Refused>) {
        if let Err(refused) = result {
            self.refused = Some(refused);
        }
    }

    pub(crate) fn item(&mut self, item: Item<'_>) {
        let result = match &mut self.parts {
            Parts::String(value) => {
                *value = Some(element(item).with_bytes(string::new));
                Ok(())
            }
            Parts::Set(builder, last) => {
                let added = add(builder, last, Expiry::Never);
                last.set(item);
                added
            }
            Parts::Hash(draft) => draft.item(item),
            Parts::Stream(builder, _) => builder.item(element(item)),
            Parts::Array(builder, index) => {
                let index = *index;
                element(item).with_bytes(|bytes| builder.set(index, bytes))
            }
            Parts::Gcra(value) => {
                *value = element(item).with_bytes(integer).map(gcra::new);
                Ok(())
            }
            Parts::PathHash(builder, field) => match field.take() {
                Some(field) => builder.field(Element::Bytes(&field), element(item)),
                None => {
                    *field = Some(element(item).to_bytes().into_owned());
                    Ok(())
                }
            },
            // These come by `items` or `scores`, or have none.
            Parts::List(_) | Parts::Zset(_) | Parts::Module(_) | Parts::VectorSet(_) => Ok(()),
        };
        self.note(result);
    }

    /// Elements of a list or members of a set.
    #[inline]
    pub(crate) fn items<'a>(&mut self, items: impl Iterator<Item = Item<'a>>) {
        let result = match &mut self.parts {
            Parts::List(builder) => builder.extend(items.map(element)),
            Parts::Set(builder, _) => builder.extend(items.map(element)),
            _ => Ok(()),
        };
        self.note(result);
    }

    #[inline]
    pub(crate) fn pairs<'a>(&mut self, pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>) {
        if let Parts::Hash(draft) = &mut self.parts {
            let pairs = pairs.map(|(field, value)| (element(field), element(value)));
            let result = draft.builder.extend(pairs);
            self.note(result);
        }
    }

    #[inline]
    pub(crate) fn scores<'a>(&mut self, scores: impl Iterator<Item = (Item<'a>, f64)>) {
        if let Parts::Zset(builder) = &mut self.parts {
            let result = builder.extend(scores.map(|(member, score)| (element(member), score)));
            self.note(result);
        }
    }

    pub(crate) fn expiry(&mut self, at_ms: u64) {
        let at = Expiry::At(i64::try_from(at_ms).unwrap_or(i64::MAX));
        let result = match &mut self.parts {
            Parts::Set(builder, last) => add(builder, last, at),
            Parts::Hash(draft) => draft.settle(at),
            _ => Ok(()),
        };
        self.note(result);
    }

    pub(crate) fn next_index(&mut self, next: u64) {
        if let Parts::Array(builder, _) = &mut self.parts {
            builder.set_next_index(next);
        }
    }

    pub(crate) fn index(&mut self, index: u64) {
        if let Parts::Array(_, next) = &mut self.parts {
            *next = index;
        }
    }

    pub(crate) fn path(&mut self, path: Item<'_>) {
        if let Parts::PathHash(builder, _) = &mut self.parts {
            element(path).with_bytes(|path| builder.path(path));
        }
    }

    pub(crate) fn entry(&mut self, id: StreamId) {
        if let Parts::Stream(builder, _) = &mut self.parts {
            let begun = builder.entry(id);
            self.note(begun);
        }
    }

    pub(crate) fn stream(&mut self, meta: StreamMeta) {
        if let Parts::Stream(_, last) = &mut self.parts {
            *last = meta;
        }
    }

    pub(crate) fn module(&mut self, name: &[u8; 9], version: u16) {
        let is_module = matches!(self.parts, Parts::Module(_));
        if is_module && (name, version) == (vectorset::MODULE, vectorset::VERSION) {
            self.parts = Parts::VectorSet(VectorSetBuilder::default());
        } else if let Parts::Module(module) = &mut self.parts {
            *module = Module::new(name, version);
        }
    }

    pub(crate) fn module_field(&mut self, field: ModuleField<'_>) {
        if let Parts::VectorSet(builder) = &mut self.parts {
            builder.field(field);
        }
        if let Parts::Module(module) = &mut self.parts {
            module.push(match field {
                ModuleField::Signed(value) => Field::Signed(value),
                ModuleField::Unsigned(value) => Field::Unsigned(value),
                ModuleField::Float(value) => Field::Float(value),
                ModuleField::Double(value) => Field::Double(value),
                ModuleField::String(item) => {
                    Field::String(element(item).to_bytes().into_owned().into_boxed_slice())
                }
            });
        }
    }

    /// The value. `None` where it is not as its type has it.
    pub(crate) fn finish(mut self) -> Result<Option<NewValue>, Refused> {
        if let Parts::Hash(draft) = &mut self.parts {
            let settled = draft.settle(Expiry::Never);
            self.note(settled);
        }
        if let Parts::Set(builder, last) = &mut self.parts {
            let added = add(builder, last, Expiry::Never);
            self.note(added);
        }
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        Ok(match self.parts {
            Parts::String(value) => value,
            Parts::List(builder) => Some(builder.finish()),
            Parts::Set(builder, _) => Some(builder.finish()),
            Parts::Zset(builder) => Some(builder.finish()),
            Parts::Hash(draft) => Some(draft.builder.finish()),
            Parts::Stream(builder, meta) => Some(builder.finish(meta)?),
            Parts::Module(module) => Some(NewValue::Large(Large::Module(module.into()))),
            Parts::VectorSet(builder) => builder.finish(),
            Parts::Array(builder, _) => Some(builder.finish()),
            Parts::Gcra(value) => value,
            Parts::PathHash(builder, _) => Some(builder.finish()),
        })
    }
}

impl HashDraft {
    fn item(&mut self, item: Item<'_>) -> Result<(), Refused> {
        if self.field.waits() && !self.value.waits() {
            self.value.set(item);
            return Ok(());
        }
        let settled = self.settle(Expiry::Never);
        self.field.set(item);
        settled
    }

    /// Adds the field that came last.
    fn settle(&mut self, expiry: Expiry) -> Result<(), Refused> {
        match (self.field.take(), self.value.take()) {
            (Some(field), Some(value)) => self.builder.insert(field, value, expiry).map(|_| ()),
            _ => Ok(()),
        }
    }
}

/// Adds the member that came last.
fn add(builder: &mut SetBuilder, last: &mut Last, expiry: Expiry) -> Result<(), Refused> {
    last.take().map_or(Ok(()), |member| builder.insert(member, expiry).map(|_| ()))
}

pub(super) fn element(item: Item<'_>) -> Element<'_> {
    match item {
        Item::Bytes(bytes) => Element::Bytes(bytes),
        Item::Int(value) => Element::Int(value),
    }
}
