//! The constraint on the weights of a neuron: mean zero and a fixed root mean square.

use kernels::Engine;
use snn::{Network, NeuronKind, Population};

use super::lanes::{replace, replace_with, sum, sum_of_products};

/// The root mean square that the weights into each neuron of a population start with; `None` for
/// the readout, whose weights are free.
///
/// `gain / sqrt(fan_in)`, so that uncorrelated inputs `relu(x)`, x of variance 1, give total inputs
/// of variance 1: gain^2 = 2 / (1 - 1/pi) behind rectified neurons, 1 behind linear ones. Source:
/// Brock, De, Smith, *Characterizing signal propagation*, ICLR 2021, section 4.
pub(super) fn target(network: &Network, population: &Population) -> Option<f32> {
    if !population.fires() {
        return None;
    }
    let trained = population.incoming.iter().map(|&index| &network.projections()[index]);
    let fan_in: usize = trained.filter(|p| p.weights.is_some()).map(|p| super::row_length(&p.connection)).sum();
    let gain = match population.neuron {
        NeuronKind::Relu => (2.0 / (1.0 - std::f64::consts::FRAC_1_PI)).sqrt(),
        _ => 1.0,
    };
    Some((gain / (fan_in.max(1) as f64).sqrt()) as f32)
}

/// Brings the weights of one neuron to mean zero and the root mean square `target`. Weights that
/// are all equal have no direction and become zero.
pub(super) fn standardise(engine: Engine, weights: &mut [f32], target: f32) {
    let length = weights.len().max(1) as f64;
    let mean = sum(engine, weights, |value| value) / length;
    let shift = mean as f32;
    replace(engine, weights, |weight| weight - shift);
    let square = sum(engine, weights, |value| value * value) / length;
    let factor = if square > 0.0 { (f64::from(target) / square.sqrt()) as f32 } else { 0.0 };
    replace(engine, weights, |weight| weight * factor);
}

/// The root mean square of weights.
pub(super) fn spread(engine: Engine, weights: &[f32]) -> f32 {
    (sum(engine, weights, |value| value * value) / weights.len().max(1) as f64).sqrt() as f32
}

/// Takes out of a gradient what the constraint forbids: its mean, and its part along the weights,
/// whose mean is zero and whose root mean square is `spread`.
pub(super) fn project(engine: Engine, gradient: &mut [f32], weights: &[f32], spread: f32) {
    let square = f64::from(spread) * f64::from(spread);
    if square == 0.0 {
        return;
    }
    let length = weights.len().max(1) as f64;
    let mean = (sum(engine, gradient, |value| value) / length) as f32;
    let along = sum_of_products(engine, gradient, weights);
    let share = (along / (length * square)) as f32;
    replace_with(engine, gradient, weights, |gradient, weight| gradient - (mean + share * weight));
}

#[cfg(test)]
mod tests {
    use kernels::{Engine, Parallelism};

    use super::{project, standardise};

    fn engine() -> Engine {
        Engine::detect(Parallelism::Serial)
    }

    fn sum(values: &[f32], term: impl Fn(f64) -> f64) -> f64 {
        super::sum(engine(), values, term)
    }

    fn sample(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let draw = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 0.9
        };
        (0..count).map(draw).collect()
    }

    #[test]
    fn standardised_weights_have_mean_zero_and_the_target_as_spread() {
        for count in [2, 3, 27, 1001] {
            let mut weights = sample(count, count as u32);
            standardise(engine(), &mut weights, 0.25);
            let mean = sum(&weights, |v| v) / count as f64;
            let square = sum(&weights, |v| v * v) / count as f64;
            assert!(mean.abs() < 1e-6 && (square.sqrt() - 0.25).abs() < 1e-6, "{count}: {mean} {square}");
        }
        let mut constant = vec![0.7; 9];
        standardise(engine(), &mut constant, 0.25);
        assert_eq!(constant, vec![0.0; 9]);
    }

    #[test]
    fn a_projected_step_changes_mean_and_spread_in_second_order_only() {
        let mut weights = sample(300, 5);
        standardise(engine(), &mut weights, 0.1);
        let mut gradient = sample(300, 6);
        project(engine(), &mut gradient, &weights, 0.1);
        let mean = sum(&gradient, |v| v);
        let along = super::sum_of_products(engine(), &gradient, &weights);
        assert!(mean.abs() < 1e-3 && along.abs() < 1e-4, "{mean} {along}");
    }
}
