//! The file around the values: header, opcodes, keys, checksum.

use std::fmt;

use super::cursor::{Cursor, Read, Stop};
use super::error::{Error, ErrorKind};
use super::input::Input;
use super::limits::Limits;
use super::module;
use super::piece::Piece;
use super::seen::Seen;
use super::sink::{Meta, Sink};
use super::skip::Skip;
use super::value::Value;

/// Key metadata in Redis, a slot migration in Valkey.
pub(crate) const OPCODE_FAMILY: u8 = 243;
const OPCODE_SLOT_INFO: u8 = 244;
const OPCODE_FUNCTION2: u8 = 245;
const OPCODE_FUNCTION_PRE_GA: u8 = 246;
const OPCODE_MODULE_AUX: u8 = 247;
const OPCODE_IDLE: u8 = 248;
const OPCODE_FREQ: u8 = 249;
const OPCODE_AUX: u8 = 250;
const OPCODE_RESIZEDB: u8 = 251;
const OPCODE_EXPIRETIME_MS: u8 = 252;
const OPCODE_EXPIRETIME: u8 = 253;
const OPCODE_SELECTDB: u8 = 254;
const OPCODE_EOF: u8 = 255;

pub(crate) const REDIS_VERSIONS: std::ops::RangeInclusive<u32> = 1..=15;
pub(crate) const VALKEY_VERSIONS: std::ops::RangeInclusive<u32> = 80..=81;
const FIRST_VERSION_WITH_CHECKSUM: u32 = 5;

/// Servers take this time in ms for none at all.
const NO_EXPIRY: i64 = -1;

const KEY_IN_ERRORS: usize = 128;

/// Which family's numbers the types and opcodes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Magic `REDIS`: Redis, and Valkey before 9.0.
    Redis,
    /// Magic `VALKEY`.
    Valkey,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Redis => "Redis",
            Family::Valkey => "Valkey",
        })
    }
}

/// What a call of [`Decoder::next`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All bytes at hand are used, but for the start of an element: feed more.
    NeedMore,
    /// The sink has been given one more key, field or function, or told to discard one, or did not
    /// want one or some.
    Event,
    /// The snapshot is complete, and its checksum right.
    Done,
}

/// Decodes a snapshot.
///
/// Memory is bounded by what has been fed and not yet used: at most the largest single string of
/// the snapshot (twice that, while it grows), what it decompresses to, and what was fed last. A
/// stream's groups are collected besides. Nothing is reserved because a length says so; but a
/// string that claims to be longer than the snapshot, within the [`Limits`], is waited for to the end.
pub struct Decoder {
    input: Input,
    file: File,
    failed: Option<Error>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("offset", &self.input.offset())
            .field("family", &self.file.family)
            .field("version", &self.file.version)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// A decoder at the snapshot's first byte, with the limits that servers have.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// The same with limits of one's own.
    pub fn with_limits(limits: Limits) -> Self {
        Self { input: Input::new(limits), file: File::new(), failed: None }
    }

    /// Bytes of the snapshot that are used.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// The next bytes of the snapshot.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.feed(bytes);
    }

    /// The same in a buffer that the decoder takes over, to copy only what it has left over. Gives
    /// one that is free now: that of a piece before, or that of this one.
    pub fn feed_piece(&mut self, piece: Piece) -> Vec<u8> {
        self.input.take(piece)
    }

    /// Decodes up to the end of the next key or field.
    ///
    /// # Errors
    /// What is wrong with the snapshot, and where; bytes after its end are wrong, too. After that,
    /// the same again.
    pub fn next<S: Sink>(&mut self, sink: &mut S) -> Result<Status, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.decode(sink).inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn decode<S: Sink>(&mut self, sink: &mut S) -> Result<Status, Error> {
        loop {
            let mut cursor = self.input.cursor();
            match self.file.step(&mut cursor, sink) {
                Ok(step) => {
                    let position = cursor.position();
                    if let Step::Checksum(found) = step {
                        self.check(found)?;
                    }
                    self.input.advance(position);
                    match step {
                        Step::Next | Step::Passed | Step::Checksum(_) => {}
                        Step::Event => return Ok(Status::Event),
                        Step::Done => return self.finish().map(|()| Status::Done),
                    }
                }
                Err(Stop::NeedMore) => return Ok(Status::NeedMore),
                Err(Stop::Bad(kind)) => return Err(self.error(kind)),
            }
        }
    }

    /// To be called when the transfer has ended.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] or [`ErrorKind::Trailing`] where the snapshot has not ended there,
    /// or what [`Decoder::next`] found before.
    pub fn finish(&self) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match (&self.file.state, self.input.left()) {
            (State::Done, 0) => Ok(()),
            (State::Done, _) => Err(self.error(ErrorKind::Trailing)),
            _ => Err(self.error(ErrorKind::Truncated)),
        }
    }

    /// Servers that do not compute the checksum write 0.
    fn check(&mut self, found: u64) -> Result<(), Error> {
        let computed = self.input.checksum();
        if found == 0 || found == computed {
            return Ok(());
        }
        Err(self.error(ErrorKind::Checksum { computed, found }))
    }

    fn error(&self, kind: ErrorKind) -> Error {
        let subject = self.file.value_type.map(|value_type| (self.file.key.clone(), value_type));
        let (key, value_type) = subject.unzip();
        Error { offset: self.input.offset(), kind, key, value_type }
    }
}

