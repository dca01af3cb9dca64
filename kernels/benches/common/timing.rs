//! Medians of wall-clock time.

use std::time::Instant;

/// The median wall-clock seconds of a call over about `budget` seconds, at least three samples, after a warm-up.
/// A sample repeats calls that take less than two milliseconds.
///
/// # Errors
/// That of the call.
pub fn median<E>(budget: f64, mut call: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let start = Instant::now();
    let mut calls = 0;
    while calls < 2 || (start.elapsed().as_secs_f64() < 0.1 * budget && calls < 1000) {
        call()?;
        calls += 1;
    }
    let once = start.elapsed().as_secs_f64() / f64::from(calls);
    let repeats = (2e-3 / once.max(1e-9)).ceil().clamp(1.0, 1e5) as u32;
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || (start.elapsed().as_secs_f64() < budget && times.len() < 1000) {
        let sample = Instant::now();
        for _ in 0..repeats {
            call()?;
        }
        times.push(sample.elapsed().as_secs_f64() / f64::from(repeats));
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
