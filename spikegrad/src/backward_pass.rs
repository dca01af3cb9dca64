//! The backward pass of one example with its errors laid open.

use kernels::{Engine, Isa, Parallelism};
use snn::{Bias, Network, WeightFormat};

use crate::error::SpikegradError;
use crate::forward_result::ForwardResult;
use crate::inference::Inference;
use crate::loss::{cross_entropy, round_half_away};
use crate::pass::{Activity, Gradients, PassContext};
use crate::plan::{Plan, Role};
use crate::prepared::{Forms, Prepared};
use crate::settings::LARGEST_ALPHA;

/// Error counts and gradients of one example, in integers.
///
/// With `S` the spike counts and `gate` of the forward phase:
///
/// ```text
/// E_output = given
/// E = gate * clamp(round_half_away(sum_q W_q^T E_q / threshold_q), -127, 127)
/// weight_gradients_q = E (outer) S          bias_gradients = E summed over the cells of a channel
/// ```
///
/// All are alpha times the gradient with respect to the normalised total input A / threshold.
/// Source: SpikeGrad, sections 2 and 3 (equivalent network).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackwardPass {
    /// Error counts E of every population, channels-last; zeros for inputs.
    pub errors: Vec<Vec<i32>>,
    /// Per projection, in the layout of its weights; empty for fixed weights.
    pub weight_gradients: Vec<Vec<i64>>,
    /// Per population and channel; empty without bias.
    pub bias_gradients: Vec<Vec<i64>>,
}

/// Errors and gradients of one example without any rounding: the straight-through gradient.
///
/// The equations of [`BackwardPass`] without rounding and clamp.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatBackwardPass {
    /// Errors of every population, channels-last; zeros for inputs.
    pub errors: Vec<Vec<f32>>,
    /// Per projection, in the layout of its weights; empty for fixed weights.
    pub weight_gradients: Vec<Vec<f32>>,
    /// Per population and channel; empty without bias.
    pub bias_gradients: Vec<Vec<f32>>,
}

/// Error counts of the readout: `E = round_half_away(alpha * (softmax(logits) - onehot(label)))`.
///
/// They are never clipped. Source: SpikeGrad, section 2 (error injection).
///
/// # Errors
/// [`SpikegradError::Setting`] when alpha is not above 0 and at most [`LARGEST_ALPHA`];
/// [`SpikegradError::Samples`] when there is no such label or a logit is no finite number.
pub fn readout_errors(logits: &[f64], label: usize, alpha: f64) -> Result<Vec<i32>, SpikegradError> {
    if !(alpha > 0.0 && alpha <= LARGEST_ALPHA) {
        return Err(SpikegradError::Setting {
            field: "alpha".to_owned(),
            expected: format!("a number above 0 and at most {LARGEST_ALPHA}"),
            found: alpha.to_string(),
        });
    }
    if label >= logits.len() || logits.iter().any(|logit| !logit.is_finite()) {
        return Err(SpikegradError::Samples {
            expected: format!("a label below {} and finite logits", logits.len()),
            found: format!("label {label} and logits {logits:?}"),
        });
    }
    let mut gradient = vec![0.0; logits.len()];
    cross_entropy(logits, label, &mut gradient);
    Ok(gradient.iter().map(|value| round_half_away(alpha * value)).collect())
}

/// The passes of the trainer for one example at a time, without dropout.
#[derive(Debug)]
pub struct ErrorPass<'a> {
    network: &'a Network,
    plan: Plan,
    prepared: Prepared,
    engine: Engine,
    activity: Activity,
    inference: Inference<'a>,
}

impl<'a> ErrorPass<'a> {
    /// Prepares `network` for both directions.
    ///
    /// # Errors
    /// [`SpikegradError::Network`] for a network without inputs or outputs; [`SpikegradError::Kernel`] when the processor lacks the instruction set.
    pub fn new(network: &'a Network, isa: Isa) -> Result<Self, SpikegradError> {
        let engine = Engine::new(isa, Parallelism::Serial)?;
        let plan = Plan::for_inference(network)?;
        let prepared = Prepared::new(network, &plan, Forms { backward: true, float: true }, engine)?;
        let context = PassContext { network, plan: &plan, prepared: &prepared, engine, substrate: None };
        let activity = Activity::new(&context, 1, true, true);
        Ok(Self { network, plan, prepared, engine, activity, inference: Inference::new(network, isa, 1)? })
    }

    /// Spike counts, gates and logits of the example whose counts are `input` (u8, or i8 for an
    /// input population with negative counts), one input population after the other.
    ///
    /// # Errors
    /// [`SpikegradError::Samples`] when `input` has another length than the input populations.
    pub fn forward(&mut self, input: &[u8]) -> Result<ForwardResult, SpikegradError> {
        self.inference.run(input, 1)?;
        ForwardResult::from_inference(self.network, &self.inference, 0)
    }

