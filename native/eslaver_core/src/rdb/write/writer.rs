//! The file: header, opcodes, keys and checksum.

use super::super::array::NO_INDEX;
use super::super::element::NO_EXPIRY;
use super::super::opcodes;
use super::super::sink::{Item, Meta, ModuleField, StreamId, StreamMeta};
use super::contents::{Contents, ExpiryForm, Form, TOO_LATE, possible};
use super::dialect::Dialect;
use super::error::WriteError;
use super::feature::{AUX, FUNCTION, USAGE};
use super::groups;
use super::node::Entries;
use super::output::{Body, Output};

type Written = Result<(), WriteError>;

/// Writes an RDB file of one version.
///
/// For each key call [`Writer::begin`], then what [`Contents`] says, then [`Writer::end`]. The writer
/// buffers 64 KB, and one node of a stream. It refuses to finish a file with an incomplete value.
///
/// ```
/// use eslaver_core::rdb::write::{Contents, Dialect, Server, Writer};
/// use eslaver_core::rdb::{Item, Meta};
///
/// let redis_7 = Dialect::of_server(Server::Redis, 7, 0).unwrap();
/// let mut writer = Writer::new(redis_7, Vec::new());
/// writer.begin(b"numbers", &Meta::default(), Contents::List { count: 2 })?;
/// writer.item(Item::Bytes(b"one"))?;
/// writer.item(Item::Int(2))?;
/// writer.end()?;
/// let file: Vec<u8> = writer.finish()?;
/// assert!(file.starts_with(b"REDIS0010"));
/// # Ok::<(), eslaver_core::rdb::write::WriteError>(())
/// ```
pub struct Writer<O> {
    body: Body<O>,
    dialect: Dialect,
    /// The database of the keys that follow.
    db: Option<u32>,
    /// Whether it is a payload, of one value.
    is_payload: bool,
    state: State,
    /// Elements of the current value that are still to come.
    left: u64,
}

/// What may come next.
enum State {
    /// A key, or the end of the file.
    Between,
    /// The value of a payload.
    Bare,
    /// Elements of this form, or the end of the value.
    Value(Form),
    /// Entries of a stream, or what follows them.
    Stream(Box<Entries>),
    /// The end of a stream.
    Complete,
    /// The end of a payload.
    Whole,
    /// Nothing: an error has cut a value short.
    Broken,
}

impl<O> std::fmt::Debug for Writer<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("dialect", &self.dialect)
            .field("db", &self.db)
            .finish_non_exhaustive()
    }
}

impl<O: Output> Writer<O> {
    /// Begins a file of this version.
    pub fn new(dialect: Dialect, output: O) -> Self {
        let mut body = Body::new(output);
        body.put(dialect.magic().as_bytes());
        Self { body, dialect, db: None, is_payload: false, state: State::Between, left: 0 }
    }

    /// Begins a payload for `RESTORE` by a server of this version: one value, of which
    /// [`Writer::begin`] leaves out the key and its metadata.
    ///
    /// ```
    /// use eslaver_core::rdb::write::{Contents, Dialect, Server, Writer};
    /// use eslaver_core::rdb::{Item, Meta};
    ///
    /// let redis_7 = Dialect::of_server(Server::Redis, 7, 0).unwrap();
    /// let mut writer = Writer::payload(redis_7, Vec::new());
    /// writer.begin(b"", &Meta::default(), Contents::List { count: 1 })?;
    /// writer.item(Item::Bytes(b"one"))?;
    /// writer.end()?;
    /// let payload: Vec<u8> = writer.finish()?;
    /// assert!(payload.starts_with(b"\x01\x01\x03one\x0a\x00"));
    /// # Ok::<(), eslaver_core::rdb::write::WriteError>(())
    /// ```
    pub fn payload(dialect: Dialect, output: O) -> Self {
        let body = Body::new(output);
        Self { body, dialect, db: None, is_payload: true, state: State::Bare, left: 0 }
    }

    /// The output.
    pub fn output(&self) -> &O {
        self.body.output()
    }

    /// The output. The checksum leaves out what the caller writes to it.
    pub fn output_mut(&mut self) -> &mut O {
        self.body.output_mut()
    }

