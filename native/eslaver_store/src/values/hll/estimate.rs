//! Estimation, in the servers' order of operations, on which the last bits depend: after Otmar Ertl,
//! "New cardinality estimation algorithms for HyperLogLog sketches" (arXiv:1702.01284), and before
//! that after Flajolet and others, with a correction where that is known to be biased.

use super::{REGISTERS, RUN_BITS, Registers};

const M: f64 = REGISTERS as f64;
/// 1 / (2 ln 2)
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// How many registers have each value.
type Histogram = [u32; 64];

/// How many different elements registers have been given.
pub(super) fn estimate(by_ertl: bool, registers: &Registers) -> u64 {
    let mut histogram = [0; 64];
    for &value in registers {
        histogram[usize::from(value & 0x3f)] += 1;
    }
    if histogram[0] as usize == REGISTERS {
        0
    } else if by_ertl {
        ertl(&histogram)
    } else {
        flajolet(&histogram)
    }
}

fn ertl(histogram: &Histogram) -> u64 {
    let of = |value: usize| f64::from(histogram[value]);
    let top = M * tau((M - of(RUN_BITS as usize + 1)) / M);
    let middle = (1..=RUN_BITS as usize).rev().fold(top, |sum, value| (sum + of(value)) * 0.5);
    (ALPHA * M * M / (middle + M * sigma(of(0) / M))).round() as u64
}

fn flajolet(histogram: &Histogram) -> u64 {
    let sum: f64 =
        (0..64).rev().map(|value| f64::from(histogram[value]) * 2f64.powi(-(value as i32))).sum();
    let estimate = 1.0 / sum * (0.7213 / (1.0 + 1.079 / M)) * M * M;
    let zeros = f64::from(histogram[0]);
    if zeros > 0.0 && estimate < M * 2.5 {
        (M * (M / zeros).ln()) as u64
    } else if estimate < 72_000.0 {
        (estimate - estimate * (bias(estimate) / 100.0)) as u64
    } else {
        estimate as u64
    }
}

fn bias(e: f64) -> f64 {
    5.9119 * 1.0e-18 * (e * e * e * e) - 1.4253 * 1.0e-12 * (e * e * e) + 1.2940 * 1.0e-7 * (e * e)
        - 5.2921 * 1.0e-3 * e
        + 83.3216
}

fn sigma(x: f64) -> f64 {
    let (mut x, mut y, mut z) = (x, 1.0, x);
    loop {
        x *= x;
        let next = z + x * y;
        if next == z {
            return z;
        }
        z = next;
        y += y;
    }
}

fn tau(x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (x, 1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        y *= 0.5;
        let next = z - (1.0 - x).powi(2) * y;
        if next == z {
            return z / 3.0;
        }
        z = next;
    }
}
