//! The message that a batch is written into.

use crate::terms::etf::{Body, Terms};
use crate::terms::event::Event;
use crate::terms::message::{Built, Message};

/// The message, and the body that the VM will make most of its terms from.
pub(crate) struct Draft {
    pub(crate) message: Message,
    body: Body,
    /// Bytes that are in the message and not in the body.
    large_bytes: usize,
    /// The VM has rejected some of the terms, which would be a bug.
    refused: bool,
}

impl Draft {
    pub(crate) fn new() -> Self {
        Self { message: Message::new(), body: Body::new(), large_bytes: 0, refused: false }
    }

    /// The terms of the body, to write more of them.
    #[inline]
    pub(crate) fn terms(&mut self) -> &mut Terms {
        &mut self.body.terms
    }

    /// What the message weighs so far.
    #[inline]
    pub(crate) fn weight(&self) -> usize {
        self.body.terms.weight() + self.large_bytes
    }

    /// A binary of its own, which is not copied once more from the body.
    pub(crate) fn large_binary(&mut self, bytes: &[u8]) -> Built {
        self.large_bytes += bytes.len();
        self.message.binary(bytes)
    }

    /// Makes terms of `part`, whose bytes go on counting here.
    pub(crate) fn make(&mut self, part: &mut Body, arity: usize) -> Option<Vec<Built>> {
        self.large_bytes += part.content();
        let made = part.whole(arity).and_then(|part| self.message.decode(part));
        part.clear();
        made
    }

    /// The VM has rejected some of the terms.
    pub(crate) fn refuse(&mut self) {
        self.refused = true;
    }

    /// The events as terms, unless the VM rejects the body.
    pub(crate) fn build(&mut self, events: &[Event]) -> Option<Vec<Built>> {
        if self.refused {
            return None;
        }
        let arity = events.iter().map(|event| event.terms).sum();
        let body = self.body.whole(arity).and_then(|body| self.message.decode(body));
        // a receiver that copies a large value then has one copy less beside its own
        self.body.clear();
        let body = body?;
        let mut rest = body.as_slice();
        let mut elements = Vec::new();
        let mut built = Vec::with_capacity(events.len());
        for event in events {
            let (terms, others) = rest.split_at_checked(event.terms)?;
            rest = others;
            elements.clear();
            elements.extend_from_slice(&event.head);
            elements.extend_from_slice(terms);
            if let Some(large) = event.large {
                elements.insert(event.head.len() + 1, large);
            }
            elements.extend(event.tail);
            built.push(self.message.tuple(&elements));
        }
        Some(built)
    }

    /// The message has been sent or given up.
    pub(crate) fn clear(&mut self) {
        self.large_bytes = 0;
        self.refused = false;
    }
}