    /// Error counts and gradients from the error counts of the outputs, one after the other.
    ///
    /// # Errors
    /// [`SpikegradError::Samples`] when a length does not fit; [`SpikegradError::Network`] for
    /// float weights, and where errors or a weight's gradient could exceed their integers.
    pub fn backward(&mut self, input: &[u8], output_errors: &[i32]) -> Result<BackwardPass, SpikegradError> {
        if self.network.weight_format() == WeightFormat::F32 {
            return Err(SpikegradError::Network {
                problem: "its weights are floats, which have no integer errors".to_owned(),
                remedy: "choose weights = \"i8\" or \"i16\"".to_owned(),
            });
        }
        self.check_lengths(input, output_errors.len())?;
        let largest = output_errors.iter().map(|error| error.unsigned_abs()).max().unwrap_or(0);
        self.plan.largest_output_error = largest.into();
        self.check_gradient_bounds()?;
        let mut gradients = Gradients::new(self.network, false, &[]);
        let context = PassContext {
            network: self.network,
            plan: &self.plan,
            prepared: &self.prepared,
            engine: self.engine,
            substrate: None,
        };
        context.forward(&mut self.activity, input, 1, None)?;
        for part in &self.plan.outputs {
            self.activity.output_errors[part.population].copy_from_slice(&output_errors[part.range.clone()]);
        }
        context.backward(&mut self.activity, &mut gradients, None)?;
        let errors = self.plan.populations.iter().enumerate().map(|(index, population)| match population.role {
            Role::Output => self.activity.output_errors[index].clone(),
            Role::Input => vec![0; population.neurons],
            Role::Hidden => self.activity.errors[index].iter().map(|&error| error.into()).collect(),
        });
        let widen = |values: &Vec<i32>| values.iter().map(|&value| value.into()).collect();
        Ok(BackwardPass {
            errors: errors.collect(),
            weight_gradients: gradients.weights.iter().map(widen).collect(),
            bias_gradients: gradients.bias,
        })
    }

    /// Unrounded errors and gradients from the errors of the outputs, at the rounded spike counts
    /// and gates of the forward pass.
    ///
    /// # Errors
    /// [`SpikegradError::Samples`] when a length does not fit.
    pub fn float_backward(&mut self, input: &[u8], output_errors: &[f32]) -> Result<FloatBackwardPass, SpikegradError> {
        self.check_lengths(input, output_errors.len())?;
        let mut gradients = Gradients::new(self.network, true, &[]);
        let context = PassContext {
            network: self.network,
            plan: &self.plan,
            prepared: &self.prepared,
            engine: self.engine,
            substrate: None,
        };
        context.forward(&mut self.activity, input, 1, None)?;
        for part in &self.plan.outputs {
            self.activity.float.errors[part.population].copy_from_slice(&output_errors[part.range.clone()]);
        }
        context.float_backward(&mut self.activity, &mut gradients, false)?;
        let mut errors = self.activity.float.errors.clone();
        self.plan.inputs.iter().for_each(|part| errors[part.population].fill(0.0));
        Ok(FloatBackwardPass {
            errors,
            weight_gradients: gradients.float_weights,
            bias_gradients: gradients.float_bias,
        })
    }

    fn check_lengths(&self, input: &[u8], errors: usize) -> Result<(), SpikegradError> {
        let (inputs, outputs) = (self.plan.input_length(), self.plan.output_length());
        if input.len() == inputs && errors == outputs {
            return Ok(());
        }
        Err(SpikegradError::Samples {
            expected: format!("{inputs} counts and {outputs} output errors"),
            found: format!("{} counts and {errors} output errors", input.len()),
        })
    }

    /// Refuses where `positions * max |E| * max |S|` of a projection exceeds 32 bits.
    fn check_gradient_bounds(&self) -> Result<(), SpikegradError> {
        for projection in self.network.projections().iter().filter(|projection| projection.weights.is_some()) {
            let (source, target) = (&self.plan.populations[projection.from], &self.plan.populations[projection.to]);
            let count = i128::from(source.low.unsigned_abs().max(source.high.unsigned_abs()));
            let error = self.plan.largest_error(projection.to);
            let positions = (target.neurons / target.channels.max(1)) as i128;
            let bound = count * error * positions;
            if bound > i128::from(i32::MAX) {
                return Err(SpikegradError::Network {
                    problem: format!(
                        "a weight gradient of projection '{}' could reach {bound}, beyond 32 bits",
                        projection.name
                    ),
                    remedy: "lower alpha or the maximum_count of the population before it".to_owned(),
                });
            }
        }
        Ok(())
    }
}

impl BackwardPass {
    /// Zero errors and gradients of the shapes of `network`.
    pub(crate) fn zeros(network: &Network) -> Self {
        let populations = network.populations().iter();
        let biases = populations.clone().map(|population| population.bias.as_ref().map_or(0, Bias::len));
        Self {
            errors: populations.map(|population| vec![0; population.shape.neurons()]).collect(),
            weight_gradients: network.projections().iter().map(|p| vec![0; p.connection.weight_count()]).collect(),
            bias_gradients: biases.map(|count| vec![0; count]).collect(),
        }
    }
}
