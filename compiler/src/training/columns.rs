//! The columns of one projection as training sees them.

use kernels::{ConvolutionShape, Engine, PackedMatrix};
use snn::{Connection, Network, Weights};

use super::masked::MOST_COLUMNS;
use super::noise::NoisyColumns;
use super::options::{ColumnGradient, TrainingOptions};
use super::parameters::{Parameters, Sizes};
use super::stages::Stage;
use crate::columns::{ColumnInput, ColumnOperator, Digits, Slicing, comparator_levels};
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, Quantiser, Range, SignedWeights};
use crate::mapping::{
    CountRange, FixedPoint, ScaleValues, common_factor, full_range_step, on_grid, rest_on_grid, step_for,
};
use crate::program::{Broadcast, Geometry};

/// Bits after the point of total inputs while scale factors are real numbers.
pub(super) const REAL_BITS: u32 = 10;
/// The smallest scale factor: columns that help nothing may fade, but not turn their sign.
pub(super) const SMALLEST_SCALE: f64 = 1.0 / 64.0;

/// Errors cross a comparator without a zero at the sums on both sides of its step at least.
const SMALLEST_WINDOW: f32 = 1.0;

/// Columns, trained numbers and the integers made of them.
#[derive(Debug)]
pub(super) struct Columns {
    pub name: String,
    pub from: usize,
    pub to: usize,
    pub convolution: Option<ConvolutionShape>,
    pub operator: ColumnOperator,
    pub sizes: Sizes,
    pub quantiser: Quantiser,
    /// Mantissas are multiples of this.
    pub step: i32,
    /// Largest multiplier.
    pub largest: i32,
    /// Smallest and largest code of a uniform converter.
    pub codes: [i32; 2],
    /// Scale factors; all 1 where the quantiser takes none.
    pub scales: Parameters,
    /// Thresholds of a ternary quantiser, or steps of a uniform one.
    pub levels: Parameters,
    /// Multipliers `[outputs][fan-in]` of the present weights.
    pub multipliers: Vec<i8>,
    pub noisy: Option<NoisyColumns>,
    /// Per partial sum: scale factor times slice weight, an integer.
    pub factors: Vec<i32>,
    /// For masked gradients, of every row tile: digits of the multipliers times the weights of their slices, from
    /// `[slice][output]` to rows.
    pub digits: Vec<PackedMatrix>,
    is_masked: bool,
    /// Per partial sum: errors pass where `|2 P + centre|` is at most the limit.
    pub limits: Vec<f32>,
    /// 0; for comparators without a zero 1 where ties give 1, -1 where they give -1.
    pub centres: Vec<i32>,
    /// Per partial sum: the integer level.
    pub thresholds: Vec<i32>,
    /// What each output gets when no row is active, in units of `multiplier * count`; none where outputs
    /// are not the channels of their population, whose biases take it up.
    pub rest: Vec<f32>,
    pub rest_momentum: Vec<f32>,
    /// The same as integers on the grid of the population.
    pub resting: Vec<i64>,
    /// Common factor of the scale factors in fixed point; 0 until they are.
    pub common: f32,
    /// What all of it is multiplied with.
    pub unit: i64,
    /// Real value of the unit in grid units, before rounding.
    pub real_unit: f64,
}

