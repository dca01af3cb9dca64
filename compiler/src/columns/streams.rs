//! Spike counts as a sequence of binary reads.

use crate::hardware::InputCoding;
use crate::program::StreamLayout;

/// The reads for counts of `low..=high`: those of positive counts, then those of negative ones.
///
/// `sum over the streams of weight * active(count, stream)` is the count.
pub fn streams(coding: InputCoding, low: i32, high: i32) -> Vec<StreamLayout> {
    let side = |largest: i64, sign: i64| {
        let number = match coding {
            InputCoding::BitSerial => 64 - largest.leading_zeros(),
            InputCoding::Spikes => largest as u32,
        };
        (0..number).map(move |index| StreamLayout {
            weight: match coding {
                InputCoding::BitSerial => sign << index,
                InputCoding::Spikes => sign,
            },
            index,
        })
    };
    side(i64::from(high).max(0), 1).chain(side((-i64::from(low)).max(0), -1)).collect()
}

/// Whether a row with this count is driven in a stream.
pub fn active(coding: InputCoding, count: i32, stream: StreamLayout) -> bool {
    let magnitude = (i64::from(count) * stream.weight.signum()).max(0);
    match coding {
        InputCoding::BitSerial => (magnitude >> stream.index) & 1 == 1,
        InputCoding::Spikes => magnitude > i64::from(stream.index),
    }
}
