//! The scores of a leaf: 4 bytes each while all are small integers, else 8.

use super::super::spare;
use crate::collections::mover::Mover;
use std::ops::Range;

#[derive(Debug, Clone)]
pub(super) enum Scores {
    Int(Vec<i32>),
    Float(Vec<f64>),
}

impl Default for Scores {
    fn default() -> Self {
        Scores::Int(Vec::new())
    }
}

impl Scores {
    fn len(&self) -> usize {
        match self {
            Scores::Int(scores) => scores.len(),
            Scores::Float(scores) => scores.len(),
        }
    }

    /// The score at `index`; 0 where there is none.
    #[inline]
    pub(super) fn get(&self, index: usize) -> f64 {
        match self {
            Scores::Int(scores) => scores.get(index).copied().unwrap_or_default().into(),
            Scores::Float(scores) => scores.get(index).copied().unwrap_or_default(),
        }
    }

    /// The bytes that the scores take.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        match self {
            Scores::Int(scores) => size_of_val(scores.as_slice()),
            Scores::Float(scores) => size_of_val(scores.as_slice()),
        }
    }

    pub(super) fn compact(&mut self, mover: &mut Mover<'_>) {
        match self {
            Scores::Int(scores) => mover.vec(scores),
            Scores::Float(scores) => mover.vec(scores),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Scores::Int(scores) => scores.capacity() * size_of::<i32>(),
            Scores::Float(scores) => scores.capacity() * size_of::<f64>(),
        }
    }

    /// How many scores are less than `score`, or `inclusive`ly not greater.
    ///
    /// All are looked at: that is faster than a binary search, since the processor compares several
    /// at once and need not wait for one line of memory after another.
    #[inline]
    pub(super) fn count_below(&self, score: f64, inclusive: bool) -> usize {
        match (self, inclusive) {
            (Scores::Int(scores), true) => count(scores, |other| f64::from(other) <= score),
            (Scores::Int(scores), false) => count(scores, |other| f64::from(other) < score),
            (Scores::Float(scores), inclusive) => count_below(scores, score, inclusive),
        }
    }

    /// Inserts a score at `index`, which is not greater than the length.
    pub(super) fn insert(&mut self, index: usize, score: f64) {
        match (&mut *self, small(score)) {
            (Scores::Int(scores), Some(score)) => {
                spare::reserve(scores, 1);
                scores.insert(index, score);
            }
            (Scores::Float(scores), _) => {
                spare::reserve(scores, 1);
                scores.insert(index, score);
            }
            (Scores::Int(_), None) => {
                let mut wide = self.wide(1);
                wide.insert(index, score);
                *self = Scores::Float(wide);
            }
        }
    }

    /// Replaces the score at `index`, which is less than the length.
    pub(super) fn set(&mut self, index: usize, score: f64) {
        match (&mut *self, small(score)) {
            (Scores::Int(scores), Some(score)) => scores[index] = score,
            (Scores::Float(scores), _) => scores[index] = score,
            (Scores::Int(_), None) => {
                let mut wide = self.wide(0);
                wide[index] = score;
                *self = Scores::Float(wide);
            }
        }
    }

    pub(super) fn remove(&mut self, range: Range<usize>) {
        let to = range.end.min(self.len());
        let range = range.start.min(to)..to;
        match self {
            Scores::Int(scores) => {
                scores.drain(range);
                spare::trim(scores);
            }
            Scores::Float(scores) => {
                scores.drain(range);
                spare::trim(scores);
            }
        }
    }

    pub(super) fn split_off(&mut self, index: usize) -> Self {
        match self {
            Scores::Int(scores) => Scores::Int(scores.split_off(index)),
            Scores::Float(scores) => Scores::Float(scores.split_off(index)),
        }
    }

    pub(super) fn append(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Scores::Int(scores), Scores::Int(more)) => {
                scores.reserve_exact(more.len());
                scores.extend_from_slice(more);
            }
            _ => {
                let mut wide = self.wide(other.len());
                wide.extend((0..other.len()).map(|index| other.get(index)));
                *self = Scores::Float(wide);
            }
        }
    }

    /// The scores in 8 bytes each, with room for `more`.
    fn wide(&self, more: usize) -> Vec<f64> {
        let mut wide = Vec::with_capacity(self.len() + more);
        wide.extend((0..self.len()).map(|index| self.get(index)));
        wide
    }

    /// Gives back memory that is not used, and takes 4 bytes a score if that is enough.
    pub(super) fn settle(&mut self) {
        match self {
            Scores::Int(scores) => scores.shrink_to_fit(),
            Scores::Float(scores) => {
                scores.shrink_to_fit();
                if let Some(narrow) = scores.iter().map(|&score| small(score)).collect() {
                    *self = Scores::Int(narrow);
                }
            }
        }
    }
}

/// How many of these scores are less than `score`, or `inclusive`ly not greater.
#[inline]
pub(super) fn count_below(scores: &[f64], score: f64, inclusive: bool) -> usize {
    match inclusive {
        true => count(scores, |other| other <= score),
        false => count(scores, |other| other < score),
    }
}

/// In 4 bytes, so that the processor adds up several at once.
#[inline]
fn count<T: Copy>(scores: &[T], is_below: impl Fn(T) -> bool) -> usize {
    scores.iter().map(|&score| u32::from(is_below(score))).sum::<u32>() as usize
}

/// The score as an integer of 4 bytes, if that is the same: -0 is not.
fn small(score: f64) -> Option<i32> {
    let int = score as i32;
    (f64::from(int).to_bits() == score.to_bits()).then_some(int)
}
