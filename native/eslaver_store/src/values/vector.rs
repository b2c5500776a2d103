//! The vectors of vector sets: as a server keeps them, and as it shows them. Servers calculate with
//! floats of 32 bits, in the order of steps in which it is done here as on x86.
//!
//! `None` is a number that is not finite, which no vector of a server has.

use crate::values::score;

/// How many bits a server keeps of each number, by the code that a snapshot has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantization {
    F32,
    Int8,
    Bin,
}

/// A vector as a server keeps it: of length 1, in fewer bits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) vector: Vec<u8>,
    /// Its length before.
    pub(crate) l2: f32,
    /// The greatest number of one in 8 bits, else 0.
    pub(crate) range: f32,
}

impl Quantization {
    /// How many bytes a vector takes. `None` where no memory has them.
    pub(crate) fn bytes(self, dimension: usize) -> Option<usize> {
        match self {
            Self::F32 => dimension.checked_mul(4),
            Self::Int8 => Some(dimension),
            Self::Bin => dimension.div_ceil(64).checked_mul(8),
        }
    }

    /// As `VINFO` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
            Self::Bin => "bin",
        }
    }

    /// A vector as a server keeps it.
    pub(crate) fn keep(self, mut vector: Vec<f32>) -> Option<Kept> {
        let length = finite(squares(&vector).sqrt())?;
        let l2 = if length == 0.0 { 1.0 } else { length };
        if length != 0.0 {
            vector.iter_mut().for_each(|number| *number /= l2);
        }
        let (vector, range) = match self {
            Self::F32 => (vector.iter().flat_map(|number| number.to_le_bytes()).collect(), 0.0),
            Self::Bin => (bits(&vector), 0.0),
            Self::Int8 => bytes(&vector)?,
        };
        Some(Kept { vector, l2, range })
    }

    /// What a server shows of a vector that it keeps.
    pub(crate) fn restore(self, dimension: usize, vector: &[u8], l2: f32, range: f32) -> Vec<f32> {
        match self {
            Self::F32 => floats(vector).map(|number| number * l2).collect(),
            Self::Int8 => vector
                .iter()
                .map(|&byte| f32::from(i8::from_le_bytes([byte])) * range / 127.0 * l2)
                .collect(),
            Self::Bin => {
                let bits = vector.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1));
                bits.take(dimension).map(|bit| if bit == 1 { 1.0 } else { -1.0 }).collect()
            }
        }
    }
}

fn finite(number: f32) -> Option<f32> {
    number.is_finite().then_some(number)
}

/// Four at a time.
fn squares(vector: &[f32]) -> f32 {
    let (fours, rest) = vector.as_chunks::<4>();
    let four = |[a, b, c, d]: &[f32; 4]| a * a + b * b + c * c + d * d;
    let sum = fours.iter().fold(0.0, |sum, numbers| sum + four(numbers));
    rest.iter().fold(sum, |sum, number| sum + number * number)
}

/// Numbers from -127 to 127, and the greatest of the vector.
fn bytes(vector: &[f32]) -> Option<(Vec<u8>, f32)> {
    let range = vector.iter().fold(0.0, |range: f32, number| range.max(number.abs()));
    if range == 0.0 {
        return Some((vec![0; vector.len()], range));
    }
    let scale = finite(127.0 / range)?;
    let byte = |number: &f32| (number * scale).round() as i32 as u8;
    Some((vector.iter().map(byte).collect(), range))
}

/// Words of 64 bits, the lowest bit first: whether a number is greater than 0.
fn bits(vector: &[f32]) -> Vec<u8> {
    let word = |numbers: &[f32]| {
        let bit = |(at, number): (usize, &f32)| u64::from(*number > 0.0) << at;
        numbers.iter().enumerate().map(bit).fold(0, |word, bit| word | bit).to_le_bytes()
    };
    vector.chunks(64).flat_map(word).collect()
}