    /// Writes an auxiliary field, such as `redis-ver`, unless the version is older than Redis 3.2 and has
    /// none.
    ///
    /// # Errors
    /// Within a value.
    pub fn aux(&mut self, name: &[u8], value: &[u8]) -> Written {
        self.between()?;
        if self.dialect.has(AUX) {
            self.body.byte(opcodes::AUX);
            self.body.string(name);
            self.body.string(value);
        }
        Ok(())
    }

    /// Writes a function library: its source code.
    ///
    /// # Errors
    /// If the version has no functions, or within a value. Then nothing has been written.
    pub fn function(&mut self, code: &[u8]) -> Written {
        self.between()?;
        self.dialect.require(FUNCTION)?;
        self.body.byte(opcodes::FUNCTION2);
        self.body.plain(code);
        Ok(())
    }

    /// Tells the number of keys in a database, and of those that expire, so that servers make room for
    /// them. Optional; call it before the keys of the database.
    ///
    /// # Errors
    /// Within a value.
    pub fn database(&mut self, db: u32, keys: u64, expires: u64) -> Written {
        self.between()?;
        self.select(db);
        if self.dialect.has(AUX) {
            self.body.byte(opcodes::RESIZEDB);
            self.body.length(keys);
            self.body.length(expires);
        }
        Ok(())
    }

    /// Begins a key. Versions before Redis 5.0 have no idle time and access counter: they are left out.
    ///
    /// # Errors
    /// If the version has no such value, no server can have one, or within another value. Then nothing
    /// has been written.
    pub fn begin(&mut self, key: &[u8], meta: &Meta, contents: Contents) -> Written {
        let is_bare = matches!(self.state, State::Bare);
        if !is_bare {
            self.between()?;
        }
        let head = contents.head(self.dialect)?;
        if is_bare {
            self.body.byte(head.value_type);
        } else {
            self.select(meta.db);
            self.meta(meta);
            self.body.byte(head.value_type);
            self.body.string(key);
        }
        if let Some(time) = head.time {
            self.body.put(&time.to_le_bytes());
        }
        for length in head.lengths.into_iter().flatten() {
            self.body.length(length);
        }
        self.left = head.left;
        self.state = match contents {
            Contents::Stream { nodes } => State::Stream(Box::new(Entries::new(nodes))),
            _ => State::Value(head.form),
        };
        Ok(())
    }

    /// Writes a string, an element of a list, a member of a set that does not expire, or the time of a
    /// rate limiter.
    ///
    /// # Errors
    /// If there is no place for it.
    #[inline]
    pub fn item(&mut self, item: Item<'_>) -> Written {
        match self.form()? {
            Form::Items => {
                self.take()?;
                self.body.item(item);
                Ok(())
            }
            Form::ExpiringItems { .. } => self.member(item, None),
            Form::Gcra => {
                let Item::Int(at @ 0..) = item else {
                    return Err(WriteError::OutOfPlace("what is no time of a rate limiter"));
                };
                self.take()?;
                self.body.length(at.cast_unsigned());
                Ok(())
            }
            _ => Err(WriteError::OutOfPlace("an item")),
        }
    }

    /// Writes a member of a set that expires, at a time in ms since the epoch.
    ///
    /// # Errors
    /// If there is no place for it, or no server takes this time.
    pub fn expiring_item(&mut self, item: Item<'_>, at_ms: u64) -> Written {
        self.member(item, Some(at_ms))
    }

    fn member(&mut self, item: Item<'_>, at: Option<u64>) -> Written {
        let Form::ExpiringItems { least } = self.form()? else {
            return Err(WriteError::OutOfPlace("a member that expires"));
        };
        let after = after(at, least)?;
        self.take()?;
        self.body.length(after);
        self.body.item(item);
        Ok(())
    }

    /// Writes the next bytes of a string given in pieces.
    ///
    /// # Errors
    /// If there is no place for them.
    pub fn piece(&mut self, bytes: &[u8]) -> Written {
        let left = match self.form()? {
            Form::Bytes => self.left.checked_sub(bytes.len() as u64),
            _ => None,
        };
        self.left = left.ok_or(WriteError::OutOfPlace("a piece of a string"))?;
        self.body.put(bytes);
        Ok(())
    }

