//! Payloads of `DUMP` and `FUNCTION DUMP`, decoded for the caller of a NIF.

use eslaver_core::rdb;
use rustler::types::erlang_option::ErlOption;
use rustler::{Binary, Encoder, Env, NewBinary, Term};

use crate::atoms;
use crate::link::config::TERM;
use crate::terms::batch::Batch;
use crate::terms::event::Shape;

/// A payload's master may have had any limits.
const LIMITS: rdb::Limits = rdb::Limits { max_element: TERM, ..rdb::Limits::NONE };

/// The value, as the event that a snapshot would have it in.
#[rustler::nif(schedule = "DirtyCpu")]
fn decode_dump<'a>(env: Env<'a>, payload: Binary<'a>) -> Term<'a> {
    let mut batch = Batch::new(Shape::Full, None, u64::MAX);
    match rdb::decode_dump(&payload, LIMITS, &mut batch) {
        Ok(()) => (atoms::ok(), batch.only(env)).encode(env),
        Err(error) => (atoms::error(), error.to_string()).encode(env),
    }
}

/// The libraries: their names and codes.
#[rustler::nif(schedule = "DirtyCpu")]
fn decode_functions<'a>(env: Env<'a>, payload: Binary<'a>) -> Term<'a> {
    let mut libraries = Vec::new();
    let decoded = rdb::decode_functions(&payload, LIMITS, |code| {
        let name = rdb::library_name(code).unwrap_or_default();
        libraries.push((binary(env, &name), binary(env, code)));
    });
    match decoded {
        Ok(()) => (atoms::ok(), libraries).encode(env),
        Err(error) => (atoms::error(), error.to_string()).encode(env),
    }
}

/// The name that a library's code begins with.
#[rustler::nif(schedule = "DirtyCpu")]
fn library_name<'a>(env: Env<'a>, code: Binary<'a>) -> ErlOption<Term<'a>> {
    rdb::library_name(&code).map(|name| binary(env, &name)).into()
}

fn binary<'a>(env: Env<'a>, bytes: &[u8]) -> Term<'a> {
    let mut binary = NewBinary::new(env, bytes.len());
    binary.as_mut_slice().copy_from_slice(bytes);
    binary.into()
}
