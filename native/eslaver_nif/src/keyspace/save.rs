//! Saves a keyspace as a file, on a thread of its own.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use eslaver_core::rdb::write::{Output, Writer as RdbWriter};
use eslaver_store::Trailer;
use rustler::types::map;
use rustler::{Binary, Encoder, Env, NifResult, ResourceArc, Term};

use crate::atoms;
use crate::io::replace::Replacement;
use crate::keyspace::applied::Position;
use crate::keyspace::file::{self, Failure};
use crate::keyspace::state::{Keyspace, Moment};
use crate::link::config::as_path;

/// What has become of it.
struct Saved {
    keys: u64,
    bytes: u64,
    unknown: usize,
    changes: u64,
    ms: u64,
}

/// Saves the keyspace in a file that servers load. It is also one to restore a keyspace from whose data
/// is a part of the master's by the same `scope`. The caller gets `{eslaver_nif, saved, Result}`.
#[rustler::nif]
fn keyspace_save<'a>(
    env: Env<'a>,
    keyspace: ResourceArc<Keyspace>,
    path: Binary<'_>,
    scope: Binary<'_>,
) -> Term<'a> {
    let (path, scope) = (as_path(&path).into(), scope.to_vec());
    let begun = Job::new(keyspace, path, scope)
        .and_then(|job| file::run("eslaver_save", env.pid(), atoms::saved(), move || job.run()));
    file::begun(env, begun)
}

/// How often the data has changed.
#[rustler::nif]
fn keyspace_changes(keyspace: ResourceArc<Keyspace>) -> u64 {
    keyspace.changes()
}

struct Job {
    keyspace: ResourceArc<Keyspace>,
    path: PathBuf,
    scope: Vec<u8>,
}

impl Drop for Job {
    fn drop(&mut self) {
        self.keyspace.end_saving();
    }
}

impl Job {
    /// There is one at a time.
    fn new(
        keyspace: ResourceArc<Keyspace>,
        path: PathBuf,
        scope: Vec<u8>,
    ) -> Result<Self, Failure> {
        if keyspace.begin_saving() {
            Ok(Self { keyspace, path, scope })
        } else {
            Err(Failure::Busy)
        }
    }

    fn run(&self) -> Result<Saved, Failure> {
        let began = Instant::now();
        // What is wrong with the file is said before the writer has to copy anything.
        let new = Replacement::create(&self.path)?;
        let mut moment = self.keyspace.moment()?;
        let dialect = moment.store.server().dialect().ok_or(Failure::Incomplete)?;
        let sheet = Sheet { file: &new, bytes: 0, error: None };
        let mut rdb = RdbWriter::new(dialect, sheet);
        head(&moment, &mut rdb)?;
        while moment.save.write_some(&mut rdb)? {
            self.keyspace.check_open()?;
            rdb.output_mut().check()?;
        }
        let mut sheet = rdb.finish()?;
        sheet.check()?;
        let saved = moment.save.saved();
        let trailer = Trailer {
            rdb_bytes: sheet.bytes,
            replid: moment.position.replid.clone(),
            offset: moment.position.offset,
            db: moment.position.db,
            scope: self.scope.clone(),
            unknown: saved.unknown.clone(),
        };
        sheet.write(&trailer.to_bytes());
        sheet.check()?;
        let (keys, bytes, unknown) = (saved.keys, sheet.bytes, saved.unknown.len());
        // A mirror that is gone may have a successor, which has saved meanwhile.
        self.keyspace.check_open()?;
        new.keep()?;
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Saved { keys, bytes, unknown, changes: moment.changes, ms })
    }
}

/// What stands before the keys in a master's own file.
fn head(moment: &Moment, rdb: &mut RdbWriter<Sheet<'_>>) -> Result<(), Failure> {
    let Position { replid, offset, db } = &moment.position;
    if let Some((name, value)) = moment.store.server_aux() {
        rdb.aux(name, value)?;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    rdb.aux(b"redis-bits", usize::BITS.to_string().as_bytes())?;
    rdb.aux(b"ctime", now.to_string().as_bytes())?;
    if let Some(replid) = replid {
        rdb.aux(b"repl-stream-db", db.to_string().as_bytes())?;
        rdb.aux(b"repl-id", replid.as_bytes())?;
        rdb.aux(b"repl-offset", offset.to_string().as_bytes())?;
    }
    for (_name, code) in moment.functions.iter() {
        rdb.function(code)?;
    }
    Ok(())
}

/// The file that is written. It keeps its first error, and writes nothing after it.
struct Sheet<'a> {
    file: &'a Replacement,
    bytes: u64,
    error: Option<io::Error>,
}

impl Sheet<'_> {
    fn check(&mut self) -> io::Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }
}

impl Output for Sheet<'_> {
    fn write(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            let mut file = self.file.file();
            match file.write_all(bytes) {
                Ok(()) => self.bytes += bytes.len() as u64,
                Err(error) => self.error = Some(error),
            }
        }
    }
}

impl file::Told for Saved {
    fn to_term<'a>(&self, env: Env<'a>) -> NifResult<Term<'a>> {
        let map = map::map_new(env)
            .map_put(atoms::keys(), self.keys)?
            .map_put(atoms::bytes(), self.bytes)?
            .map_put(atoms::unknown(), self.unknown)?
            .map_put(atoms::changes(), self.changes)?
            .map_put(atoms::duration(), self.ms)?;
        Ok((atoms::ok(), map).encode(env))
    }
}
