//! The file around the values: header, opcodes, keys, checksum.

use std::fmt;

use super::cursor::{Cursor, Read, Stop};
use super::error::{Error, ErrorKind};
use super::family::Family;
use super::input::Input;
use super::limits::Limits;
use super::module;
use super::opcodes;
use super::piece::Piece;
use super::sink::{LeftOut, Meta, Sink};
use super::skip::Skip;
use super::template::Definition;
use super::types;
use super::value::{Context, Value};
use super::version::header;
use super::write::Dialect;

const FIRST_VERSION_WITH_CHECKSUM: u32 = 5;

/// Valkey sends it only to replicas that ask for it.
const FORKLESS: &str = "a command within the snapshot; the master has to fork for it";

/// A time in ms that stands for no expiry.
const NO_EXPIRY: i64 = -1;

const KEY_IN_ERRORS: usize = 128;
const VERSION_IN_ERRORS: usize = 32;

/// The result of [`Decoder::next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Only the start of an element is left: feed more bytes.
    NeedMore,
    /// The sink got a key, field or function, discarded a key, or did not want some.
    Event,
    /// The snapshot is complete, and its checksum is right.
    Done,
}

/// Decodes a snapshot.
///
/// Memory is bounded by the bytes fed and not yet used: at most the largest string that the sink does
/// not take in parts (twice that, while it grows), its decompressed bytes, and the last piece. A stream's groups are
/// collected besides. No memory is reserved because a length says so. But if a string claims to be
/// longer than the snapshot, within the [`Limits`], the decoder waits for its end.
pub struct Decoder {
    input: Input,
    file: File,
    /// Whether bytes after the end are an error.
    exact: bool,
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

    /// The same with other limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self { input: Input::new(limits), file: File::new(), exact: false, failed: None }
    }

    /// Rejects bytes after the end. For a snapshot without a length of its own: these bytes could
    /// be the beginning of the command stream.
    pub fn exact(self) -> Self {
        Self { exact: true, ..self }
    }

    /// The number of the snapshot's bytes that are decoded.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// The version in the snapshot's header. `None` before the header has come, and if
    /// [`Writer`](super::write::Writer) does not know the version.
    pub fn dialect(&self) -> Option<Dialect> {
        Dialect::new(self.file.family, self.file.version)
    }

    /// The number of bytes that were fed and are not decoded: most of a string whose end has not come.
    pub fn pending(&self) -> usize {
        self.input.left()
    }

    /// Takes the next bytes of the snapshot.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.feed(bytes);
    }

    /// The same for a buffer that the decoder takes over: it copies only the bytes left over from
    /// before. Returns a buffer that is free now, of an earlier piece or of this one.
    pub fn feed_piece(&mut self, piece: Piece) -> Vec<u8> {
        self.input.take(piece)
    }

    /// Decodes up to the end of the next key or field.
    ///
    /// # Errors
    /// What is wrong with the snapshot, and where. Later calls give the same error.
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
                        Step::Done if self.exact && self.input.left() > 0 => {
                            return Err(self.error(ErrorKind::Trailing));
                        }
                        Step::Done => {
                            // servers ignore bytes after the end
                            self.input.drop_rest();
                            return Ok(Status::Done);
                        }
                    }
                }
                Err(Stop::NeedMore) => return Ok(Status::NeedMore),
                Err(Stop::Bad(kind)) => return Err(self.error(kind)),
            }
        }
    }

    /// Checks that the snapshot is complete. Call it when the transfer has ended.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if the snapshot is incomplete, or the error that [`Decoder::next`]
    /// gave.
    pub fn finish(&self) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.file.state {
            State::Done => Ok(()),
            State::TooNew => Err(self.error(self.file.too_new())),
            _ => Err(self.error(ErrorKind::Truncated)),
        }
    }

    /// Servers that do not compute a checksum write 0.
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
        let magic = matches!(kind, ErrorKind::UnsupportedVersion { .. });
        let offset = if magic { 0 } else { self.input.offset() };
        Error { offset, kind, key, value_type, server: self.file.server.clone() }
    }
}

/// What is read next.
enum State {
    Header,
    /// The version is unknown. The fields at the start may name the server.
    TooNew,
    Opcode,
    Template(Definition),
    Value(Value),
    Unwanted(Skip),
    ModuleAux,
    KeyMeta {
        classes: u64,
    },
    KeyMetaFields {
        classes: u64,
    },
    Checksum,
    Done,
}

