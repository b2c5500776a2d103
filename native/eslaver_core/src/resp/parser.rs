//! The parser of the command stream.

use std::ops::Range;

use super::command::Command;
use super::error::{Error, Fault};
use super::inline;
use super::limits::Limits;

/// Bytes of the buffer that are kept between commands. A larger buffer is freed.
const KEPT_BYTES: usize = 256 * 1024;

/// Argument ranges that are kept between commands.
const KEPT_ARGS: usize = 4 * 1024;

/// More digits than any length can have, few enough for an `u64`.
const MAX_DIGITS: usize = 18;

/// Bytes of a master's error that are shown.
const MAX_SHOWN: usize = 200;

/// How many commands are read at a time.
pub const AHEAD: usize = 16;

/// The parser. Feed it the stream in pieces of any size, and after each piece take commands until
/// it gives `None`.
#[derive(Debug)]
pub struct Commands {
    limits: Limits,
    buf: Vec<u8>,
    /// Stream offset of `buf[0]`.
    base: u64,
    /// Commands that have been read, the first `taken` of which have been handed out.
    ahead: Vec<Whole>,
    taken: usize,
    /// Where in `buf` the command behind them begins.
    start: usize,
    /// How far that command has been read, counted from `start`.
    cursor: usize,
    /// Bytes skipped since the last command.
    skipped: u64,
    state: State,
    /// The arguments of all of them, and those read so far of the next: each counted from where its
    /// command begins, or within `inline`.
    args: Vec<Range<usize>>,
    /// The arguments of an inline command, without their quotes.
    inline: Vec<u8>,
}

/// A command that has been read.
#[derive(Debug)]
struct Whole {
    /// Where it lies in `buf`.
    at: Range<usize>,
    /// Where its arguments end in `args`.
    args: usize,
    /// Its bytes in the stream, with those skipped before it.
    len: u64,
    is_inline: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// At the first byte of a command, or within an inline one.
    Begin,
    /// At the header of an argument, with the number of arguments left.
    Header(u64),
    /// At the bytes of an argument, with the number of arguments left, this one included, and its
    /// length.
    Data(u64, usize),
}

enum Found {
    NeedMore,
    Skipped(usize),
    Array,
    Multibulk,
    Inline,
}

