//! One step of one neuron's weights.

use kernels::Engine;

use super::homeostasis::Control;
use super::lanes::{Descent, replace};
use super::standardise;

/// What all neurons of a projection share.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub engine: Engine,
    pub momentum: f32,
    pub rate: f32,
    /// Rate of held weights, in units of their root mean square; 0 for `rate`.
    pub turning: f32,
    pub decay: f32,
    pub control: Control,
}

/// How the weights of one neuron are held.
#[derive(Clone, Copy)]
pub(super) struct Hold {
    /// Root mean square of the weights at the start of training.
    pub initial: f32,
    /// Factor on the present one.
    pub scale: f32,
}

/// The state of one neuron.
pub(super) struct Neuron<'a> {
    pub weights: &'a mut [f32],
    pub velocities: &'a mut [f32],
    /// Running mean square of its gradient; 0 before the first.
    pub square: &'a mut f32,
}

/// Bounds of the root mean square of weights, in units of the initial one: the grid is fixed.
const SPREAD_BOUNDS: [f32; 2] = [0.125, 2.0];
/// What a batch counts in the running mean square of a gradient.
const SQUARE_SHARE: f32 = 0.01;

impl Step {
    /// Updates a neuron from its gradient, which is changed.
    pub fn apply(&self, hold: Option<Hold>, gradient: &mut [f32], neuron: &mut Neuron<'_>) {
        let Some(Hold { initial, scale }) = hold else {
            return self.descend(self.rate, self.decay, gradient, neuron);
        };
        let spread = standardise::spread(self.engine, neuron.weights);
        standardise::project(self.engine, gradient, neuron.weights, spread);
        if self.turning > 0.0 {
            let factor = neuron.turn(standardise::spread(self.engine, gradient), spread);
            replace(self.engine, gradient, |gradient| gradient * factor);
            self.descend(self.turning, 0.0, gradient, neuron);
        } else {
            self.descend(self.rate, self.decay, gradient, neuron);
        }
        let [low, high] = SPREAD_BOUNDS.map(|bound| bound * initial);
        standardise::standardise(self.engine, neuron.weights, (spread * scale).clamp(low, high));
    }

    /// Momentum descent.
    fn descend(&self, rate: f32, decay: f32, gradient: &[f32], neuron: &mut Neuron<'_>) {
        let Neuron { weights, velocities, .. } = neuron;
        self.engine.vectorised(Descent { momentum: self.momentum, rate, decay, gradient, weights, velocities });
    }
}

impl Neuron<'_> {
    /// Takes a gradient of root mean square `size` into the running mean, and returns what gives it
    /// the size `spread` on average.
    fn turn(&mut self, size: f32, spread: f32) -> f32 {
        let square = size * size;
        let is_first = *self.square == 0.0;
        *self.square = if is_first { square } else { *self.square + SQUARE_SHARE * (square - *self.square) };
        if *self.square > 0.0 { spread / self.square.sqrt() } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Engine, Parallelism};

    use super::{Control, Hold, Neuron, Step};

    /// Weights after steps with the same gradient, of a size `size`, with the rate `turning`.
    fn turned(size: f32, turning: f32, steps: usize) -> Vec<f32> {
        let mut weights = [0.3f32, -0.3, 0.3, -0.3];
        let (mut velocities, mut square) = ([0.0; 4], 0.0);
        let hold = Hold { initial: 0.3, scale: 1.0 };
        let control = Control { strength: 1.0, counts: [3.0, 8.0] };
        let engine = Engine::detect(Parallelism::Serial);
        let step = Step { engine, momentum: 0.0, rate: 0.5, turning, decay: 0.1, control };
        for _ in 0..steps {
            let mut gradient = [size, size, -size, -size];
            let mut neuron = Neuron { weights: &mut weights, velocities: &mut velocities, square: &mut square };
            step.apply(Some(hold), &mut gradient, &mut neuron);
        }
        weights.to_vec()
    }

    #[test]
    fn weights_turn_by_the_rate_whatever_the_size_of_the_gradient() {
        let small = turned(1e-3, 0.01, 1);
        let large = turned(1e3, 0.01, 1);
        for (small, large) in small.iter().zip(&large) {
            assert!((small - large).abs() < 1e-6, "{small} {large}");
        }
        let cosine: f32 = small.iter().zip([0.3, -0.3, 0.3, -0.3]).map(|(a, b)| a * b).sum::<f32>() / (4.0 * 0.09);
        assert!((cosine.acos() - 0.01).abs() < 1e-4, "turned by {}", cosine.acos());
    }

    #[test]
    fn without_gradient_nothing_turns() {
        assert_eq!(turned(0.0, 0.01, 3), turned(1.0, 0.01, 0));
    }

    #[test]
    fn a_turning_rate_of_zero_descends_at_the_learning_rate() {
        let (small, large) = (turned(1e-4, 0.0, 1), turned(1e-2, 0.0, 1));
        assert!((small[0] - large[0]).abs() > 1e-3);
    }
}