/// The result of reading one element.
enum Step {
    Next,
    Event,
    /// A key that is not wanted, with all of its value.
    Passed,
    /// The snapshot's checksum of all bytes before it.
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
    server: Option<String>,
    context: Context,
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
            server: None,
            context: Context::new(),
        }
    }

    /// Reads one element. Nothing changes if it is incomplete.
    #[inline]
    fn step<S: Sink>(&mut self, cursor: &mut Cursor<'_>, sink: &mut S) -> Read<Step> {
        self.state = match &mut self.state {
            State::Value(value) => {
                if !value.step(cursor, &mut self.context, sink)? {
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
                return if skip.step(cursor, &self.context.templates)? {
                    Ok(self.key_ends())
                } else {
                    Ok(Step::Next)
                };
            }
            State::Opcode => return self.opcodes(cursor, sink),
            State::Header => {
                (self.family, self.version) = header(cursor.array()?)?;
                if self.family.knows(self.version) { State::Opcode } else { State::TooNew }
            }
            State::TooNew => return self.name_server(cursor),
            State::Template(template) => {
                if !template.step(cursor, &mut self.context.templates)? {
                    return Ok(Step::Next);
                }
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

    fn too_new(&self) -> ErrorKind {
        ErrorKind::UnsupportedVersion { family: self.family, version: self.version }
    }

    /// Reads a field of a snapshot of an unknown version, up to the one that names the server.
    #[cold]
    fn name_server(&mut self, cursor: &mut Cursor<'_>) -> Read<Step> {
        let field = |cursor: &mut Cursor<'_>| match cursor.byte()? {
            opcodes::AUX => {
                let (name, value) = (cursor.string()?, cursor.string()?);
                Ok((name.to_bytes()?, value.to_bytes()?))
            }
            _ => Err(Stop::Bad(self.too_new())),
        };
        match field(cursor) {
            Ok((name, value)) => self.note_server(&name, &value),
            Err(Stop::NeedMore) => return Err(Stop::NeedMore),
            Err(Stop::Bad(_)) => return Err(self.too_new().into()),
        }
        if self.server.is_some() { Err(self.too_new().into()) } else { Ok(Step::Next) }
    }

    fn note_server(&mut self, name: &[u8], version: &[u8]) {
        let name = match name {
            b"redis-ver" => "Redis",
            b"valkey-ver" => "Valkey",
            _ => return,
        };
        let version = &version[..version.len().min(VERSION_IN_ERRORS)];
        self.server = Some(format!("{name} {}", version.escape_ascii()));
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
                // the next call reads on from there
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
            opcodes::EOF => {
                let checksum = self.version >= FIRST_VERSION_WITH_CHECKSUM;
                self.state = if checksum { State::Checksum } else { State::Done };
            }
            opcodes::SELECTDB => self.meta.db = db(cursor.length()?)?,
            opcodes::EXPIRETIME => {
                let seconds = i32::from_le_bytes(cursor.array()?);
                self.meta.expire_at = Some(i64::from(seconds) * 1000);
            }
            opcodes::EXPIRETIME_MS => {
                self.meta.expire_at = Some(cursor.i64_le()?).filter(|&at| at != NO_EXPIRY);
            }
            opcodes::IDLE => self.meta.idle = Some(cursor.length()?),
            opcodes::FREQ => self.meta.freq = Some(cursor.byte()?),
            opcodes::RESIZEDB => {
                let (keys, _expiring) = (cursor.length()?, cursor.length()?);
                sink.db_size(self.meta.db, keys);
            }
            opcodes::SLOT_INFO => skip_lengths(3, cursor)?,
            opcodes::AUX => {
                let (name, value) = (cursor.string()?, cursor.string()?);
                let (name, value) = (name.to_bytes()?, value.to_bytes()?);
                self.note_server(&name, &value);
                sink.aux(&name, &value);
                return Ok(Step::Event);
            }
            opcodes::FUNCTION2 => {
                let code = cursor.string()?;
                sink.function(&code.to_bytes()?);
                return Ok(Step::Event);
            }
            opcodes::FUNCTION_PRE_GA => {
                let what = "a function of the 7.0 release candidates";
                return Err(ErrorKind::UnsupportedType(opcodes::FUNCTION_PRE_GA, what).into());
            }
            opcodes::MODULE_AUX => {
                module::aux_header(cursor)?;
                self.state = State::ModuleAux;
            }
            opcodes::KEY_META => match self.family {
                Family::Redis => self.state = State::KeyMeta { classes: cursor.length()? },
                Family::Valkey => {
                    slot_import(cursor, sink)?;
                    return Ok(Step::Event);
                }
            },
            opcodes::TEMPLATE => match self.family {
                Family::Redis => {
                    let template = Definition::open(cursor, &self.context.templates)?;
                    self.state = State::Template(template);
                }
                Family::Valkey => {
                    return Err(ErrorKind::UnsupportedType(opcodes::TEMPLATE, FORKLESS).into());
                }
            },
            opcodes::RAM_LRU | opcodes::SLOT_NUM if self.family == Family::Redis => {
                skip_lengths(1, cursor)?;
            }
            opcodes::NO_EVICT if self.family == Family::Redis => {}
            types::CRON if self.family == Family::Redis => {
                cursor.string()?;
                sink.left_out(LeftOut::Cron);
                self.state = State::Unwanted(Skip::cron());
            }
            value_type => return self.open(value_type, cursor, sink),
        }
        Ok(Step::Next)
    }

    /// Begins a key. Its name is read before its type is judged, so that an error can name it.
    #[inline]
    fn open<S: Sink>(
        &mut self,
        value_type: u8,
        cursor: &mut Cursor<'_>,
        sink: &mut S,
    ) -> Read<Step> {
        if value_type > types::LAST {
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
        self.context.seen.clear();
        self.state = if wanted { State::Value(value) } else { State::Unwanted(Skip::new(value)) };
        Ok(Step::Next)
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
fn slot_import<S: Sink>(cursor: &mut Cursor<'_>, sink: &mut S) -> Read<()> {
    const SLOTS: u64 = 16_384;
    let name = cursor.string()?;
    let count = cursor.length()?;
    if count > SLOTS {
        return Err(ErrorKind::BadSlotImport.into());
    }
    let mut ranges = Vec::new();
    for _ in 0..count {
        let (first, last) = (cursor.length()?, cursor.length()?);
        match (u16::try_from(first), u16::try_from(last)) {
            (Ok(first), Ok(last)) if u64::from(last) < SLOTS => ranges.push((first, last)),
            _ => return Err(ErrorKind::BadSlotImport.into()),
        }
    }
    sink.import(&name.to_bytes()?, &ranges);
    Ok(())
}