impl Commands {
    /// A parser at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buf: Vec::new(),
            base: 0,
            ahead: Vec::new(),
            taken: 0,
            start: 0,
            cursor: 0,
            skipped: 0,
            state: State::Begin,
            args: Vec::new(),
            inline: Vec::new(),
        }
    }

    /// Takes the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.release();
        if self.ahead.is_empty() && self.start >= self.buf.len() - self.start {
            self.compact();
        }
        self.buf.extend_from_slice(bytes);
    }

    /// The next command, or `None` if it is incomplete.
    ///
    /// # Errors
    /// If the bytes are no command, or exceed the [`Limits`]. The stream is lost then: every later
    /// call gives the same error.
    #[allow(clippy::should_implement_trait, reason = "a command is lent, no iterator can do that")]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Command<'_>>, Error> {
        if self.taken == self.ahead.len() {
            self.read_whole().map_err(|fault| self.error(fault))?;
        }
        let Some(Whole { at, args, len, is_inline }) = self.ahead.get(self.taken) else {
            self.shrink();
            return Ok(None);
        };
        let args = &self.args[self.args_before(self.taken)..*args];
        self.taken += 1;
        let bytes = if *is_inline { &self.inline[..] } else { &self.buf[at.clone()] };
        Ok(Some(Command::new(bytes, args, *len)))
    }

    /// Gives back the last command that was taken: the next call of [`Self::next`] gives it again. It
    /// must not be called twice, nor after other calls.
    pub fn give_back(&mut self) {
        self.taken = self.taken.saturating_sub(1);
    }

    /// Once all commands that were read have been taken, reads the next [`AHEAD`], as far as they have
    /// come whole, and hands the first argument of each to `each`: mostly these are keys.
    #[inline]
    pub fn read_ahead<'a>(&'a mut self, each: impl FnMut(&'a [u8])) {
        if self.taken == self.ahead.len() && self.read_whole().is_ok() {
            self.first_arguments().for_each(each);
        }
    }

    fn first_arguments(&self) -> impl Iterator<Item = &[u8]> {
        self.ahead.iter().enumerate().filter_map(|(index, whole)| {
            let args = self.args.get(self.args_before(index)..whole.args)?;
            let bytes = self.buf.get(whole.at.clone())?;
            bytes.get(args.get(1).filter(|_| !whole.is_inline)?.clone())
        })
    }

    /// Where the arguments begin of the command that `index` others precede.
    #[inline]
    fn args_before(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ahead[before].args)
    }

    /// Reads the next commands. What is wrong behind a whole one is met again once that is taken.
    fn read_whole(&mut self) -> Result<(), Fault> {
        self.release();
        while self.ahead.len() < AHEAD {
            let is_inline = match self.read() {
                Ok(Found::Multibulk) => false,
                Ok(Found::Inline) => true,
                Err(fault) if self.ahead.is_empty() => return Err(fault),
                Err(_) | Ok(Found::NeedMore | Found::Skipped(_) | Found::Array) => break,
            };
            let at = self.start..self.start + self.cursor;
            let len = self.skipped + self.cursor as u64;
            self.start = at.end;
            self.cursor = 0;
            self.skipped = 0;
            self.state = State::Begin;
            self.ahead.push(Whole { at, args: self.args.len(), len, is_inline });
            // there is room for the words of one
            if is_inline {
                break;
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Found, Fault> {
        loop {
            let found = match self.state {
                State::Begin => self.begin()?,
                State::Header(left) => self.bulks(left, None)?,
                State::Data(left, len) => self.bulks(left, Some(len))?,
            };
            match found {
                Found::Skipped(bytes) => self.skip(bytes),
                Found::Array => (),
                found => return Ok(found),
            }
        }
    }

    fn begin(&mut self) -> Result<Found, Fault> {
        let data = &self.buf[self.start..];
        match data {
            [] => Ok(Found::NeedMore),
            [b'*', ..] => self.array(),
            [b'\n', ..] => Ok(Found::Skipped(1)),
            [b'\r', b'\n', ..] => Ok(Found::Skipped(2)),
            [b'\r'] => Ok(Found::NeedMore),
            _ => self.begin_otherwise(),
        }
    }

    #[cold]
    fn begin_otherwise(&mut self) -> Result<Found, Fault> {
        match &self.buf[self.start..] {
            [b'-'] => Ok(Found::NeedMore),
            [b'-', words @ ..] if words.first().is_some_and(u8::is_ascii_uppercase) => {
                words_of_master(words)
            }
            [found, ..] if !self.limits.inline => Err(Fault::expected_array(*found)),
            _ => self.inline(),
        }
    }

    fn array(&mut self) -> Result<Found, Fault> {
        let data = &self.buf[self.start..];
        let negative = data.get(1) == Some(&b'-');
        let Some((count, end)) = number(data, 1 + usize::from(negative))? else {
            return Ok(Found::NeedMore);
        };
        if count == 0 || negative {
            return Ok(Found::Skipped(end));
        }
        if count > self.limits.max_arguments {
            return Err(Fault::too_many_arguments(count, self.limits.max_arguments));
        }
        self.cursor = end;
        self.state = State::Header(count);
        Ok(Found::Array)
    }

    /// Reads arguments as far as their bytes have arrived. `known` is the length of the first, if
    /// its header has been read.
    fn bulks(&mut self, mut left: u64, mut known: Option<usize>) -> Result<Found, Fault> {
        let data = &self.buf[self.start..];
        let mut at = self.cursor;
        while left > 0 {
            let len = match known.take() {
                Some(len) => len,
                None => match bulk_header(data, at, self.limits.proto_max_bulk_len)? {
                    Some((len, end)) => {
                        at = end;
                        len
                    }
                    None => {
                        self.cursor = at;
                        self.state = State::Header(left);
                        return Ok(Found::NeedMore);
                    }
                },
            };
            let end = at + len;
            if !crlf(data, end)? {
                self.cursor = at;
                self.state = State::Data(left, len);
                return Ok(Found::NeedMore);
            }
            self.args.push(at..end);
            at = end + 2;
            left -= 1;
        }
        self.cursor = at;
        Ok(Found::Multibulk)
    }

    fn inline(&mut self) -> Result<Found, Fault> {
        let data = &self.buf[self.start..];
        let end = memchr::memchr(b'\n', &data[self.cursor..]).map(|at| self.cursor + at);
        if end.unwrap_or(data.len()) > self.limits.max_inline {
            return Err(Fault::inline_too_long(self.limits.max_inline));
        }
        let Some(end) = end else {
            self.cursor = data.len();
            return Ok(Found::NeedMore);
        };
        let line = data[..end].strip_suffix(b"\r").unwrap_or(&data[..end]);
        self.inline.clear();
        self.args.truncate(self.args_before(self.ahead.len()));
        inline::split(line, &mut self.inline, &mut self.args)?;
        if self.args.len() == self.args_before(self.ahead.len()) {
            return Ok(Found::Skipped(end + 1));
        }
        self.cursor = end + 1;
        Ok(Found::Inline)
    }

    fn skip(&mut self, bytes: usize) {
        self.start += bytes;
        self.skipped += bytes as u64;
        self.cursor = 0;
    }

    /// Forgets the commands that were read, if all have been taken.
    fn release(&mut self) {
        if self.taken == self.ahead.len()
            && let Some(last) = self.ahead.last()
        {
            self.args.drain(..last.args);
            self.ahead.clear();
            self.taken = 0;
        }
    }

    fn compact(&mut self) {
        let rest = self.buf.len() - self.start;
        self.buf.copy_within(self.start.., 0);
        self.buf.truncate(rest);
        self.base += self.start as u64;
        self.start = 0;
    }

    fn shrink(&mut self) {
        let rest = self.buf.len() - self.start;
        if self.buf.capacity() > KEPT_BYTES && rest < self.buf.capacity() / 4 {
            self.compact();
            self.buf.shrink_to(KEPT_BYTES.max(2 * rest));
        }
        if self.args.capacity() > KEPT_ARGS && self.args.len() < self.args.capacity() / 4 {
            self.args.shrink_to(KEPT_ARGS.max(2 * self.args.len()));
        }
    }

    fn error(&self, fault: Fault) -> Error {
        Error { offset: self.base + (self.start + fault.at) as u64, kind: fault.kind }
    }
}

/// An error where a command should be: a line that begins with its code.
fn words_of_master(data: &[u8]) -> Result<Found, Fault> {
    let shown = &data[..data.len().min(MAX_SHOWN)];
    match memchr::memchr2(b'\r', b'\n', shown) {
        Some(end) => Err(Fault::from_master(&shown[..end])),
        None if shown.len() < MAX_SHOWN => Ok(Found::NeedMore),
        None => Err(Fault::from_master(shown)),
    }
}

/// The decimal at `at` and the end of its line, or `None` if the line is incomplete.
#[inline]
fn number(data: &[u8], at: usize) -> Result<Option<(u64, usize)>, Fault> {
    // mostly it is short
    match data.get(at..) {
        Some([one @ b'0'..=b'9', b'\r', b'\n', ..]) => Ok(Some((u64::from(one - b'0'), at + 3))),
        Some([ten @ b'0'..=b'9', one @ b'0'..=b'9', b'\r', b'\n', ..]) => {
            Ok(Some((u64::from(ten - b'0') * 10 + u64::from(one - b'0'), at + 4)))
        }
        _ => long_number(data, at),
    }
}

fn long_number(data: &[u8], at: usize) -> Result<Option<(u64, usize)>, Fault> {
    let mut value = 0;
    let mut end = at;
    loop {
        match data.get(end) {
            None => return Ok(None),
            Some(digit @ b'0'..=b'9') if end - at < MAX_DIGITS => {
                value = value * 10 + u64::from(digit - b'0');
            }
            Some(b'0'..=b'9') => return Err(Fault::length_too_long(at)),
            Some(b'\r') if end > at => break,
            Some(found) => return Err(Fault::expected_digit(end, *found)),
        }
        end += 1;
    }
    Ok(crlf(data, end)?.then_some((value, end + 2)))
}

#[inline]
fn bulk_header(data: &[u8], at: usize, max: u64) -> Result<Option<(usize, usize)>, Fault> {
    match data.get(at) {
        None => return Ok(None),
        Some(b'$') => (),
        Some(found) => return Err(Fault::expected_bulk(at, *found)),
    }
    let Some((len, end)) = number(data, at + 1)? else {
        return Ok(None);
    };
    match usize::try_from(len) {
        Ok(size) if len <= max => Ok(Some((size, end))),
        _ => Err(Fault::bulk_too_long(at, len, max)),
    }
}

#[inline]
fn crlf(data: &[u8], at: usize) -> Result<bool, Fault> {
    match data.get(at..) {
        Some([b'\r', b'\n', ..]) => Ok(true),
        None | Some([] | [b'\r']) => Ok(false),
        Some([b'\r', found, ..]) => Err(Fault::expected_crlf(at + 1, *found)),
        Some([found, ..]) => Err(Fault::expected_crlf(at, *found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(parser: &mut Commands) -> usize {
        let mut count = 0;
        while parser.next().unwrap().is_some() {
            count += 1;
        }
        count
    }

    #[test]
    fn memory_is_given_back_after_a_huge_command() {
        let mut parser = Commands::new(Limits::default());
        let (bulk, args) = ("x".repeat(4_000_000), "$1\r\na\r\n".repeat(99_999));
        parser.feed(format!("*1\r\n$4000000\r\n{bulk}\r\n*1\r\n").as_bytes());
        assert_eq!(taken(&mut parser), 1);
        assert!(parser.buf.capacity() <= KEPT_BYTES);
        parser.feed(format!("$1\r\na\r\n*99999\r\n{args}*1\r\n").as_bytes());
        assert_eq!(taken(&mut parser), 2);
        assert!(parser.args.capacity() <= KEPT_ARGS);
    }

    #[test]
    fn first_arguments_are_those_of_the_commands_read_ahead() {
        let mut parser = Commands::new(Limits::default());
        let ahead = |parser: &mut Commands| {
            let mut found = Vec::new();
            parser.read_ahead(|argument| found.push(argument.to_vec()));
            found
        };
        assert!(ahead(&mut parser).is_empty());
        parser.feed(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n\n");
        parser.feed(b"*3\r\n$3\r\nSET\r\n$2\r\nbc\r\n$1\r\n1\r\n*2\r\n$3\r\nDEL\r\n$4\r\nde");
        assert_eq!(ahead(&mut parser), [&b"a"[..], b"bc"]);
        assert_eq!(parser.next().unwrap().unwrap().name(), b"GET");
        // what has been read is not read again
        assert!(ahead(&mut parser).is_empty());
        assert_eq!(taken(&mut parser), 2);
        assert!(ahead(&mut parser).is_empty());
        parser.feed(b"fg\r\nGET inline\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n*x");
        assert_eq!(ahead(&mut parser), [b"defg"]);
        assert_eq!(parser.next().unwrap().unwrap().name(), b"DEL");
        let inline = parser.next().unwrap().unwrap();
        assert_eq!(inline.args().get(0), Some(&b"inline"[..]));
        assert_eq!(ahead(&mut parser), [b"b"]);
        assert_eq!(parser.next().unwrap().unwrap().args().get(0), Some(&b"b"[..]));
        assert!(ahead(&mut parser).is_empty());
        let error = parser.next().unwrap_err();
        assert_eq!(parser.next().unwrap_err(), error);
    }

    #[test]
    fn a_command_that_is_given_back_comes_again() {
        let mut parser = Commands::new(Limits::default());
        parser.feed(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n\n*2\r\n$3\r\nDEL\r\n$1\r\nb\r\nPING c\r\n");
        assert_eq!(parser.next().unwrap().unwrap().name(), b"GET");
        for (name, argument, len) in [(&b"DEL"[..], &b"b"[..], 21), (b"PING", b"c", 8)] {
            for _ in 0..3 {
                let command = parser.next().unwrap().unwrap();
                assert_eq!((command.name(), command.len()), (name, len));
                assert_eq!(command.args().get(0), Some(argument));
                parser.give_back();
                // bytes may come meanwhile
                parser.feed(b"\n");
                parser.read_ahead(|_| {});
            }
            assert_eq!(parser.next().unwrap().unwrap().name(), name);
        }
        assert!(parser.next().unwrap().is_none());
    }

    #[test]
    fn bytes_may_come_before_all_that_was_read_is_taken() {
        let mut parser = Commands::new(Limits::default());
        let mut names = Vec::new();
        for round in 0..3 * AHEAD {
            parser.feed(format!("*1\r\n$3\r\n{:03}\r\n", 2 * round).as_bytes());
            parser.feed(format!("*1\r\n$3\r\n{:03}\r\n*1", 2 * round + 1).as_bytes());
            if round > 0 {
                names.push(parser.next().unwrap().unwrap().name().to_vec());
            }
            parser.feed(b"\r\n$1\r\nx\r\n");
        }
        while let Some(command) = parser.next().unwrap() {
            names.push(command.name().to_vec());
        }
        let numbers = names.iter().filter(|name| **name != b"x");
        let wanted: Vec<_> =
            (0..6 * AHEAD).map(|number| format!("{number:03}").into_bytes()).collect();
        assert!(numbers.eq(&wanted));
        assert_eq!(names.len(), 9 * AHEAD);
    }

    #[test]
    fn nothing_is_reserved_on_the_word_of_a_length() {
        let mut parser = Commands::new(Limits::default());
        parser.feed(b"*1048576\r\n$536870912\r\nabc");
        assert_eq!(taken(&mut parser), 0);
        assert!(parser.buf.capacity() < 1024);
        assert!(parser.args.capacity() < 1024);
    }

    #[test]
    fn what_has_been_taken_does_not_pile_up() {
        let mut parser = Commands::new(Limits::default());
        for _ in 0..10_000 {
            parser.feed(b"\nSET a 1\r\n*1\r\n$4\r\nPING\r\n*1\r");
            assert_eq!(taken(&mut parser), 2);
            parser.feed(b"\n$4\r\nEXEC\r\n\n");
            assert_eq!(taken(&mut parser), 1);
        }
        assert!(parser.buf.capacity() < 1024);
    }
}
