//! Whom an answer is given to.

/// Takes an answer piece by piece. A compound is begun, its parts follow in their order, and it ends
/// as what it is.
pub trait Reply {
    /// A name that both sides know, as `true` or `infinity`.
    fn atom(&mut self, name: &'static str);
    /// What stands for what is missing.
    fn missing(&mut self);
    /// An integer.
    fn int(&mut self, value: i64);
    /// An integer that may be greater than an `i64`.
    fn unsigned(&mut self, value: u64);
    /// A float. Infinities are atoms, and no value is NaN.
    fn float(&mut self, value: f64);
    /// A string.
    fn bytes(&mut self, value: &[u8]);
    /// A string in several pieces, of `len` bytes in all.
    fn pieces(&mut self, len: usize, pieces: &mut dyn Iterator<Item = &[u8]>);
    /// A compound begins.
    fn begin(&mut self);
    /// It is a list.
    fn end_list(&mut self);
    /// It is a tuple.
    fn end_tuple(&mut self);
    /// It is a map: its parts are keys and values in turn.
    fn end_map(&mut self);
}

/// An answer as a tree, for tests.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A name.
    Atom(&'static str),
    /// An integer.
    Int(i128),
    /// A float.
    Float(f64),
    /// A string.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Answer>),
    /// A tuple.
    Tuple(Vec<Answer>),
    /// A map.
    Map(Vec<(Answer, Answer)>),
}

/// Makes a tree of an answer.
#[derive(Debug, Default)]
pub struct Tree {
    parts: Vec<Answer>,
    begun: Vec<usize>,
}

impl Tree {
    /// The answer, if it is whole.
    pub fn into_answer(mut self) -> Option<Answer> {
        if self.parts.len() == 1 && self.begun.is_empty() { self.parts.pop() } else { None }
    }

    fn end(&mut self, make: impl FnOnce(Vec<Answer>) -> Answer) {
        let from = self.begun.pop().unwrap_or_default();
        let parts = self.parts.split_off(from);
        self.parts.push(make(parts));
    }
}

impl Reply for Tree {
    fn atom(&mut self, name: &'static str) {
        self.parts.push(Answer::Atom(name));
    }
    fn missing(&mut self) {
        self.atom("undefined");
    }
    fn int(&mut self, value: i64) {
        self.parts.push(Answer::Int(value.into()));
    }
    fn unsigned(&mut self, value: u64) {
        self.parts.push(Answer::Int(value.into()));
    }
    fn float(&mut self, value: f64) {
        self.parts.push(Answer::Float(value));
    }
    fn bytes(&mut self, value: &[u8]) {
        self.parts.push(Answer::Bytes(value.to_vec()));
    }
    fn pieces(&mut self, _len: usize, pieces: &mut dyn Iterator<Item = &[u8]>) {
        self.parts.push(Answer::Bytes(pieces.flatten().copied().collect()));
    }
    fn begin(&mut self) {
        self.begun.push(self.parts.len());
    }
    fn end_list(&mut self) {
        self.end(Answer::List);
    }
    fn end_tuple(&mut self) {
        self.end(Answer::Tuple);
    }
    fn end_map(&mut self) {
        self.end(|parts| {
            let mut parts = parts.into_iter();
            let mut pairs = Vec::new();
            while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                pairs.push((key, value));
            }
            Answer::Map(pairs)
        });
    }
}
