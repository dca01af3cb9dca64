//! How a product joins the values already in the output.

/// `out = (accumulate ? out : 0) + scale * product`, wrapping in 32 bits.
///
/// Wide weights are sums of products of 8-bit digit planes, each with its own scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Store {
    /// Whether the old value of the output is added.
    pub accumulate: bool,
    /// The factor of the product.
    pub scale: i32,
}

impl Store {
    /// `out = product`.
    pub const OVERWRITE: Store = Store { accumulate: false, scale: 1 };
    /// `out += product`.
    pub const ADD: Store = Store { accumulate: true, scale: 1 };

    /// The new value of an output element.
    #[inline(always)]
    pub(crate) fn apply(self, old: i32, product: i32) -> i32 {
        let base = if self.accumulate { old } else { 0 };
        base.wrapping_add(self.scale.wrapping_mul(product))
    }
}
