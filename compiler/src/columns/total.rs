//! Integers that total inputs are summed in.

use std::fmt::Debug;
use std::ops::{Add, Mul, Sub};

/// 32 bits where no total input exceeds them, else 64.
pub trait Total:
    Copy + Default + Debug + PartialEq + Send + Sync + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self>
{
    /// The value, if it fits.
    fn of(value: i128) -> Option<Self>;

    /// A partial sum.
    fn of_sum(sum: i32) -> Self;

    /// The value in 64 bits.
    fn wide(self) -> i64;

    /// The values where they have 32 bits.
    fn narrow(values: &mut [Self]) -> Option<&mut [i32]>;
}

impl Total for i32 {
    fn of(value: i128) -> Option<Self> {
        value.try_into().ok()
    }

    #[inline(always)]
    fn of_sum(sum: i32) -> Self {
        sum
    }

    fn wide(self) -> i64 {
        self.into()
    }

    fn narrow(values: &mut [Self]) -> Option<&mut [i32]> {
        Some(values)
    }
}

impl Total for i64 {
    fn of(value: i128) -> Option<Self> {
        value.try_into().ok()
    }

    #[inline(always)]
    fn of_sum(sum: i32) -> Self {
        sum.into()
    }

    fn wide(self) -> i64 {
        self
    }

    fn narrow(_: &mut [Self]) -> Option<&mut [i32]> {
        None
    }
}
