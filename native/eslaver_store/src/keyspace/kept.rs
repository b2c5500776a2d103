//! What a reader keeps of a store when it has left the lock.

use std::borrow::Borrow;
use std::ops::Deref;

use crate::keyspace::account::Account;
use crate::values::{NewValue, Type, ValueRef};

/// A copy of a value, for a reader. That of a large value costs nothing, and shares its parts with the
/// store's own. Those that the writer has replaced meanwhile are freed with the copy.
#[derive(Debug)]
pub(crate) struct Kept<'a> {
    value: NewValue,
    account: &'a Account,
}

impl<'a> Kept<'a> {
    pub(crate) fn new(value: ValueRef<'_>, account: &'a Account) -> Self {
        let value = match value {
            ValueRef::Packed { .. } => value.to_new(),
            ValueRef::Large(large) => {
                account.apart(|| account.of_kind(large.kind(), || value.to_new()))
            }
        };
        Self { value, account }
    }
}

impl Deref for Kept<'_> {
    type Target = NewValue;

    fn deref(&self) -> &NewValue {
        &self.value
    }
}

impl Borrow<NewValue> for Kept<'_> {
    fn borrow(&self) -> &NewValue {
        &self.value
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if let NewValue::Large(_) = self.value {
            let value = std::mem::replace(&mut self.value, NewValue::unknown(Type::Unknown));
            let kind = value.as_ref().kind();
            self.account.apart(|| self.account.of_kind(kind, || drop(value)));
        }
    }
}
