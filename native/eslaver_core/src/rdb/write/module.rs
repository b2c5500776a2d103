//! The values of modules: an id, and fields that name their own types.

use super::super::module::{DOUBLE, EOF, FLOAT, NAME_CHARACTERS, SIGNED, STRING, UNSIGNED};
use super::super::sink::ModuleField;
use super::error::WriteError;
use super::output::{Body, Output};

const VERSION_MAX: u16 = 0x3ff;

/// The id: nine characters of six bits each, then an encoding version of ten bits.
pub(super) fn id(name: &[u8; 9], version: u16) -> Result<u64, WriteError> {
    if version > VERSION_MAX {
        return Err(WriteError::OutOfPlace("a module's encoding version of more than ten bits"));
    }
    let mut id = 0;
    for character in name {
        let bits = NAME_CHARACTERS.iter().position(|known| known == character);
        let bits = bits.ok_or(WriteError::OutOfPlace("a module's name of unknown characters"))?;
        id = id << 6 | bits as u64;
    }
    Ok(id << 10 | u64::from(version))
}

impl<O: Output> Body<O> {
    pub(super) fn module_field(&mut self, field: ModuleField<'_>) {
        match field {
            ModuleField::Signed(value) => {
                self.length(SIGNED);
                self.length(value.cast_unsigned());
            }
            ModuleField::Unsigned(value) => {
                self.length(UNSIGNED);
                self.length(value);
            }
            ModuleField::Float(value) => {
                self.length(FLOAT);
                self.put(&value.to_le_bytes());
            }
            ModuleField::Double(value) => {
                self.length(DOUBLE);
                self.put(&value.to_le_bytes());
            }
            ModuleField::String(value) => {
                self.length(STRING);
                self.item(value);
            }
        }
    }

    pub(super) fn module_end(&mut self) {
        self.length(EOF);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::module::name_and_version;
    use super::*;

    #[test]
    fn ids() {
        for (name, version) in
            [(b"ReJSON-RL", 3), (b"AAAAAAAAA", 0), (b"vectorset", 1), (b"_________", 1023)]
        {
            assert_eq!(name_and_version(id(name, version).unwrap()), (*name, version));
        }
        assert!(id(b"ReJSON RL", 3).is_err());
        assert!(id(b"ReJSON-RL", 1024).is_err());
    }
}
