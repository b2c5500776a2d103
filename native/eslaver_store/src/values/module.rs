//! A value of a module's own type: the fields that the module saved, which nothing here understands.

use crate::collections::mover::Mover;

/// A module's value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Module {
    name: Box<[u8]>,
    version: u16,
    fields: Vec<Field>,
}

/// A field of a module's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// A signed integer.
    Signed(i64),
    /// An unsigned integer.
    Unsigned(u64),
    /// A float of 32 bits.
    Float(f32),
    /// A float of 64 bits.
    Double(f64),
    /// A string.
    String(Box<[u8]>),
}

impl Module {
    /// A value without fields, of the module type with this name and encoding version.
    pub fn new(name: &[u8], version: u16) -> Self {
        Self { name: name.into(), version, fields: Vec::new() }
    }

    /// Appends a field.
    pub fn push(&mut self, field: Field) {
        self.fields.push(field);
    }

    /// The name of the module type.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The version of the module's encoding.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// The fields, in the order in which the module saved them.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Has `mover` see to all parts.
    pub(crate) fn compact(&mut self, mover: &mut Mover<'_>) {
        mover.bytes(&mut self.name);
        mover.vec(&mut self.fields);
        for field in &mut self.fields {
            if let Field::String(bytes) = field {
                mover.bytes(bytes);
            }
        }
    }

    /// The bytes that it takes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let strings: usize = self
            .fields
            .iter()
            .map(|field| if let Field::String(bytes) = field { bytes.len() } else { 0 })
            .sum();
        self.name.len() + self.fields.capacity() * size_of::<Field>() + strings
    }
}
