//! Saliency of channels summed over tokens.

use ndarray::ArrayView2;

/// Sums over tokens of the saliency `s = x (dL/dx)` of each channel, `L = |y|^2 / 2` of what the channel enters: to first
/// order what L changes by when the channel is scaled (SpikeLLM, Optimal Brain Spiking, activation saliency).
#[derive(Clone, Debug, Default)]
pub struct ChannelSums {
    /// Tokens.
    pub tokens: usize,
    /// Sum of s.
    pub signed: Vec<f64>,
    /// Sum of `|s|`.
    pub absolute: Vec<f64>,
    /// Sum of `s^2`.
    pub squared: Vec<f64>,
    /// Largest `|x|`.
    pub largest: Vec<f32>,
}

impl ChannelSums {
    /// Of no token.
    pub fn new(channels: usize) -> Self {
        let zeros = vec![0.0; channels];
        let largest = vec![0.0; channels];
        Self { tokens: 0, signed: zeros.clone(), absolute: zeros.clone(), squared: zeros, largest }
    }

    /// Adds tokens `x` with their derivatives, `[tokens, channels]` each.
    pub fn add(&mut self, x: ArrayView2<'_, f32>, derivatives: ArrayView2<'_, f32>) {
        self.tokens += x.nrows();
        for (x, derivatives) in x.rows().into_iter().zip(derivatives.rows()) {
            for (channel, (&x, &derivative)) in x.iter().zip(derivatives).enumerate() {
                let saliency = f64::from(x) * f64::from(derivative);
                self.signed[channel] += saliency;
                self.absolute[channel] += saliency.abs();
                self.squared[channel] += saliency * saliency;
                self.largest[channel] = self.largest[channel].max(x.abs());
            }
        }
    }
}