    /// Writes a member of a sorted set.
    ///
    /// # Errors
    /// If there is no place for it, or the score is NaN.
    #[inline]
    pub fn scored(&mut self, member: Item<'_>, score: f64) -> Written {
        let Form::Scores { binary } = self.form()? else {
            return Err(WriteError::OutOfPlace("a member with a score"));
        };
        if score.is_nan() {
            return Err(WriteError::OutOfPlace("a score that is not a number"));
        }
        self.take()?;
        self.body.item(member);
        if binary {
            self.body.put(&score.to_le_bytes());
        } else {
            self.body.score_text(score);
        }
        Ok(())
    }

    /// Writes a field of a hash that does not expire, of a stream's entry, or of a path.
    ///
    /// # Errors
    /// If there is no place for it.
    #[inline]
    pub fn pair(&mut self, field: Item<'_>, value: Item<'_>) -> Written {
        if let State::Stream(entries) = &mut self.state {
            return entries.pair(field, value);
        }
        match self.form()? {
            Form::Pairs => self.take()?,
            Form::ExpiringPairs(_) => return self.field(field, value, None),
            Form::Paths { pairs } => {
                let pairs = pairs.checked_sub(1).ok_or(TOO_MANY)?;
                self.state = State::Value(Form::Paths { pairs });
            }
            _ => return Err(WriteError::OutOfPlace("a field with a value")),
        }
        self.body.item(field);
        self.body.item(value);
        Ok(())
    }

    /// Writes a field of a hash that expires, at a time in ms since the epoch.
    ///
    /// # Errors
    /// If there is no place for it, or no server takes this time.
    pub fn expiring_pair(&mut self, field: Item<'_>, value: Item<'_>, at_ms: u64) -> Written {
        self.field(field, value, Some(at_ms))
    }

    fn field(&mut self, field: Item<'_>, value: Item<'_>, at: Option<u64>) -> Written {
        let Form::ExpiringPairs(form) = self.form()? else {
            return Err(WriteError::OutOfPlace("a field that expires"));
        };
        match form {
            ExpiryForm::After { least } => {
                let after = after(at, least)?;
                self.take()?;
                self.body.length(after);
                self.body.item(field);
                self.body.item(value);
            }
            ExpiryForm::Time => {
                let at = match at {
                    Some(at) => i64::try_from(at).map_err(|_| TOO_LATE)?,
                    None => NO_EXPIRY,
                };
                self.take()?;
                self.body.item(field);
                self.body.item(value);
                self.body.put(&at.to_le_bytes());
            }
        }
        Ok(())
    }

    /// Writes an element of an array.
    ///
    /// # Errors
    /// If there is no place for it.
    pub fn indexed(&mut self, index: u64, element: Item<'_>) -> Written {
        if self.form()? != Form::Elements || index == NO_INDEX {
            return Err(WriteError::OutOfPlace("an element with an index"));
        }
        self.take()?;
        self.body.length(index);
        self.body.element(element);
        Ok(())
    }

    /// Begins a path of a path hash with this number of fields.
    ///
    /// # Errors
    /// If there is no place for it, or there are no fields.
    pub fn path(&mut self, path: Item<'_>, fields: u64) -> Written {
        if self.form()? != (Form::Paths { pairs: 0 }) || fields == 0 {
            return Err(WriteError::OutOfPlace("a path"));
        }
        self.take()?;
        self.state = State::Value(Form::Paths { pairs: fields });
        self.body.item(path);
        self.body.length(fields);
        Ok(())
    }

    /// Begins an entry of a stream with this number of fields. `bytes` is what
    /// [`StreamNodes::add`](super::StreamNodes::add) was given for it.
    ///
    /// # Errors
    /// If there is no place for it. The file cannot be finished then.
    pub fn entry(&mut self, id: StreamId, fields: u64, bytes: usize) -> Written {
        let State::Stream(entries) = &mut self.state else {
            return Err(WriteError::OutOfPlace("an entry"));
        };
        let begun = entries.begin(id, fields, bytes, &mut self.body);
        begun.inspect_err(|_| self.state = State::Broken)
    }

