//! Command names: made once for each message, since nearly all commands of a batch share a few.

use crate::batch::{Shape, Terms};
use crate::message::Built;

const MAX_NAMES: usize = 16;
const MAX_LENGTH: usize = 32;

/// The names that the message being built already has.
#[derive(Default)]
pub(crate) struct Names {
    known: Vec<(Vec<u8>, Built)>,
}

impl Names {
    /// The name in lower case: a string in classic events, and a binary in full ones.
    #[inline]
    pub(crate) fn get(&mut self, name: &[u8], terms: &mut Terms) -> Built {
        match self.known.iter().find(|(known, _)| known == name) {
            Some(&(_, term)) => term,
            None => self.add(name, terms),
        }
    }

    fn add(&mut self, name: &[u8], terms: &mut Terms) -> Built {
        let lower = name.to_ascii_lowercase();
        let term = match terms.shape {
            Shape::Classic => terms.string(&lower),
            Shape::Full => terms.bytes(&lower),
        };
        if self.known.len() < MAX_NAMES && name.len() <= MAX_LENGTH {
            self.known.push((name.to_vec(), term));
        }
        term
    }

    /// The message has been sent: its terms are gone.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}