/// What is read next.
enum State {
    Header,
    Opcode,
    Value(Value),
    Unwanted(Skip),
    ModuleAux,
    KeyMeta { classes: u64 },
    KeyMetaFields { classes: u64 },
    Checksum,
    Done,
}

/// What one element came to.
enum Step {
    Next,
    Event,
    /// A key that is not wanted, with all of its value.
    Passed,
    /// The checksum that stands in the snapshot, of all bytes before it.
    Checksum(u64),
    Done,
}

/// The state of reading.
struct File {
    state: State,
    family: Family,
    version: u32,
    meta: Meta,
    /// The key whose value is being read, cut short, and the value's type.
    key: Vec<u8>,
    value_type: Option<u8>,
    seen: Seen,
}

impl File {
    fn new() -> Self {
        Self {
            state: State::Header,
            family: Family::Redis,
            version: 0,
            meta: Meta::default(),
            key: Vec::new(),
            value_type: None,
            seen: Seen::new(),
        }
    }

    /// Reads one element. Where the bytes end within it, nothing has changed.
    #[inline]
    fn step<S: Sink>(&mut self, cursor: &mut Cursor<'_>, sink: &mut S) -> Read<Step> {
        self.state = match &mut self.state {
            State::Value(value) => {
                if !value.step(cursor, &mut self.seen, sink)? {
                    return Ok(Step::Next);
                }
                if value.is_empty() {
                    sink.discard()
                } else {
                    sink.end()
                }
                return Ok(self.key_ends());
            }
            State::Unwanted(skip) => {
                return if skip.step(cursor)? { Ok(self.key_ends()) } else { Ok(Step::Next) };
            }
            State::Opcode => return self.opcodes(cursor, sink),
            State::Header => {
                (self.family, self.version) = header(cursor.array()?)?;
                State::Opcode
            }
            State::KeyMeta { classes: 0 } => State::Opcode,
            State::KeyMeta { classes } => {
                cursor.array::<4>()?;
                State::KeyMetaFields { classes: *classes - 1 }
            }
            State::KeyMetaFields { classes } => match module::field(cursor)? {
                Some(_) => return Ok(Step::Next),
                None => State::KeyMeta { classes: *classes },
            },
            State::ModuleAux => match module::field(cursor)? {
                Some(_) => return Ok(Step::Next),
                None => State::Opcode,
            },
            State::Checksum => {
                let found = u64::from_le_bytes(cursor.array()?);
                self.state = State::Done;
                return Ok(Step::Checksum(found));
            }
            State::Done => return Ok(Step::Done),
        };
        Ok(Step::Next)
    }

    #[inline]
    fn key_ends(&mut self) -> Step {
        self.meta = Meta { db: self.meta.db, ..Meta::default() };
        self.value_type = None;
        self.state = State::Opcode;
        Step::Event
    }

    /// Reads one opcode or type, and those before it whose keys are not wanted.
    #[inline]
    fn opcodes<S: Sink>(&mut self, cursor: &mut Cursor<'_>, sink: &mut S) -> Read<Step> {
        let start = cursor.position();
        loop {
            let before = *cursor;
            match self.opcode(cursor, sink) {
                Ok(Step::Passed) => self.meta = Meta { db: self.meta.db, ..Meta::default() },
                // what follows those is for the next call
                Err(_) if before.position() > start => {
                    *cursor = before;
                    return Ok(Step::Event);
                }
                other => return other,
            }
        }
    }

