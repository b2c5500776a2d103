//! Edits of a packed list.

use super::PackedMut;
use super::edit::pack;
use crate::collections::element::{Element, Parts};
use crate::collections::record::{Members, Refused};

impl PackedMut<'_, Members> {
    /// Adds an element as the last.
    pub fn push_back(&mut self, element: Element<'_>) -> Result<(), Refused> {
        self.push(element, (), None)
    }

    /// Adds an element as the first.
    pub fn push_front(&mut self, element: Element<'_>) -> Result<(), Refused> {
        self.insert_at(0, 1, pack::<Members>(element, (), None)?)
    }

    /// Puts an element before the one that `index` others precede, or last for the number of them.
    /// `Ok(false)`: there is no such index.
    pub fn insert_before(&mut self, index: usize, element: Element<'_>) -> Result<bool, Refused> {
        match self.get().offset(index) {
            Some(at) if index <= self.get().len() => {
                self.insert_at(index, at, pack::<Members>(element, (), None)?).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    /// Replaces the element that `index` others precede. `Ok(false)`: there is no such index.
    pub fn set_nth(&mut self, index: usize, element: Element<'_>) -> Result<bool, Refused> {
        let parts = Parts::of_element(element).ok_or(Refused::TooLong)?;
        match (self.get().offset(index), self.get().offset(index + 1)) {
            (Some(start), Some(end)) => {
                self.replace(start..end, [parts]);
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
