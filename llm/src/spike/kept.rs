//! Linear maps that are kept out of quantisation, in half precision or in FP8 (Maisonnave et al., 2025, "Precision Where
//! It Matters").

use kernels::Engine;
use ndarray::{Array2, ArrayView2};

use super::configuration::KeptFormat;
use crate::matrix::{e4m3, to_f16};
use crate::{FloatFormat, LlmError, Matrix};

/// Smallest scale of a tensor.
const SMALLEST_SCALE: f32 = f32::MIN_POSITIVE;

/// Weights in a floating-point format of few bits, which take activations in the same format:
///
/// ```text
/// y = s_x s_w (X W^T)     X = round(x / s_x), W = round(w / s_w), products summed in f32
/// s = 1                   f16
/// s = max|.| / 448        E4M3: of all weights once, of the activations of all tokens of a call
/// ```
#[derive(Clone, Debug)]
pub struct KeptWeights {
    weights: Matrix,
    scale: f32,
}

/// The scale of numbers in a format.
fn scale<'a>(format: FloatFormat, numbers: impl IntoIterator<Item = &'a f32>) -> f32 {
    match format {
        FloatFormat::F8E4m3 => {
            let largest = numbers.into_iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            (largest / e4m3::LARGEST).max(SMALLEST_SCALE)
        }
        FloatFormat::F32 | FloatFormat::F16 | FloatFormat::Bf16 => 1.0,
    }
}

impl KeptWeights {
    /// Rounds weights, `[outputs, inputs]`; `None` for [`KeptFormat::F32`].
    pub fn round(weights: &Matrix, format: KeptFormat) -> Option<Self> {
        match format {
            KeptFormat::F32 => None,
            KeptFormat::F16 => Some(Self { weights: weights.to_f16(), scale: 1.0 }),
            KeptFormat::F8E4m3 => {
                let scale = scale(FloatFormat::F8E4m3, &weights.to_array());
                Some(Self { weights: weights.to_e4m3(scale), scale })
            }
        }
    }

    /// Joins rounded weights, f16 or E4M3, and their scale.
    ///
    /// # Errors
    /// [`LlmError::Configuration`] for other formats and a scale that is not above 0, or not 1 with f16.
    pub fn new(weights: Matrix, scale: f32) -> Result<Self, LlmError> {
        let expected = match weights.format() {
            FloatFormat::F16 if scale == 1.0 => return Ok(Self { weights, scale }),
            FloatFormat::F8E4m3 if scale > 0.0 && scale.is_finite() => return Ok(Self { weights, scale }),
            FloatFormat::F16 => "1, as f16 has no other",
            FloatFormat::F8E4m3 => "a finite number above 0",
            FloatFormat::F32 | FloatFormat::Bf16 => {
                let found = weights.format().name();
                return Err(LlmError::configuration("format of a kept linear map", "f16 or f8-e4m3", found));
            }
        };
        Err(LlmError::configuration("scale of a kept linear map", expected, scale))
    }

    /// Rounded numbers, `[outputs, inputs]`.
    pub fn weights(&self) -> &Matrix {
        &self.weights
    }

    /// What the rounded numbers are multiplied with.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Bits of a weight and of an activation.
    pub fn bits(&self) -> u32 {
        8 * self.weights.format().bytes() as u32
    }

    /// `outputs[t] = y(inputs[t])`: `[tokens, inputs]` to `[tokens, outputs]`, on rounded numbers.
    ///
    /// # Errors
    /// [`LlmError::Shape`].
    pub fn multiply(
        &self,
        engine: Engine,
        inputs: ArrayView2<'_, f32>,
        outputs: &mut Array2<f32>,
    ) -> Result<(), LlmError> {
        let (rounded, scale) = self.rounded(inputs);
        self.weights.multiply(engine, rounded.view(), outputs)?;
        if self.weights.format() == FloatFormat::F8E4m3 {
            let factor = scale * self.scale;
            outputs.mapv_inplace(|sum| sum * factor);
        }
        Ok(())
    }

    /// What the weights stand for.
    pub fn dequantised(&self) -> Matrix {
        self.weights.to_array().mapv_into(|weight| weight * self.scale).into()
    }

    /// What the activations stand for after rounding.
    pub fn quantised(&self, inputs: ArrayView2<'_, f32>) -> Array2<f32> {
        let (rounded, scale) = self.rounded(inputs);
        rounded.mapv_into(|x| x * scale)
    }

