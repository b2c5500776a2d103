//! A store with its writer, for tests: commands are applied, and queries answered.

use std::sync::Arc;

use eslaver_core::commands::Learned;

use crate::keyspace::error::ReadError;
use crate::keyspace::look::Patience;
use crate::keyspace::store::Store;
use crate::keyspace::version::Server;
use crate::read::query::Arg;
use crate::read::reader::Reader;
use crate::read::reply::{Answer, Tree};
use crate::read::table::Queries;
use crate::values::NewValue;
use crate::write::command::Command;
use crate::write::refusal::Refusal;
use crate::write::writer::Writer;

/// Where the time of tests stands, in ms since the epoch.
pub(crate) const NOW: i64 = 1_700_000_000_000;

pub(crate) struct Mirror {
    pub(crate) store: Arc<Store>,
    pub(crate) writer: Writer,
    queries: Queries,
}

impl Mirror {
    /// Of a server with this version, as its snapshot tells it.
    pub(crate) fn new(aux: &str, version: &str) -> Self {
        let store = Arc::new(Store::new());
        let server = Server::from_aux(aux.as_bytes(), version.as_bytes()).unwrap();
        store.set_server(server);
        let writer = Writer::new(Arc::clone(&store), Learned::default(), None);
        Self { store, writer, queries: Queries::default() }
    }

    pub(crate) fn redis(version: &str) -> Self {
        Self::new("redis-ver", version)
    }

    /// Applies a command, the first word of which is its name.
    pub(crate) fn try_run(&mut self, words: &[&[u8]]) -> Result<(), Refusal> {
        let (name, args) = words.split_first().unwrap();
        let mut result = Ok(());
        self.writer.apply(&[Command { db: 0, name, args }], NOW, |_, refusal| {
            result = Err(refusal);
        });
        result
    }

    /// Applies a command of words without spaces; `''` is an empty one.
    pub(crate) fn run(&mut self, line: &str) {
        assert_eq!(self.refusal(line), None, "{line}");
    }

    pub(crate) fn refusal(&mut self, line: &str) -> Option<Refusal> {
        let words: Vec<&[u8]> = line
            .split(' ')
            .map(|word| if word == "''" { &b""[..] } else { word.as_bytes() })
            .collect();
        self.try_run(&words).err()
    }

    /// Gives a key a value of a snapshot.
    pub(crate) fn load(&self, key: &str, value: NewValue) {
        self.store.ensure_db(0);
        let dbs = self.store.dbs();
        let mut session = crate::keyspace::session::Session::new(&self.store, &dbs);
        let mut trash = crate::Trash::new(Arc::clone(self.store.account()));
        let context = crate::write::context::Context::new(&mut session, &mut trash, 0, NOW);
        context.unwrap().put(key.as_bytes(), value, None);
    }

    pub(crate) fn try_read(&self, name: &str, args: &[Arg<'_>]) -> Result<Answer, ReadError> {
        let reader = Reader::new(&self.store, 0, NOW, Patience::Long);
        let mut tree = Tree::default();
        self.queries.answer(&reader, name, args, &mut tree)?;
        Ok(tree.into_answer().unwrap())
    }

    pub(crate) fn read(&self, name: &str, args: &[Arg<'_>]) -> Answer {
        self.try_read(name, args).unwrap()
    }
}

pub(crate) fn text(text: &str) -> Arg<'_> {
    Arg::Bytes(text.as_bytes())
}

pub(crate) fn list<'a>(args: impl IntoIterator<Item = Arg<'a>>) -> Arg<'a> {
    Arg::List(args.into_iter().collect())
}

pub(crate) fn pair<'a>(one: Arg<'a>, other: Arg<'a>) -> Arg<'a> {
    Arg::Tuple(vec![one, other])
}

pub(crate) fn bytes(text: &str) -> Answer {
    Answer::Bytes(text.as_bytes().to_vec())
}

/// Strings; `-` is `undefined`.
pub(crate) fn texts(line: &str) -> Answer {
    let one = |word| if word == "-" { UNDEFINED } else { bytes(word) };
    Answer::List(line.split_whitespace().map(one).collect())
}

pub(crate) fn ints(ints: &[i128]) -> Answer {
    Answer::List(ints.iter().map(|int| Answer::Int(*int)).collect())
}

pub(crate) const UNDEFINED: Answer = Answer::Atom("undefined");

pub(crate) fn error(why: &'static str) -> Answer {
    Answer::Tuple(vec![Answer::Atom("error"), Answer::Atom(why)])
}
