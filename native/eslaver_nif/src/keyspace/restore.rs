//! Restores a keyspace from the file that a mirror has saved, on a thread of its own.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use eslaver_core::rdb::{Decoder, Limits, Status};
use eslaver_store::{Functions, Loader, Store, Trailer, TrailerError};
use rustler::types::map;
use rustler::{Binary, Encoder, Env, NifResult, ResourceArc, Term};

use crate::atoms;
use crate::io::open;
use crate::keyspace::applied::Position;
use crate::keyspace::file::{self, Failure};
use crate::keyspace::state::Keyspace;
use crate::link::config::as_path;

const BUFFER: usize = 256 * 1024;

/// What has come of a file.
struct Restored {
    keys: usize,
    bytes: u64,
    offset: u64,
    db: u32,
    changes: u64,
    ms: u64,
}

/// Gives an empty keyspace what a mirror has saved whose data is a part of the master's by the same
/// `scope`. The caller gets `{eslaver_nif, restored, Result}`, which is `none` without a file.
#[rustler::nif]
fn keyspace_restore<'a>(
    env: Env<'a>,
    keyspace: ResourceArc<Keyspace>,
    path: Binary<'_>,
    scope: Binary<'_>,
) -> Term<'a> {
    let job = Job { keyspace, path: as_path(&path).into(), scope: scope.to_vec() };
    let tag = atoms::restored();
    file::begun(env, file::run("eslaver_restore", env.pid(), tag, move || job.run()))
}

struct Job {
    keyspace: ResourceArc<Keyspace>,
    path: PathBuf,
    scope: Vec<u8>,
}

impl Job {
    fn run(&self) -> Result<Option<Restored>, Failure> {
        let began = Instant::now();
        let file = match open_file(&self.path)? {
            Some(file) => file,
            None => return Ok(None),
        };
        let bytes = file.metadata()?.len();
        let trailer = read_trailer(&file, bytes)?;
        if trailer.scope != self.scope {
            return Err(Failure::OtherScope);
        }
        let store = self.keyspace.new_store();
        let mut filling = Filling(&self.keyspace, Some(Arc::clone(&store)));
        let functions = self.fill(&store, file, &trailer)?;
        let Trailer { replid, offset, db, .. } = trailer;
        filling.1 = None;
        let keys = store.len();
        self.keyspace.restore(store, Position { replid, offset, db }, functions);
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Some(Restored { keys, bytes, offset, db, changes: self.keyspace.changes(), ms }))
    }

    /// Nothing of a file is used that is not whole.
    fn fill(
        &self,
        store: &Arc<Store>,
        file: File,
        trailer: &Trailer,
    ) -> Result<Functions, Failure> {
        let mut loader = Loader::new(Arc::clone(store), None);
        let mut decoder = Decoder::with_limits(Limits::NONE).exact();
        let mut rest = file.take(trailer.rdb_bytes);
        let mut buffer = vec![0; BUFFER];
        loop {
            self.keyspace.check_open()?;
            let count = rest.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            decoder.feed(buffer.get(..count).unwrap_or_default());
            while let Status::Event = decoder.next(&mut loader)? {}
            let taken = (store.account().bytes() + decoder.pending()) as u64;
            if self.keyspace.policy.max_memory.is_some_and(|limit| taken > limit) {
                return Err(Failure::Memory);
            }
        }
        decoder.finish()?;
        trailer.unknown.iter().for_each(|key| loader.unknown(key));
        let mut functions = Functions::default();
        for code in loader.functions() {
            functions.load(code);
        }
        Ok(functions)
    }
}

fn open_file(path: &Path) -> Result<Option<File>, Failure> {
    match open::own(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::Io(error)),
    }
}

fn read_trailer(file: &File, bytes: u64) -> Result<Trailer, Failure> {
    let mut foot = [0; Trailer::FOOT];
    let at = bytes.checked_sub(foot.len() as u64).ok_or(TrailerError::Missing)?;
    file.read_exact_at(&mut foot, at)?;
    let begins = Trailer::rdb_bytes(&foot)?;
    let length = bytes.checked_sub(begins).ok_or(TrailerError::Damaged)?;
    let length = usize::try_from(length).map_err(|_| TrailerError::Damaged)?;
    let mut trailer = vec![0; length];
    file.read_exact_at(&mut trailer, begins)?;
    Ok(Trailer::from_bytes(&trailer)?)
}

/// A store that is dropped where nobody waits, unless readers get it.
struct Filling<'a>(&'a Keyspace, Option<Arc<Store>>);

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        self.1.take().into_iter().for_each(|store| self.0.bury(store));
    }
}

impl file::Told for Option<Restored> {
    fn to_term<'a>(&self, env: Env<'a>) -> NifResult<Term<'a>> {
        let Some(restored) = self else {
            return Ok(atoms::none().encode(env));
        };
        let map = map::map_new(env)
            .map_put(atoms::keys(), restored.keys)?
            .map_put(atoms::bytes(), restored.bytes)?
            .map_put(atoms::offset(), restored.offset)?
            .map_put(atoms::db(), restored.db)?
            .map_put(atoms::changes(), restored.changes)?
            .map_put(atoms::duration(), restored.ms)?;
        Ok((atoms::ok(), map).encode(env))
    }
}
