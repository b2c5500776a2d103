//! The file around the values: header, opcodes, keys, checksum.

use std::fmt;

use super::cursor::{Cursor, Read, Stop};
use super::error::{Error, ErrorKind};
use super::input::Input;
use super::limits::Limits;
use super::module;
use super::piece::Piece;
use super::sink::{LeftOut, Meta, Sink};
use super::skip::Skip;
use super::template::Definition;
use super::value::{Context, Value};
use super::version::{Family, header};
use super::write::Dialect;

/// A scheduled script of KeyDB, in the place of a value's type.
const TYPE_CRON: u8 = 64;
/// How Redis Enterprise keeps a key, and in which of its slots. It says nothing to others.
const OPCODE_RAM_LRU: u8 = 107;
const OPCODE_SLOT_NUM: u8 = 121;
/// The key that comes next is never evicted (Redis, RDB version 17).
const OPCODE_NO_EVICT: u8 = 241;
/// Redis: a hash template. Valkey: a command, as it ran while a snapshot was sent without a fork.
const OPCODE_TEMPLATE: u8 = 242;
/// Redis: key metadata. Valkey: a slot migration.
pub(crate) const OPCODE_KEY_META: u8 = 243;
const OPCODE_SLOT_INFO: u8 = 244;
pub(super) const OPCODE_FUNCTION2: u8 = 245;
const OPCODE_FUNCTION_PRE_GA: u8 = 246;
const OPCODE_MODULE_AUX: u8 = 247;
pub(super) const OPCODE_IDLE: u8 = 248;
pub(super) const OPCODE_FREQ: u8 = 249;
pub(super) const OPCODE_AUX: u8 = 250;
pub(super) const OPCODE_RESIZEDB: u8 = 251;
pub(super) const OPCODE_EXPIRETIME_MS: u8 = 252;
const OPCODE_EXPIRETIME: u8 = 253;
pub(super) const OPCODE_SELECTDB: u8 = 254;
pub(super) const OPCODE_EOF: u8 = 255;

const FIRST_VERSION_WITH_CHECKSUM: u32 = 5;

/// What a master of Valkey sends only to replicas that ask for it.
const FORKLESS: &str = "a command within the snapshot; the master has to fork for it";

/// Servers take this time in ms for none at all.
const NO_EXPIRY: i64 = -1;

const KEY_IN_ERRORS: usize = 128;
const VERSION_IN_ERRORS: usize = 32;

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
    /// Whether bytes behind the end are wrong.
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

    /// The same with limits of one's own.
    pub fn with_limits(limits: Limits) -> Self {
        Self { input: Input::new(limits), file: File::new(), exact: false, failed: None }
    }

    /// For a snapshot whose end alone says where it ends: were bytes behind that passed over, what
    /// the master sends next could be among them.
    pub fn exact(self) -> Self {
        Self { exact: true, ..self }
    }

    /// Bytes of the snapshot that are used.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// The version in the snapshot's header. `None` before the header has come, and if
    /// [`Writer`](super::write::Writer) does not know the version.
    pub fn dialect(&self) -> Option<Dialect> {
        Dialect::new(self.file.family, self.file.version)
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
    /// What is wrong with the snapshot, and where. After that, the same again.
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
                            // servers do not look at what stands behind the end
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

    /// To be called when the transfer has ended.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] where the snapshot has not ended there, or what [`Decoder::next`] found
    /// before.
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
        let magic = matches!(kind, ErrorKind::UnsupportedVersion { .. });
        let offset = if magic { 0 } else { self.input.offset() };
        Error { offset, kind, key, value_type, server: self.file.server.clone() }
    }
}

/// What is read next.
enum State {
    Header,
    /// The version is unknown. The fields at the start may tell whose it is.
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

    /// Reads one element. Where the bytes end within it, nothing has changed.
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
            OPCODE_AUX => {
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
                let (name, value) = (name.to_bytes()?, value.to_bytes()?);
                self.note_server(&name, &value);
                sink.aux(&name, &value);
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
            OPCODE_KEY_META => match self.family {
                Family::Redis => self.state = State::KeyMeta { classes: cursor.length()? },
                Family::Valkey => skip_slot_import(cursor)?,
            },
            OPCODE_TEMPLATE => match self.family {
                Family::Redis => {
                    let template = Definition::open(cursor, &self.context.templates)?;
                    self.state = State::Template(template);
                }
                Family::Valkey => {
                    return Err(ErrorKind::UnsupportedType(OPCODE_TEMPLATE, FORKLESS).into());
                }
            },
            OPCODE_RAM_LRU | OPCODE_SLOT_NUM if self.family == Family::Redis => {
                skip_lengths(1, cursor)?;
            }
            OPCODE_NO_EVICT if self.family == Family::Redis => {}
            TYPE_CRON if self.family == Family::Redis => {
                cursor.string()?;
                sink.left_out(LeftOut::Cron);
                self.state = State::Unwanted(Skip::cron());
            }
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
