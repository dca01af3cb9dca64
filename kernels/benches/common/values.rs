//! Repeatable operands.

/// Bytes from a small generator: a share `density` of them lies in `1..=largest`, the others are zero.
pub fn bytes(length: usize, density: f64, largest: u32) -> Vec<u8> {
    let mut state = 0x2545_f491u32;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let limit = (density.clamp(0.0, 1.0) * f64::from(u32::MAX)) as u32;
    (0..length).map(|_| if next() <= limit { (1 + next() % largest) as u8 } else { 0 }).collect()
}
