//! Libraries of functions: their names, and the payload of `FUNCTION DUMP` and `FUNCTION RESTORE`.
//!
//! The payload is, for each library, the opcode and the code as a snapshot has them; then the version
//! and the checksum, as in the payload of `DUMP`.

use super::cursor::{Cursor, Read, Stop};
use super::dump::{self, DumpError};
use super::error::ErrorKind;
use super::limits::Limits;
use super::opcodes;
use crate::resp;

/// Decodes a whole payload: `found` is given the code of each library.
///
/// # Errors
/// What is wrong with the payload, and where. Version and checksum are checked first. After any other
/// error `found` has been given the libraries before it.
pub fn decode_functions(
    payload: &[u8],
    limits: Limits,
    mut found: impl FnMut(&[u8]),
) -> Result<(), DumpError> {
    let (body, _family) = dump::open(payload)?;
    let mut cursor = Cursor::new(body, 0, limits);
    while cursor.position() < body.len() {
        let offset = cursor.position();
        let code = library(&mut cursor).map_err(|stop| DumpError::new(offset, stop))?;
        found(&code);
    }
    Ok(())
}

fn library(cursor: &mut Cursor<'_>) -> Read<Vec<u8>> {
    match cursor.byte()? {
        opcodes::FUNCTION2 => Ok(cursor.string()?.to_bytes()?),
        other => Err(Stop::Bad(ErrorKind::UnknownType(other))),
    }
}

/// The name of a library, whose code begins with a line such as `#!lua name=mylib`. Servers read that
/// line as words that may be quoted, and `name` in any case.
pub fn library_name(code: &[u8]) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"name=";
    let line = code.split(|&byte| byte == b'\n').next()?;
    let name = resp::words(line)?.into_iter().find_map(|word| {
        let (key, name) = word.split_at_checked(NAME.len())?;
        key.eq_ignore_ascii_case(NAME).then(|| name.to_vec())
    });
    name.filter(|name| !name.is_empty())
}