    /// Reads an opcode with its operands, or a type with its key.
    #[inline]
    fn opcode<S: Sink>(&mut self, cursor: &mut Cursor<'_>, sink: &mut S) -> Read<Step> {
        match cursor.byte()? {
            OPCODE_EOF => {
                let checksum = self.version >= FIRST_VERSION_WITH_CHECKSUM;
                self.state = if checksum { State::Checksum } else { State::Done };
            }
            OPCODE_SELECTDB => self.meta.db = db(cursor.length()?)?,
            OPCODE_EXPIRETIME => {
                let seconds = i32::from_le_bytes(cursor.array()?);
                self.meta.expire_at = Some(i64::from(seconds) * 1000);
            }
            OPCODE_EXPIRETIME_MS => {
                self.meta.expire_at = Some(cursor.i64_le()?).filter(|&at| at != NO_EXPIRY);
            }
            OPCODE_IDLE => self.meta.idle = Some(cursor.length()?),
            OPCODE_FREQ => self.meta.freq = Some(cursor.byte()?),
            OPCODE_RESIZEDB => skip_lengths(2, cursor)?,
            OPCODE_SLOT_INFO => skip_lengths(3, cursor)?,
            OPCODE_AUX => {
                let (name, value) = (cursor.string()?, cursor.string()?);
                sink.aux(&name.to_bytes()?, &value.to_bytes()?);
                return Ok(Step::Event);
            }
            OPCODE_FUNCTION2 => {
                let code = cursor.string()?;
                sink.function(&code.to_bytes()?);
                return Ok(Step::Event);
            }
            OPCODE_FUNCTION_PRE_GA => {
                let what = "a function of the 7.0 release candidates";
                return Err(ErrorKind::UnsupportedType(OPCODE_FUNCTION_PRE_GA, what).into());
            }
            OPCODE_MODULE_AUX => {
                module::aux_header(cursor)?;
                self.state = State::ModuleAux;
            }
            OPCODE_FAMILY => match self.family {
                Family::Redis => self.state = State::KeyMeta { classes: cursor.length()? },
                Family::Valkey => skip_slot_import(cursor)?,
            },
            value_type => return self.open(value_type, cursor, sink),
        }
        Ok(Step::Next)
    }

    /// A key begins. Its name is read before its type is judged, so that an error can name it.
    #[inline]
    fn open<S: Sink>(
        &mut self,
        value_type: u8,
        cursor: &mut Cursor<'_>,
        sink: &mut S,
    ) -> Read<Step> {
        if value_type > Value::LAST_TYPE {
            return Err(ErrorKind::UnknownType(value_type).into());
        }
        let key = cursor.string()?.decode()?;
        let mut digits = itoa::Buffer::new();
        let key = key.bytes(&mut digits);
        let value = Value::of_type(value_type, self.family);
        let wanted = value.as_ref().is_ok_and(|value| sink.begin(key, value.kind, &self.meta));
        if let Ok(value) = &value
            && !wanted
            && Skip::at_once(value, cursor)
        {
            return Ok(Step::Passed);
        }
        self.key.clear();
        self.key.extend_from_slice(&key[..key.len().min(KEY_IN_ERRORS)]);
        self.value_type = Some(value_type);
        let value = value?;
        self.seen.clear();
        self.state = if wanted { State::Value(value) } else { State::Unwanted(Skip::new(value)) };
        Ok(Step::Next)
    }
}

fn header(magic: [u8; 9]) -> Result<(Family, u32), ErrorKind> {
    let (family, digits) = match &magic {
        [b'R', b'E', b'D', b'I', b'S', digits @ ..] => (Family::Redis, digits.as_slice()),
        [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => (Family::Valkey, digits.as_slice()),
        _ => return Err(ErrorKind::BadMagic(magic)),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(ErrorKind::BadMagic(magic));
    }
    let version = digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    let known = match family {
        Family::Redis => REDIS_VERSIONS.contains(&version),
        Family::Valkey => VALKEY_VERSIONS.contains(&version),
    };
    if known {
        Ok((family, version))
    } else {
        Err(ErrorKind::UnsupportedVersion { family, version })
    }
}

/// Servers number their databases by a C `int`.
fn db(number: u64) -> Result<u32, ErrorKind> {
    i32::try_from(number).map(i32::cast_unsigned).map_err(|_| ErrorKind::BadDb(number))
}

fn skip_lengths(count: u32, cursor: &mut Cursor<'_>) -> Read<()> {
    for _ in 0..count {
        cursor.length()?;
    }
    Ok(())
}

/// A slot migration in progress (Valkey 9): its name, and a number of ranges of slots.
fn skip_slot_import(cursor: &mut Cursor<'_>) -> Read<()> {
    const SLOTS: u64 = 16_384;
    cursor.string()?;
    let ranges = cursor.length()?;
    if ranges > SLOTS {
        return Err(ErrorKind::BadSlotImport.into());
    }
    for _ in 0..ranges {
        skip_lengths(2, cursor)?;
    }
    Ok(())
}