impl Columns {
    /// The columns of a projection with trained weights; `None` for fixed ones.
    pub fn new(
        network: &Network,
        index: usize,
        hardware: &HardwareSpecification,
        ranges: &[CountRange],
        options: &TrainingOptions,
        engine: Engine,
    ) -> Result<Option<Self>, CompilerError> {
        let projection = &network.projections()[index];
        let source = &network.populations()[projection.from];
        let refused = |problem: String, remedy: &str| CompilerError::Mapping {
            part: "projection",
            name: projection.name.clone(),
            hardware: hardware.name.clone(),
            problem,
            remedy: remedy.to_owned(),
        };
        let (geometry, convolution) = match &projection.connection {
            Connection::Dense { .. } => (Geometry::Dense {}, None),
            Connection::Convolution(shape) => {
                let (kernel, stride, padding) = (shape.kernel, shape.stride, shape.padding);
                (Geometry::Convolution { kernel, stride, padding }, Some(*shape))
            }
            Connection::SumPooling { .. } | Connection::Identity { .. } => return Ok(None),
        };
        let Some(Weights::I8(mantissas)) = &projection.weights else {
            return Err(refused("its weights are not i8".to_owned(), "train it with --weights i8"));
        };
        let slicing = Slicing::of(hardware);
        let compares = matches!(hardware.quantiser, Quantiser::Sign {} | Quantiser::Ternary {});
        if compares && slicing.signed == SignedWeights::ReferenceColumn {
            let problem = "comparators see no sign in a reference column".to_owned();
            return Err(refused(problem, "choose weights.signed = \"differential-pair\", or a uniform quantiser"));
        }
        let range = ranges[projection.from];
        let bits = hardware.input.bits_for(source.neuron == snn::NeuronKind::Input);
        if u64::from(range.magnitude()) >= 1u64 << bits {
            let problem = format!("counts of up to {} for inputs of {bits} bits", range.magnitude());
            return Err(refused(problem, "train it with a smaller largest count"));
        }
        let largest = hardware.weights.largest();
        let step = step_for(mantissas, largest);
        let input = ColumnInput {
            geometry,
            shape: [source.shape.channels, source.shape.height, source.shape.width],
            minimum_count: range.low,
            maximum_count: range.high,
            coding: hardware.input.coding,
        };
        let held = |&mantissa: &i8| (on_grid(mantissa.into(), step, largest) / step) as i8;
        let multipliers: Vec<i8> = mantissas.iter().map(held).collect();
        let rows = hardware.array.rows;
        let operator = ColumnOperator::from_multipliers(&multipliers, input, slicing, rows, engine)?;
        let full = [operator.row_tiles(), slicing.count(), operator.streams().len(), operator.outputs()];
        let (levels_shape, codes) = match hardware.quantiser {
            Quantiser::Ternary {} => (options.thresholds.shape(full), [0; 2]),
            Quantiser::Uniform { bits, .. } => {
                let top = 1i32 << (bits.clamp(1, 24) - 1);
                let codes = match slicing.signed {
                    SignedWeights::DifferentialPair => [-top, top - 1],
                    SignedWeights::ReferenceColumn => [0, 2 * top - 1],
                };
                ([1; 4], codes)
            }
            Quantiser::Ideal {} | Quantiser::Sign {} => ([1; 4], [0; 2]),
        };
        let is_masked = compares && options.gradient == ColumnGradient::Masked;
        // Errors that cross masked columns are in units of one threshold.
        if is_masked && network.populations()[projection.to].thresholds.len() > 1 {
            let problem =
                format!("population '{}' has one threshold per channel", network.populations()[projection.to].name);
            return Err(refused(problem, "use --column-gradient straight"));
        }
        if is_masked && operator.columns() > MOST_COLUMNS {
            let problem = format!("{} slices of outputs; masked gradients take {MOST_COLUMNS}", operator.columns());
            return Err(refused(problem, "split it, or use --column-gradient straight"));
        }
        let mut levels = Parameters::new(levels_shape);
        if let Quantiser::Uniform { bits, range: Range::Full } = hardware.quantiser {
            levels.values.fill(full_range_step(hardware, bits) as f32);
        }
        let target = &network.populations()[projection.to];
        let rests = if compares && target.shape.channels == full[3] { full[3] } else { 0 };
        let scales = if compares { hardware.scale_factors.granularity.shape(full) } else { [1; 4] };
        let mut columns = Self {
            name: projection.name.clone(),
            from: projection.from,
            to: projection.to,
            convolution,
            sizes: Sizes(full),
            quantiser: hardware.quantiser,
            step,
            largest,
            codes,
            scales: Parameters::new(scales),
            levels,
            multipliers: Vec::new(),
            noisy: None,
            factors: Vec::new(),
            digits: Vec::new(),
            is_masked,
            limits: Vec::new(),
            centres: Vec::new(),
            thresholds: Vec::new(),
            rest: vec![0.0; rests],
            rest_momentum: vec![0.0; rests],
            resting: Vec::new(),
            common: 0.0,
            unit: 1,
            real_unit: f64::from(step),
            operator,
        };
        columns.set_multipliers(multipliers)?;
        Ok(Some(columns))
    }

    /// Whether partial sums are compared, with a scale factor on the result.
    pub fn compares(&self) -> bool {
        matches!(self.quantiser, Quantiser::Sign {} | Quantiser::Ternary {})
    }

    /// Whether comparators have no zero.
    pub fn is_sign(&self) -> bool {
        matches!(self.quantiser, Quantiser::Sign {})
    }

    /// `Q(0)` of a partial sum.
    pub fn at_zero(&self, place: usize) -> i32 {
        if self.is_sign() { self.centres[place] } else { 0 }
    }

    /// Takes over mantissas, which are multiples of the step.
    pub fn set_weights(&mut self, mantissas: &[i8]) -> Result<(), CompilerError> {
        self.set_multipliers(multipliers(mantissas, self.step))
    }

    fn set_multipliers(&mut self, multipliers: Vec<i8>) -> Result<(), CompilerError> {
        let (slicing, fan_in) = (self.operator.slicing(), self.operator.patches().rows());
        let digits = Digits::of_multipliers(&multipliers, fan_in, slicing, self.operator.array_rows())?;
        self.multipliers = multipliers;
        self.operator.set_digits(&digits)?;
        if self.is_masked { self.pack_digits(&digits) } else { Ok(()) }
    }

