//! The read of rate limits.

use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::query::Args;
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::{Type, ValueRef, gcra};

pub(crate) const QUERIES: &[(&str, Answer)] = &[("gcra", answer)];

fn answer(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.point(args.bytes(0)?, Type::Gcra, |value| {
        give(value, reply);
        Ok(())
    })
}

/// The time, or `undefined` where there is none.
pub(crate) fn give(value: Option<ValueRef<'_>>, reply: &mut dyn Reply) {
    match value.and_then(gcra::of) {
        Some(time) => reply.int(time),
        None => reply.missing(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::reply;
    use crate::testing::{Mirror, NOW, UNDEFINED, text};
    use crate::write::refusal::Refusal;

    #[test]
    fn a_rate_limit_is_its_time() {
        let mut mirror = Mirror::redis("8.12.0");
        let at = (NOW + 100_000) * 1000 + 7;
        mirror.run(&format!("gcrasetvalue k {at}"));
        assert_eq!(mirror.read("gcra", &[text("k")]), reply::Answer::Int(at.into()));
        mirror.run(&format!("gcrasetvalue k {}", NOW * 1000 + 999));
        assert_eq!(mirror.read("gcra", &[text("k")]), UNDEFINED);
        assert_eq!(mirror.refusal("gcrasetvalue k -1"), Some(Refusal::Range));
        mirror.load("g", gcra::new(5));
        mirror.run("copy g h");
        mirror.run("del g");
        assert_eq!(mirror.read("gcra", &[text("h")]), reply::Answer::Int(5));
        assert_eq!(mirror.read("gcra", &[text("g")]), UNDEFINED);
        assert_eq!(mirror.try_read("get", &[text("h")]), Err(ReadError::WrongType));
    }

    #[test]
    fn a_document_goes_with_its_root() {
        let mut mirror = Mirror::redis("8.2.0");
        for (line, left) in [
            ("json.del k", Ok(UNDEFINED)),
            ("json.forget k $", Ok(UNDEFINED)),
            ("json.del k .", Ok(UNDEFINED)),
            ("json.del k $.a", Err(ReadError::Unknown)),
        ] {
            mirror.load("k", gcra::new(5));
            mirror.run(line);
            assert_eq!(mirror.try_read("gcra", &[text("k")]), left, "{line}");
        }
    }
}
