//! The form of events, and an event that is not a term yet.

use crate::terms::message::Built;

/// The form of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As in the original: no metadata, names as strings, integers in lists.
    Classic,
    /// With metadata.
    Full,
}

/// A tuple of: the head, `terms` terms of the message's body, and the tail. A value that is too
/// large for the body stands behind the first of those terms.
pub(crate) struct Event {
    pub(crate) head: [Built; 2],
    pub(crate) terms: usize,
    pub(crate) large: Option<Built>,
    pub(crate) tail: Option<Built>,
}
