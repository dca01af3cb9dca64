//! Synapses per neuron, and the accumulations that spikes cause over them.

use kernels::{Engine, Loop};

/// Synapses per neuron.
#[derive(Clone, Debug)]
pub(crate) enum FanCount {
    /// The same for all neurons.
    Uniform(u32),
    /// One number a neuron.
    Neurons(Vec<u32>),
}

/// Neurons whose sums over the examples are held at once.
const BLOCK: usize = 1024;
/// Bytes whose magnitudes are summed in 32 bits.
const SHORT_SUM: usize = 1 << 24;

impl FanCount {
    pub fn new(fans: Vec<u32>) -> Self {
        let first = fans.first().copied().unwrap_or(0);
        if fans.iter().all(|&fan| fan == first) { Self::Uniform(first) } else { Self::Neurons(fans) }
    }

    /// sum magnitude(count) * fan over the neurons of several examples.
    pub fn weigh<T: Copy>(&self, counts: &[T], magnitude: impl Fn(T) -> u64) -> u64 {
        match self {
            Self::Uniform(0) => 0,
            Self::Uniform(fan) => counts.iter().map(|&count| magnitude(count)).sum::<u64>() * u64::from(*fan),
            Self::Neurons(fans) => {
                counts.iter().zip(fans.iter().cycle()).map(|(&count, &fan)| magnitude(count) * u64::from(fan)).sum()
            }
        }
    }

    /// [`FanCount::weigh`] of bytes with magnitudes below 2^8.
    pub fn weigh_bytes<T: Copy>(&self, engine: Engine, counts: &[T], magnitude: impl Fn(T) -> u32) -> u64 {
        match self {
            Self::Uniform(0) => 0,
            Self::Uniform(fan) => sum_bytes(engine, counts, magnitude) * u64::from(*fan),
            Self::Neurons(fans) => engine.vectorised(Weigh { counts, fans, magnitude }),
        }
    }
}

/// The sum of magnitudes below 2^8.
pub(crate) fn sum_bytes<T: Copy>(engine: Engine, counts: &[T], magnitude: impl Fn(T) -> u32) -> u64 {
    engine.vectorised(Sum { counts, magnitude })
}

struct Sum<'a, T, Magnitude> {
    counts: &'a [T],
    magnitude: Magnitude,
}

impl<T: Copy, Magnitude: Fn(T) -> u32> Loop for Sum<'_, T, Magnitude> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let mut total = 0;
        for counts in self.counts.chunks(SHORT_SUM) {
            let mut sum = 0u32;
            for &count in counts {
                sum += (self.magnitude)(count);
            }
            total += u64::from(sum);
        }
        total
    }
}

struct Weigh<'a, T, Magnitude> {
    counts: &'a [T],
    fans: &'a [u32],
    magnitude: Magnitude,
}

impl<T: Copy, Magnitude: Fn(T) -> u32> Loop for Weigh<'_, T, Magnitude> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let mut total = 0;
        for examples in self.counts.chunks(SHORT_SUM * self.fans.len()) {
            for (block, fans) in self.fans.chunks(BLOCK).enumerate() {
                let mut sums = [0u32; BLOCK];
                let sums = &mut sums[..fans.len()];
                for example in examples.chunks_exact(self.fans.len()) {
                    for (sum, &count) in sums.iter_mut().zip(&example[block * BLOCK..]) {
                        *sum += (self.magnitude)(count);
                    }
                }
                for (&sum, &fan) in sums.iter().zip(fans) {
                    total += u64::from(sum) * u64::from(fan);
                }
            }
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Isa, Parallelism};
    use snn::random::{Purpose, Stream};

    use super::*;

    #[test]
    fn accumulations_equal_those_of_a_plain_loop() {
        for (neurons, examples, is_uniform) in [(1, 3, true), (7, 5, false), (2500, 3, false), (300, 20, true)] {
            let mut stream = Stream::new(11, Purpose::Test, neurons as u64);
            let fans: Vec<u32> = (0..neurons).map(|_| if is_uniform { 9 } else { stream.below(1 << 20) }).collect();
            let counts: Vec<i8> = (0..neurons * examples).map(|_| stream.below(256) as u8 as i8).collect();
            let magnitude = |count: i8| u32::from(count.unsigned_abs());
            let places = counts.iter().enumerate();
            let expected: u64 =
                places.map(|(place, &count)| u64::from(magnitude(count)) * u64::from(fans[place % neurons])).sum();
            let sum: u64 = counts.iter().map(|&count| u64::from(magnitude(count))).sum();
            let fan = FanCount::new(fans);
            assert_eq!(fan.weigh(&counts, |count| magnitude(count).into()), expected);
            for isa in Isa::available() {
                let engine = Engine::new(isa, Parallelism::Serial).unwrap();
                assert_eq!(fan.weigh_bytes(engine, &counts, magnitude), expected, "{isa:?}");
                assert_eq!(sum_bytes(engine, &counts, magnitude), sum, "{isa:?}");
            }
        }
    }
}
