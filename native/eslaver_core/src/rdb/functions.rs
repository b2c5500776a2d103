//! Libraries of functions: their names, and the payload of `FUNCTION DUMP` and `FUNCTION RESTORE`.
//!
//! The payload is, for each library, the opcode and the code as a snapshot has them; then the version
//! and the checksum, as in the payload of `DUMP`.

use super::cursor::{Cursor, Read, Stop};
use super::dump::{self, DumpError};
use super::error::ErrorKind;
use super::limits::Limits;
use super::opcodes;

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

/// The name of a library, whose code begins with a line such as `#!lua name=mylib`.
pub fn library_name(code: &[u8]) -> Option<&[u8]> {
    let line = code.split(|&byte| byte == b'\n').next()?;
    let mut words = line.split(u8::is_ascii_whitespace);
    words.find_map(|word| word.strip_prefix(b"name=")).filter(|name| !name.is_empty())
}