    /// Activations over their scale, rounded, and the scale.
    fn rounded(&self, inputs: ArrayView2<'_, f32>) -> (Array2<f32>, f32) {
        match self.weights.format() {
            FloatFormat::F8E4m3 => {
                let scale = scale(FloatFormat::F8E4m3, inputs);
                (inputs.mapv(|x| e4m3::value(e4m3::code(x / scale))), scale)
            }
            FloatFormat::F32 | FloatFormat::F16 | FloatFormat::Bf16 => (inputs.mapv(|x| to_f16(x).to_f32()), 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Engine, Parallelism};
    use ndarray::Array2;

    use super::KeptWeights;
    use crate::matrix::e4m3;
    use crate::spike::configuration::KeptFormat;
    use crate::{FloatFormat, Matrix};

    fn numbers(rows: usize, columns: usize, seed: usize) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |(r, c)| {
            ((r * 131 + c * 71 + seed * 37) % 97) as f32 / 31.0 - 1.3 + if c == 3 { 40.0 } else { 0.0 }
        })
    }

    #[test]
    fn products_are_those_of_rounded_numbers() {
        let (weights, inputs) = (numbers(19, 33, 1), numbers(5, 33, 2));
        let most = |numbers: &Array2<f32>| numbers.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        for format in [KeptFormat::F16, KeptFormat::F8E4m3] {
            let kept = KeptWeights::round(&Matrix::from(weights.clone()), format).unwrap();
            let round = |numbers: &Array2<f32>| {
                let scale = f64::from(most(numbers)) / 448.0;
                numbers.mapv(|x| match format {
                    KeptFormat::F8E4m3 => f64::from(e4m3::value(e4m3::code((f64::from(x) / scale) as f32))) * scale,
                    _ => f64::from(half::f16::from_f32(x).to_f32()),
                })
            };
            let expected = round(&inputs).dot(&round(&weights).t());
            let mut outputs = Array2::zeros((5, 19));
            kept.multiply(Engine::detect(Parallelism::Serial), inputs.view(), &mut outputs).unwrap();
            let twin = kept.quantised(inputs.view()).dot(&kept.dequantised().to_array().t());
            for ((place, expected), (found, twin)) in expected.indexed_iter().zip(outputs.iter().zip(&twin)) {
                let bound = 1e-5 * (1.0 + expected.abs());
                assert!((f64::from(*found) - expected).abs() < bound, "{format:?} {place:?}: {found} {expected}");
                assert!((f64::from(*twin) - expected).abs() < bound, "{format:?} {place:?}: {twin} {expected}");
            }
            let exact = inputs.dot(&weights.t());
            let error = (&outputs - &exact).mapv(|x| x * x).sum() / exact.mapv(|x| x * x).sum();
            let bound = if format == KeptFormat::F16 { 1e-6 } else { 3e-3 };
            assert!(error > 0.0 && error < bound, "{format:?}: {error}");
        }
    }

    #[test]
    fn the_range_of_a_tensor_is_that_of_the_format() {
        for size in [0.0f32, 1e-42, 3e-5, 1.0, 7e20] {
            let weights = Matrix::from(numbers(3, 7, 0) * size);
            let kept = KeptWeights::round(&weights, KeptFormat::F8E4m3).unwrap();
            let largest = kept.weights().to_array().iter().fold(0.0f32, |most, x| most.max(x.abs()));
            assert_eq!(largest, if size > 1e-30 { 448.0 } else { largest });
            assert!(kept.dequantised().to_array().iter().all(|x| x.is_finite()), "{size}");
        }
    }

    #[test]
    fn other_formats_and_scales_are_refused() {
        let weights = Matrix::from(numbers(3, 4, 0));
        assert!(KeptWeights::round(&weights, KeptFormat::F32).is_none());
        assert!(KeptWeights::new(weights.clone(), 1.0).is_err());
        assert!(KeptWeights::new(weights.to_f16(), 2.0).is_err());
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(KeptWeights::new(weights.to_e4m3(1.0), scale).is_err(), "{scale}");
        }
        let kept = KeptWeights::new(weights.to_e4m3(0.5), 0.5).unwrap();
        assert_eq!((kept.bits(), kept.weights().format()), (8, FloatFormat::F8E4m3));
    }
}