/// Floats in the order of bytes of x86.
fn floats(blob: &[u8]) -> impl Iterator<Item = f32> {
    blob.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

/// A vector of floats in the order of bytes of x86.
pub(crate) fn from_blob(blob: &[u8]) -> Option<Vec<f32>> {
    if !blob.len().is_multiple_of(4) {
        return None;
    }
    floats(blob).map(finite).collect()
}

/// A vector of numbers in decimal.
pub(crate) fn from_numbers(numbers: &[&[u8]]) -> Option<Vec<f32>> {
    numbers.iter().map(|number| finite(score::parse(number)? as f32)).collect()
}

/// The matrix by which servers make vectors smaller, row by row.
pub(crate) fn hadamard(rows: usize, columns: usize) -> Vec<f32> {
    let scale = (1.0 / (columns as f64).sqrt()) as f32;
    let sign = |bits: usize| if bits.count_ones().is_multiple_of(2) { scale } else { -scale };
    (0..rows).flat_map(|row| (0..columns).map(move |column| sign(row & column))).collect()
}

/// The product of a matrix, given row by row, and a vector.
pub(crate) fn multiply(matrix: &[f32], vector: &[f32]) -> Option<Vec<f32>> {
    let product = |row: &[f32]| {
        let products = row.iter().zip(vector).map(|(one, other)| one * other);
        finite(products.fold(0.0, |sum, product| sum + product))
    };
    match vector.len() {
        0 => None,
        columns => matrix.chunks(columns).map(product).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_back_as_far_as_is_kept() {
        let vector = vec![3.0, -4.0, 0.0, 12.0, -0.5];
        for (quantization, kept_len, restored) in [
            (Quantization::F32, 20, [3.0, -4.0, 0.0, 12.0, -0.5]),
            (Quantization::Bin, 8, [1.0, -1.0, -1.0, 1.0, -1.0]),
        ] {
            let kept = quantization.keep(vector.clone()).unwrap();
            assert_eq!(quantization.bytes(5), Some(kept_len));
            assert_eq!((kept.vector.len(), kept.range), (kept_len, 0.0));
            let found = quantization.restore(5, &kept.vector, kept.l2, kept.range);
            for (found, wanted) in found.iter().zip(restored) {
                assert!((found - wanted).abs() < 1e-6, "{found} {wanted}");
            }
        }
        let kept = Quantization::Int8.keep(vector.clone()).unwrap();
        assert_eq!(kept.vector, [32, 214, 0, 127, 251]);
        let found = Quantization::Int8.restore(5, &kept.vector, kept.l2, kept.range);
        for (found, wanted) in found.iter().zip(vector) {
            assert!((found - wanted).abs() < 0.05, "{found} {wanted}");
        }
    }

    #[test]
    fn zero_and_what_is_not_finite() {
        for quantization in [Quantization::F32, Quantization::Int8, Quantization::Bin] {
            let kept = quantization.keep(vec![0.0; 70]).unwrap();
            assert_eq!((kept.l2, kept.range), (1.0, 0.0));
            assert_eq!(Some(kept.vector.len()), quantization.bytes(70));
            assert_eq!(quantization.keep(vec![f32::MAX; 2]), None);
        }
        assert_eq!(from_blob(&f32::NAN.to_le_bytes()), None);
        assert_eq!(from_blob(&[0; 5]), None);
        assert_eq!(from_numbers(&[b"1e39"]), None);
        assert_eq!(from_numbers(&[b"1e38", b"-2"]), Some(vec![1e38, -2.0]));
        assert_eq!(multiply(&[f32::MAX; 2], &[2.0; 2]), None);
    }

    #[test]
    fn a_matrix_makes_vectors_smaller() {
        let matrix = hadamard(2, 3);
        let scale = (1.0 / 3f64.sqrt()) as f32;
        assert_eq!(matrix, [scale, scale, scale, scale, -scale, scale]);
        let (a, b) = (0.0 + scale + scale * -2.0 + scale * 3.0, scale + scale * 2.0 + scale * 3.0);
        assert_eq!(multiply(&matrix, &[1.0, -2.0, 3.0]), Some(vec![a, b]));
    }
}
