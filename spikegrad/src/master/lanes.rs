//! Loops over the weights of a neuron, compiled for the instruction set of the engine. The order of every sum is fixed,
//! so that no result depends on it.

use kernels::{Engine, Loop};

/// Lanes of a sum.
const LANES: usize = 8;

/// The sum of `term(value)` in double precision.
pub(super) fn sum(engine: Engine, values: &[f32], term: impl Fn(f64) -> f64) -> f64 {
    engine.vectorised(Sum { values, others: values, term: |value, _| term(f64::from(value)) })
}

/// The sum of the products of two runs in double precision, each product rounded to single precision.
pub(super) fn sum_of_products(engine: Engine, values: &[f32], others: &[f32]) -> f64 {
    engine.vectorised(Sum { values, others, term: |value: f32, other: f32| f64::from(value * other) })
}

/// `value = map(value)`.
pub(crate) fn replace(engine: Engine, values: &mut [f32], map: impl Fn(f32) -> f32) {
    engine.vectorised(Replace { values, map });
}

/// `value = map(value, other)`, the other values repeated when they are fewer.
pub(super) fn replace_with(engine: Engine, values: &mut [f32], others: &[f32], map: impl Fn(f32, f32) -> f32) {
    engine.vectorised(ReplaceWith { values, others, map });
}

/// `value = map(number)`.
pub(crate) fn convert<N: Copy>(engine: Engine, numbers: &[N], values: &mut [f32], map: impl Fn(N) -> f32) {
    engine.vectorised(Convert { numbers, values, map });
}

struct Sum<'a, Term> {
    values: &'a [f32],
    others: &'a [f32],
    term: Term,
}

impl<Term: Fn(f32, f32) -> f64> Loop for Sum<'_, Term> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut lanes = [0.0f64; LANES];
        let (values, values_rest) = self.values.as_chunks::<LANES>();
        let (others, others_rest) = self.others.as_chunks::<LANES>();
        for (values, others) in values.iter().zip(others) {
            for ((lane, &value), &other) in lanes.iter_mut().zip(values).zip(others) {
                *lane += (self.term)(value, other);
            }
        }
        for ((lane, &value), &other) in lanes.iter_mut().zip(values_rest).zip(others_rest) {
            *lane += (self.term)(value, other);
        }
        lanes.iter().sum()
    }
}

struct Replace<'a, Map> {
    values: &'a mut [f32],
    map: Map,
}

impl<Map: Fn(f32) -> f32> Loop for Replace<'_, Map> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for value in self.values {
            *value = (self.map)(*value);
        }
    }
}

struct ReplaceWith<'a, Map> {
    values: &'a mut [f32],
    others: &'a [f32],
    map: Map,
}

impl<Map: Fn(f32, f32) -> f32> Loop for ReplaceWith<'_, Map> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for values in self.values.chunks_mut(self.others.len().max(1)) {
            for (value, &other) in values.iter_mut().zip(self.others) {
                *value = (self.map)(*value, other);
            }
        }
    }
}

struct Convert<'a, N, Map> {
    numbers: &'a [N],
    values: &'a mut [f32],
    map: Map,
}

impl<N: Copy, Map: Fn(N) -> f32> Loop for Convert<'_, N, Map> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (value, &number) in self.values.iter_mut().zip(self.numbers) {
            *value = (self.map)(number);
        }
    }
}

/// Momentum descent of a run of weights: `v = momentum * v + (gradient + decay * w); w -= rate * v`.
pub(super) struct Descent<'a> {
    pub momentum: f32,
    pub rate: f32,
    pub decay: f32,
    pub gradient: &'a [f32],
    pub weights: &'a mut [f32],
    pub velocities: &'a mut [f32],
}

impl Loop for Descent<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((weight, velocity), &gradient) in self.weights.iter_mut().zip(self.velocities).zip(self.gradient) {
            *velocity = self.momentum * *velocity + (gradient + self.decay * *weight);
            *weight -= self.rate * *velocity;
        }
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Isa, Parallelism};

    use super::*;

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let sample = |length: u32, seed: u32| -> Vec<f32> {
            (0..length).map(|index| ((index ^ seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 7e6 - 1.1).collect()
        };
        for length in [0, 1, 7, 8, 9, 100, 1003] {
            let (first, second) = (sample(length, 3), sample(length, 90));
            let results = Isa::available().into_iter().map(|isa| {
                let engine = Engine::new(isa, Parallelism::Serial).unwrap();
                let sums = [
                    sum(engine, &first, |value| value),
                    sum(engine, &first, |value| value * value),
                    sum_of_products(engine, &first, &second),
                ];
                let (mut weights, mut velocities) = (second.clone(), first.clone());
                engine.vectorised(Descent {
                    momentum: 0.9,
                    rate: 0.03,
                    decay: 1e-3,
                    gradient: &first,
                    weights: &mut weights,
                    velocities: &mut velocities,
                });
                replace(engine, &mut weights, |value| value * 1.7 + 0.1);
                replace_with(engine, &mut velocities, &second[..length as usize / 3], |value, other| {
                    value - other * 0.3
                });
                let bits = [weights, velocities].map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>());
                (sums.map(f64::to_bits), bits)
            });
            let results: Vec<_> = results.collect();
            assert!(results.iter().all(|result| *result == results[0]), "{length}");
            let slow = first.iter().zip(&second).enumerate().fold([0.0; LANES], |mut lanes, (index, (a, b))| {
                lanes[index % LANES] += f64::from(a * b);
                lanes
            });
            assert_eq!(results[0].0[2], slow.iter().sum::<f64>().to_bits());
        }
    }
}
