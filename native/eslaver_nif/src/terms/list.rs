//! The list that a value's elements are written to.

use crate::terms::draft::Draft;
use crate::terms::etf::{Body, Count, Terms};
use crate::terms::message::Built;

/// The bytes of a long list's elements that are made terms while the others are still being read:
/// the list need not be in memory twice.
const PART: usize = 64 * 1024;

/// The list that is open, if one is.
pub(crate) struct List {
    open: Option<Count>,
    items: usize,
    /// Whether each two items are a pair, which is one element.
    paired: bool,
    /// Where in the body the next part ends.
    part_end: usize,
    /// The elements that are terms already.
    parts: Vec<Built>,
    part: Body,
}

impl List {
    pub(crate) fn new() -> Self {
        Self {
            open: None,
            items: 0,
            paired: false,
            part_end: usize::MAX,
            parts: Vec::new(),
            part: Body::new(),
        }
    }

    #[inline]
    pub(crate) fn open(&mut self, paired: bool, terms: &mut Terms) {
        self.open = Some(terms.list());
        self.items = 0;
        self.paired = paired;
    }

    /// The same for a list that may be long.
    #[inline]
    pub(crate) fn open_in_parts(&mut self, paired: bool, terms: &mut Terms) {
        self.open(paired, terms);
        self.part_end = terms.len() + PART;
    }

    #[inline]
    pub(crate) fn is_paired(&self) -> bool {
        self.paired
    }

    /// Whether the next item is the first of a pair.
    #[inline]
    pub(crate) fn is_between_pairs(&self) -> bool {
        self.items.is_multiple_of(2)
    }

    /// An item is about to be written.
    #[inline]
    pub(crate) fn add(&mut self) {
        self.items += 1;
    }

    #[inline]
    fn elements(&self) -> usize {
        if self.paired { self.items / 2 } else { self.items }
    }

    /// Whether a part of the list is there, and ends where an element does.
    #[inline]
    pub(crate) fn is_part_due(&self, terms: &Terms) -> bool {
        terms.len() >= self.part_end && (!self.paired || self.is_between_pairs())
    }

    /// Makes terms of the elements that are in the body.
    #[cold]
    pub(crate) fn take_part(&mut self, draft: &mut Draft) {
        if self.try_part(draft).is_none() {
            draft.refuse();
        }
    }

    fn try_part(&mut self, draft: &mut Draft) -> Option<()> {
        let list = self.open?;
        self.part.terms.append(draft.terms().elements(list));
        let count = self.elements();
        let made = draft.make(&mut self.part, count)?;
        self.parts.extend(made);
        // the VM counts a list's elements with 32 bits
        u32::try_from(self.parts.len()).ok()?;
        let terms = draft.terms();
        terms.empty_list(list);
        self.part_end = terms.len() + PART;
        self.items = 0;
        Some(())
    }

    /// Ends the list that is open. Gives the list as a term if it was made in parts: it is not in
    /// the body then.
    #[inline]
    pub(crate) fn close(&mut self, draft: &mut Draft) -> Option<Built> {
        let whole = if self.parts.is_empty() { None } else { self.close_parts(draft) };
        self.close_short(draft.terms());
        whole
    }

    /// Ends a list that is not made in parts.
    #[inline]
    pub(crate) fn close_short(&mut self, terms: &mut Terms) {
        if let Some(list) = self.open.take() {
            terms.end_list(list, self.elements());
        }
        self.paired = false;
        self.part_end = usize::MAX;
    }

    #[cold]
    fn close_parts(&mut self, draft: &mut Draft) -> Option<Built> {
        self.take_part(draft);
        draft.terms().drop_list(self.open.take()?);
        let parts = std::mem::take(&mut self.parts);
        Some(draft.message.list(&parts))
    }

    pub(crate) fn abandon(&mut self) {
        self.open = None;
        self.paired = false;
        self.part_end = usize::MAX;
        self.parts = Vec::new();
    }
}
