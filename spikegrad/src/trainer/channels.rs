//! Sums of spike counts per channel, which the control of activity needs.

use kernels::{Engine, Loop};

use crate::master::ChannelActivity;
use crate::pass::Activity;
use crate::plan::Plan;

/// Rows of bytes whose sums fit 16 bits with sign: 128 * 255 < 2^15.
const SHORT_ROWS: usize = 128;

/// Sums over the examples of a batch.
#[derive(Clone, Debug, Default)]
pub(super) struct ChannelSums {
    examples: u64,
    /// Per population and channel.
    counts: Vec<Vec<i64>>,
    active: Vec<Vec<i64>>,
}

impl ChannelSums {
    pub fn new(plan: &Plan) -> Self {
        let zeros: Vec<Vec<i64>> = plan.populations.iter().map(|population| vec![0; population.channels]).collect();
        Self { examples: 0, counts: zeros.clone(), active: zeros }
    }

    pub fn clear(&mut self) {
        self.examples = 0;
        self.counts.iter_mut().chain(&mut self.active).for_each(|sums| sums.fill(0));
    }

    /// Adds the counts of a group of examples.
    pub fn add(&mut self, engine: Engine, plan: &Plan, activity: &Activity) {
        self.examples += activity.examples as u64;
        for (index, population) in plan.populations.iter().enumerate() {
            if !plan.is_input(index) && !population.fires {
                continue;
            }
            let counts = &activity.counts[index][..population.neurons * activity.examples];
            let (sums, active) = (&mut self.counts[index], &mut self.active[index]);
            if population.is_signed {
                engine.vectorised(AddBytes { bytes: counts, sums, active, count: |byte| i16::from(byte as i8) });
            } else {
                engine.vectorised(AddBytes { bytes: counts, sums, active, count: |byte: u8| i16::from(byte) });
            }
        }
    }

    /// The sums of all parts of a batch; `None` when there are none.
    pub fn total<'s>(mut parts: impl Iterator<Item = &'s Self>) -> Option<Self> {
        let first = parts.next()?.clone();
        Some(parts.fold(first, |mut total, part| {
            total.merge(part);
            total
        }))
    }

    fn merge(&mut self, other: &Self) {
        self.examples += other.examples;
        let own = self.counts.iter_mut().chain(&mut self.active).flatten();
        own.zip(other.counts.iter().chain(&other.active).flatten()).for_each(|(sum, part)| *sum += part);
    }

    /// What a channel did on average.
    pub fn activity(&self, plan: &Plan, population: usize, channel: usize) -> ChannelActivity {
        let population_plan = &plan.populations[population];
        let positions = (population_plan.neurons / population_plan.channels.max(1)) as u64;
        let total = (positions * self.examples).max(1) as f64;
        ChannelActivity {
            mean: self.counts[population][channel] as f64 / total,
            active: self.active[population][channel] as f64 / total,
        }
    }
}

/// Adds bytes and their number that are not zero to the sums of their channels.
struct AddBytes<'a, Count> {
    bytes: &'a [u8],
    sums: &'a mut [i64],
    active: &'a mut [i64],
    count: Count,
}

impl<Count: Fn(u8) -> i16> Loop for AddBytes<'_, Count> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { bytes, sums, active, count } = self;
        let channels = sums.len().max(1);
        let (mut counts, mut spiking) = (vec![0i16; channels], vec![0i16; channels]);
        for rows in bytes.chunks(SHORT_ROWS * channels) {
            for row in rows.chunks_exact(channels) {
                for ((sum, number), &byte) in counts.iter_mut().zip(&mut spiking).zip(row) {
                    *sum += count(byte);
                    *number += i16::from(byte != 0);
                }
            }
            for (sum, part) in sums.iter_mut().zip(&mut counts).chain(active.iter_mut().zip(&mut spiking)) {
                *sum += i64::from(std::mem::take(part));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Engine, Isa, Parallelism};
    use snn::random::{Purpose, Stream};

    #[test]
    fn sums_equal_those_of_a_plain_loop() {
        for (channels, rows) in [(1, 1), (3, 700), (16, 129), (5, 128)] {
            let mut stream = Stream::new(7, Purpose::Test, channels as u64);
            let bytes: Vec<u8> = (0..channels * rows).map(|_| [0, 255, 128, 7][stream.below(4) as usize]).collect();
            for (is_signed, isa) in
                [false, true].into_iter().flat_map(|signed| Isa::available().into_iter().map(move |isa| (signed, isa)))
            {
                let engine = Engine::new(isa, Parallelism::Serial).unwrap();
                let count = |byte: u8| if is_signed { i16::from(byte as i8) } else { i16::from(byte) };
                let (mut sums, mut active) = (vec![10; channels], vec![20; channels]);
                let add = super::AddBytes { bytes: &bytes, sums: &mut sums, active: &mut active, count };
                engine.vectorised(add);
                for channel in 0..channels {
                    let of_channel = || bytes.iter().skip(channel).step_by(channels);
                    let sum: i64 = of_channel().map(|&byte| i64::from(count(byte))).sum();
                    let number = of_channel().filter(|&&byte| byte != 0).count() as i64;
                    assert_eq!((sums[channel], active[channel]), (10 + sum, 20 + number), "{channels} x {rows}");
                }
            }
        }
    }
}
