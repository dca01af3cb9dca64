//! Wide integers as signed base-256 digits.

use crate::KernelError;

/// Splits integers into signed base-256 digits: `value = sum over p of digits[p] * 256^p`, each digit in -128..=127.
///
/// `planes[p]` receives digit `p` of every value, so that a product with wide weights is the sum of products with
/// the planes, [`Store::scale`](crate::Store) being `256^p`.
///
/// # Errors
/// [`KernelError::Digits`] if a value needs more planes, [`KernelError::Length`] if a plane's length differs from
/// the values'.
pub fn split_digits(values: &[i32], planes: &mut [&mut [i8]]) -> Result<(), KernelError> {
    for plane in planes.iter() {
        crate::error::check_length("split_digits", "plane", &[values.len()], plane.len())?;
    }
    for (index, &value) in values.iter().enumerate() {
        let mut rest = i64::from(value);
        for plane in planes.iter_mut() {
            let digit = rest as i8;
            plane[index] = digit;
            rest = (rest - i64::from(digit)) >> 8;
        }
        if rest != 0 {
            return Err(KernelError::Digits { value, index, planes: planes.len() });
        }
    }
    Ok(())
}

/// Digits that hold every integer of absolute value up to `max_abs`; at least 1. A negative `max_abs` counts as 0.
///
/// `n` digits reach from `-128 * (256^n - 1) / 255` to `127 * (256^n - 1) / 255`.
pub fn digits_needed(max_abs: i64) -> usize {
    let mut digits = 1;
    let mut reach = 127i128;
    while reach < i128::from(max_abs) {
        reach = reach * 256 + 127;
        digits += 1;
    }
    digits
}
