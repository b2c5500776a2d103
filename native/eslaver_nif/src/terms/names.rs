//! Command names, made once for each message: nearly all commands of a batch share a few.

use crate::terms::event::Shape;
use crate::terms::message::{Built, Message};

const MAX_NAMES: usize = 16;
const MAX_LENGTH: usize = 32;
/// The weight of a character as an element of a list.
const CHARACTER_WEIGHT: usize = 16;

/// The names that the message has already.
#[derive(Default)]
pub(crate) struct Names {
    known: Vec<(Vec<u8>, Built)>,
    weight: usize,
}

impl Names {
    /// The name in lower case: a string in classic events, and a binary in full ones.
    #[inline]
    pub(crate) fn get(&mut self, name: &[u8], shape: Shape, message: &mut Message) -> Built {
        match self.known.iter().find(|(known, _)| known == name) {
            Some(&(_, term)) => term,
            None => self.add(name, shape, message),
        }
    }

    fn add(&mut self, name: &[u8], shape: Shape, message: &mut Message) -> Built {
        let lower = name.to_ascii_lowercase();
        let term = match shape {
            Shape::Classic => message.string(&lower),
            Shape::Full => message.binary(&lower),
        };
        self.weight += name.len() * CHARACTER_WEIGHT;
        if self.known.len() < MAX_NAMES && name.len() <= MAX_LENGTH {
            self.known.push((name.to_vec(), term));
        }
        term
    }

    /// What the names weigh in the message.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// The message has been sent: its terms are gone.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.weight = 0;
    }
}