    fn pack_digits(&mut self, digits: &Digits) -> Result<(), CompilerError> {
        let weights = self.operator.slicing().weights();
        self.digits.truncate(digits.row_tiles());
        for tile in self.digits.len()..digits.row_tiles() {
            self.digits.push(PackedMatrix::new(weights.len() * digits.outputs, digits.rows(tile))?);
        }
        for (tile, packed) in self.digits.iter_mut().enumerate() {
            let slices = digits.tile(tile).chunks_exact(digits.rows(tile) * digits.outputs);
            let weighed = slices.zip(&weights).flat_map(|(digits, &weight)| {
                digits.iter().map(move |&digit| {
                    let value = i64::from(digit) * weight;
                    i8::try_from(value).map_err(|_| CompilerError::Columns {
                        what: "digits of weights times the weight of their slice".to_owned(),
                        expected: "8 bits".to_owned(),
                        found: value.to_string(),
                    })
                })
            });
            packed.pack_transposed(&weighed.collect::<Result<Vec<i8>, _>>()?)?;
        }
        Ok(())
    }

    /// Scale factors as compilation takes them.
    pub fn scale_values(&self) -> ScaleValues {
        let values = self.scales.values.iter().map(|&value| value.into()).collect();
        ScaleValues { shape: self.scales.shape, values }
    }

    /// Thresholds or steps as compilation takes them.
    pub fn level_values(&self) -> Broadcast {
        if self.is_sign() {
            return comparator_levels(self.sizes.0);
        }
        let values = self.levels.values.iter().map(|&value| whole(value)).collect();
        Broadcast { shape: self.levels.shape, values }
    }

    /// Makes the integers of the forward pass; the unit stays to be set.
    pub fn prepare(&mut self, stage: Stage, scale_bits: u32) {
        let weights = self.operator.slicing().weights();
        let real_grid = f64::from(1u32 << REAL_BITS) * f64::from(self.step);
        let is_real = self.compares() && stage == Stage::Sums;
        let fixed = (self.compares() && !is_real).then(|| {
            let scales = self.scale_values();
            let kept = Some(self.common.into()).filter(|&common| common > 0.0);
            let common = common_factor(&scales, scale_bits, |slice, stream| self.weight(slice, stream), kept);
            FixedPoint::rounded(&scales, scale_bits, common)
        });
        // Common factors have five bits, as few as a float holds exactly.
        self.common = fixed.as_ref().map_or(0.0, |fixed| fixed.common as f32);
        self.real_unit = f64::from(self.step) * fixed.as_ref().map_or(1.0, |fixed| fixed.common);
        let levels = self.level_values();
        let sizes = self.sizes;
        let factor = |place: usize| {
            let index = sizes.index(place);
            let scale = match &fixed {
                Some(fixed) => f64::from(fixed.integers.get(index)),
                None if is_real => f64::from(self.scales.get(index)) * real_grid,
                None => 1.0,
            };
            (scale.round() * weights[index[1]] as f64).clamp(-f64::from(1 << 26), f64::from(1 << 26)) as i32
        };
        self.factors = (0..sizes.count()).map(factor).collect();
        let smallest = if self.is_sign() { SMALLEST_WINDOW } else { 0.0 };
        let limit = |place: usize| 2.0 * self.scales.get(sizes.index(place)).max(smallest);
        self.limits = (0..sizes.count()).map(limit).collect();
        self.thresholds = (0..sizes.count()).map(|place| levels.get(sizes.index(place))).collect();
        let centre = |&level: &i32| if self.is_sign() { 3 - 2 * level } else { 0 };
        self.centres = self.thresholds.iter().map(centre).collect();
    }

    /// Sets the unit of all factors, and resting inputs on a grid of `2^bits` units for each of the network's.
    pub fn set_unit(&mut self, unit: i64, bits: u32) {
        self.unit = unit;
        let sizes = self.sizes;
        if self.rest.is_empty() {
            self.resting = vec![0; sizes.0[3]];
            let streams = self.operator.streams();
            for (place, &factor) in self.factors.iter().enumerate() {
                let index = sizes.index(place);
                self.resting[index[3]] += unit * i64::from(factor * self.at_zero(place)) * streams[index[2]].weight;
            }
        } else {
            self.resting = self.rest.iter().map(|&rest| rest_on_grid(rest.into(), self.step, bits)).collect();
        }
    }
}

/// The integer that a trained level stands for.
pub(super) fn whole(level: f32) -> i32 {
    level.round().clamp(1.0, (1 << 24) as f32) as i32
}

fn multipliers(mantissas: &[i8], step: i32) -> Vec<i8> {
    mantissas.iter().map(|&mantissa| (i32::from(mantissa) / step) as i8).collect()
}