    /// Writes what follows a stream's entries, without what the version lacks. Where `meta` lacks
    /// something that the version has, it writes what servers assume when they load an older file.
    ///
    /// # Errors
    /// If the entries differ from those counted, a pending entry's consumer is missing, or it has none
    /// and the version requires one. The file cannot be finished then.
    pub fn stream(&mut self, meta: &StreamMeta) -> Written {
        let State::Stream(entries) = &mut self.state else {
            return Err(WriteError::OutOfPlace("what ends a stream"));
        };
        let written = entries
            .finish(&mut self.body)
            .and_then(|()| groups::write(meta, entries, self.dialect, &mut self.body));
        self.state = if written.is_ok() { State::Complete } else { State::Broken };
        written
    }

    /// Writes a field of a module's value.
    ///
    /// # Errors
    /// If the current value is not a module's.
    pub fn module_field(&mut self, field: ModuleField<'_>) -> Written {
        if self.form()? != Form::ModuleFields {
            return Err(WriteError::OutOfPlace("a module's field"));
        }
        self.body.module_field(field);
        Ok(())
    }

    /// Ends the key.
    ///
    /// # Errors
    /// If there is none, or it is incomplete.
    pub fn end(&mut self) -> Written {
        match self.state {
            State::Value(Form::ModuleFields) => self.body.module_end(),
            State::Value(Form::Paths { pairs: 1.. }) => return Err(TOO_FEW),
            State::Value(_) if self.left > 0 => return Err(TOO_FEW),
            State::Value(_) | State::Complete => {}
            State::Between | State::Bare | State::Whole | State::Stream(_) | State::Broken => {
                return Err(WriteError::OutOfPlace("a value's end"));
            }
        }
        self.state = if self.is_payload { State::Whole } else { State::Between };
        Ok(())
    }

    /// Ends the file, or the payload. Returns the output.
    ///
    /// # Errors
    /// Within a value, or before that of a payload.
    pub fn finish(mut self) -> Result<O, WriteError> {
        if matches!(self.state, State::Whole) {
            self.body.put(&(self.dialect.version() as u16).to_le_bytes());
        } else {
            self.between()?;
            self.body.byte(opcodes::EOF);
        }
        Ok(self.body.finish())
    }

    fn between(&self) -> Written {
        match self.state {
            State::Between => Ok(()),
            _ => Err(WriteError::OutOfPlace("what belongs between values, within one")),
        }
    }

    #[inline]
    fn form(&self) -> Result<Form, WriteError> {
        match self.state {
            State::Value(form) => Ok(form),
            _ => Err(WriteError::OutOfPlace("a part of a value")),
        }
    }

    /// Counts an element.
    #[inline]
    fn take(&mut self) -> Written {
        self.left = self.left.checked_sub(1).ok_or(TOO_MANY)?;
        Ok(())
    }

    fn select(&mut self, db: u32) {
        if self.db != Some(db) {
            self.body.byte(opcodes::SELECTDB);
            self.body.length(db.into());
            self.db = Some(db);
        }
    }

    fn meta(&mut self, meta: &Meta) {
        if let Some(at) = meta.expire_at {
            // -1 stands for no expiry; the time before it has passed as well
            let at = if at == NO_EXPIRY { at - 1 } else { at };
            self.body.byte(opcodes::EXPIRETIME_MS);
            self.body.put(&at.to_le_bytes());
        }
        if self.dialect.has(USAGE) {
            if let Some(idle) = meta.idle {
                self.body.byte(opcodes::IDLE);
                self.body.length(idle);
            }
            if let Some(freq) = meta.freq {
                self.body.put(&[opcodes::FREQ, freq]);
            }
        }
    }
}

const TOO_MANY: WriteError = WriteError::OutOfPlace("more elements than were announced");
const TOO_FEW: WriteError = WriteError::OutOfPlace("a value's end, before all that was announced");

/// The expiry counted from `least`, which is 1; 0 for none.
fn after(at: Option<u64>, least: u64) -> Result<u64, WriteError> {
    let Some(at) = at else { return Ok(0) };
    let after = possible(at)?.checked_sub(least);
    let after = after.ok_or(WriteError::OutOfPlace("an expiry before the least of them"))?;
    Ok(after + 1)
}
