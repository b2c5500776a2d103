//! A vector set from the fields of a module's value, as a snapshot has it: of the module type
//! `vectorset`, encoding version 0.

use eslaver_core::rdb::{Item, ModuleField};

use super::{Projection, Shape, VectorSet};
use crate::values::vector::{self, Kept, Quantization};
use crate::values::{Large, NewValue};

pub(crate) const HAS_PROJECTION: u64 = 1;
pub(crate) const HAS_ATTRIBUTES: u64 = 2;
const DEFAULT_M: u64 = 16;

/// What the next field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Dimension,
    Count,
    Config,
    Flags,
    InputDimension,
    Matrix,
    Element,
    Attribute,
    Vector,
    /// How many follow that are links, or at last the floats.
    ParamCount,
    /// So many of them are left, at least one.
    Param(u64),
    /// A field was not as it must be.
    Failed,
}

/// Gathers the elements of a vector set.
#[derive(Debug)]
pub(crate) struct VectorSetBuilder {
    next: Next,
    shape: Shape,
    /// How many elements are to come.
    left: u64,
    flags: u64,
    set: Option<VectorSet>,
    element: Vec<u8>,
    attribute: Option<Vec<u8>>,
    vector: Vec<u8>,
}

impl Default for VectorSetBuilder {
    fn default() -> Self {
        Self {
            next: Next::Dimension,
            shape: Shape {
                dimension: 0,
                quantization: Quantization::F32,
                m: DEFAULT_M,
                projection: None,
            },
            left: 0,
            flags: 0,
            set: None,
            element: Vec::new(),
            attribute: None,
            vector: Vec::new(),
        }
    }
}

impl VectorSetBuilder {
    /// Takes the next field of the value.
    pub(crate) fn field(&mut self, field: ModuleField<'_>) {
        let next = match field {
            ModuleField::Unsigned(number) => self.number(number),
            ModuleField::String(Item::Bytes(bytes)) => self.string(bytes),
            ModuleField::String(Item::Int(value)) => {
                self.string(itoa::Buffer::new().format(value).as_bytes())
            }
            _ => None,
        };
        self.next = next.unwrap_or(Next::Failed);
    }

    /// The vector set, which may be empty. `None` where the fields are not those of one.
    pub(crate) fn finish(self) -> Option<NewValue> {
        let set = self.set.filter(|_| self.next == Next::Element && self.left == 0)?;
        Some(NewValue::Large(Large::VectorSet(set)))
    }

    fn number(&mut self, number: u64) -> Option<Next> {
        Some(match self.next {
            Next::Dimension => {
                self.shape.dimension = usize::try_from(number).ok()?;
                Next::Count
            }
            Next::Count => {
                self.left = number;
                Next::Config
            }
            Next::Config => {
                self.shape.quantization = match number & 0xff {
                    0 => Quantization::F32,
                    1 => Quantization::Int8,
                    2 => Quantization::Bin,
                    _ => return None,
                };
                let m = (number >> 8) & 0xffff;
                self.shape.m = if m == 0 { DEFAULT_M } else { m };
                Next::Flags
            }
            Next::Flags => {
                self.flags = number;
                match number & HAS_PROJECTION {
                    0 => self.begin(),
                    _ => Next::InputDimension,
                }
            }
            Next::InputDimension => {
                let input_dimension = usize::try_from(number).ok()?;
                self.shape.projection = Some(Projection { input_dimension, matrix: Vec::new() });
                Next::Matrix
            }
            Next::ParamCount if number > 0 => Next::Param(number),
            // Links of the graph come first, and are left out.
            Next::Param(1) => {
                self.put(number)?;
                Next::Element
            }
            Next::Param(left) => Next::Param(left - 1),
            _ => return None,
        })
    }

    fn string(&mut self, bytes: &[u8]) -> Option<Next> {
        Some(match self.next {
            Next::Matrix => {
                let projection = self.shape.projection.as_mut()?;
                let len = projection.input_dimension.checked_mul(self.shape.dimension)?;
                projection.matrix = vector::from_blob(bytes).filter(|all| all.len() == len)?;
                self.begin()
            }
            Next::Element => {
                self.left = self.left.checked_sub(1)?;
                self.element = bytes.to_vec();
                self.attribute = None;
                if self.flags & HAS_ATTRIBUTES == 0 { Next::Vector } else { Next::Attribute }
            }
            Next::Attribute => {
                self.attribute = (!bytes.is_empty()).then(|| bytes.to_vec());
                Next::Vector
            }
            Next::Vector => {
                let len = self.shape.quantization.bytes(self.shape.dimension);
                if len != Some(bytes.len()) {
                    return None;
                }
                self.vector = bytes.to_vec();
                Next::ParamCount
            }
            _ => return None,
        })
    }

    fn begin(&mut self) -> Next {
        self.set = Some(VectorSet::new(self.shape.clone()));
        self.shape.projection = None;
        Next::Element
    }

    /// Puts the element in hand. The last of its parameters is two floats: the vector's range, which
    /// may be anything where it has no use, and its length.
    fn put(&mut self, floats: u64) -> Option<()> {
        let float = |bits: u64| Some(f32::from_bits(bits as u32)).filter(|float| float.is_finite());
        let l2 = float(floats & 0xffff_ffff)?;
        let range = match self.shape.quantization {
            Quantization::Int8 => float(floats >> 32)?,
            Quantization::F32 | Quantization::Bin => 0.0,
        };
        let set = self.set.as_mut()?;
        let kept = Kept { vector: std::mem::take(&mut self.vector), l2, range };
        let is_new = set.get(&self.element).is_none();
        (is_new && set.put(&self.element, &kept, self.attribute.as_deref())).then_some(())
    }
}
