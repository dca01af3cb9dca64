//! A program made ready to run.

use std::ops::Range;

use kernels::{Engine, Isa, Parallelism, PoolingShape};
use snn::NeuronKind;

use super::chip::ChipColumns;
use super::exact::ExactProduct;
use super::neurons::Neurons;
use crate::circuit::ChipSeed;
use crate::columns::{ColumnInput, ColumnOperator, ColumnQuantiser, Total, largest_input};
use crate::error::CompilerError;
use crate::hardware::Quantiser;
use crate::program::{DigitalKind, PopulationLayout, Program, ProjectionKind};

/// How a program is run.
#[derive(Clone, Copy, Debug)]
pub struct SimulationOptions {
    /// Instruction set of the kernels.
    pub isa: Isa,
    /// Whether projections with an ideal quantiser are computed as one exact product.
    pub exact_products: bool,
    /// Whether reads are counted where they are not simulated; counting them costs about as much as
    /// the exact product.
    pub count_reads: bool,
    /// The chip whose deviations apply; none are simulated when absent.
    pub chip: Option<ChipSeed>,
}

impl SimulationOptions {
    /// The faultless chip, as fast as possible, all reads counted.
    pub fn new(isa: Isa) -> Self {
        Self { isa, exact_products: true, count_reads: true, chip: None }
    }
}

/// A program ready to run groups of examples; shared by all threads.
#[derive(Debug)]
pub struct Simulator<'a> {
    pub(super) program: &'a Program,
    pub(super) engine: Engine,
    pub(super) inputs: Vec<Part>,
    pub(super) outputs: Vec<Part>,
    /// One for each population.
    pub(super) stages: Vec<Stage>,
}

/// Where the neurons of an input or output population lie among those of all inputs or outputs of an example.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub population: usize,
    pub range: Range<usize>,
}

/// What happens before a population fires.
#[derive(Debug)]
pub(super) enum Stage {
    /// Its counts are given.
    Input,
    /// Total inputs fit 32 bits.
    Narrow(Currents<i32>),
    /// Total inputs need 64 bits.
    Wide(Currents<i64>),
}

/// The total input of a population.
#[derive(Debug)]
pub(super) struct Currents<T> {
    pub neurons: Neurons,
    /// Bias and baselines: one value for each neuron, or none.
    pub initial: Vec<T>,
    pub projections: Vec<Incoming<T>>,
}

/// One projection.
#[derive(Debug)]
pub(super) struct Incoming<T> {
    pub index: usize,
    pub from: usize,
    pub work: Work<T>,
}

/// How its currents are computed.
#[derive(Debug)]
pub(super) enum Work<T> {
    Columns { operator: ColumnOperator, quantiser: ColumnQuantiser<T>, chip: Option<ChipColumns> },
    Exact { product: ExactProduct, unit: i32, counted: Option<(ColumnOperator, ColumnQuantiser<T>)> },
    SumPooling { shape: PoolingShape, weight: T },
    Identity { weight: T },
}

impl<'a> Simulator<'a> {
    /// Prepares a program.
    ///
    /// # Errors
    /// [`CompilerError::Samples`] for a program without inputs or outputs,
    /// [`CompilerError::Columns`] when tensors do not fit the layout, and those of
    /// [`crate::circuit::AnalogArray::realise`] for a chip.
    pub fn new(program: &'a Program, options: SimulationOptions) -> Result<Self, CompilerError> {
        let engine = Engine::new(options.isa, Parallelism::Serial)?;
        let parts = |is_one: &dyn Fn(usize, &PopulationLayout) -> bool| {
            let mut start = 0;
            let found = program.layout.populations.iter().enumerate();
            let part = found.filter(|(index, population)| is_one(*index, population)).map(|(index, population)| {
                let range = start..start + population.shape.iter().product::<usize>();
                start = range.end;
                Part { population: index, range }
            });
            part.collect::<Vec<Part>>()
        };
        let is_left = |index: usize| program.layout.projections.iter().any(|projection| projection.from == index);
        let inputs = parts(&|_, population| population.neuron == NeuronKind::Input);
        let readouts = parts(&|_, population| population.neuron == NeuronKind::Readout);
        let outputs = if readouts.is_empty() {
            parts(&|index, population| population.neuron == NeuronKind::Linear && !is_left(index))
        } else {
            readouts
        };
        for (name, parts) in [("input", &inputs), ("output", &outputs)] {
            if parts.is_empty() {
                return Err(CompilerError::Samples {
                    what: format!("{name} populations of the compiled network"),
                    expected: "at least one".to_owned(),
                    found: "none".to_owned(),
                });
            }
        }
        let mut stages = Vec::with_capacity(program.layout.populations.len());
        for (index, population) in program.layout.populations.iter().enumerate() {
            stages.push(if population.neuron == NeuronKind::Input {
                Stage::Input
            } else if is_narrow(program, index, population)? {
                Stage::Narrow(currents(program, index, engine, options)?)
            } else {
                Stage::Wide(currents(program, index, engine, options)?)
            });
        }
        Ok(Self { program, engine, inputs, outputs, stages })
    }

    /// The program that is run.
    pub fn program(&self) -> &'a Program {
        self.program
    }

    /// Input counts of an example, all input populations together.
    pub fn input_length(&self) -> usize {
        self.inputs.last().map_or(0, |part| part.range.end)
    }

    /// Output neurons of an example: those of the readouts, or in a program without one of the linear populations that
    /// project nowhere.
    pub fn classes(&self) -> usize {
        self.outputs.last().map_or(0, |part| part.range.end)
    }

    pub(super) fn neurons(&self, population: usize) -> usize {
        self.program.layout.populations[population].shape.iter().product()
    }
}

/// Whether no total input of a population exceeds 32 bits, nor its thresholds what the firing
/// kernels take.
fn is_narrow(program: &Program, index: usize, population: &PopulationLayout) -> Result<bool, CompilerError> {
    let mut largest = population.bias.iter().map(|bias| i128::from(*bias).abs()).max().unwrap_or(0);
    for (projection, crossbar) in program.layout.projections.iter().zip(&program.crossbars) {
        if projection.to != index {
            continue;
        }
        let source = source(program, projection.from)?;
        let count = i128::from(source.minimum_count).abs().max(i128::from(source.maximum_count).abs());
        let input = match (&projection.kind, crossbar) {
            (ProjectionKind::Crossbar(layout), Some(crossbar)) => {
                largest_input(layout, crossbar, &program.layout.hardware)
            }
            (ProjectionKind::Digital(DigitalKind::SumPooling { window, weight, .. }), _) => {
                i128::from(*weight).abs() * count * window[0] as i128 * window[1] as i128
            }
            (ProjectionKind::Digital(DigitalKind::Identity { weight }), _) => i128::from(*weight).abs() * count,
            (ProjectionKind::Crossbar(_), None) => return Err(without_cells(&projection.name)),
        };
        largest = largest.saturating_add(input);
    }
    // A sign quantiser subtracts twice a factor.
    let thresholds = population.thresholds.iter().all(|threshold| (1..=1 << 40).contains(threshold));
    Ok(largest <= i128::from(i32::MAX / 2) && thresholds)
}

fn source(program: &Program, index: usize) -> Result<&PopulationLayout, CompilerError> {
    program.layout.populations.get(index).ok_or_else(|| CompilerError::Columns {
        what: "population that a projection leaves".to_owned(),
        expected: format!("one of {}", program.layout.populations.len()),
        found: index.to_string(),
    })
}

fn without_cells(name: &str) -> CompilerError {
    CompilerError::Columns {
        what: format!("projection '{name}'"),
        expected: "cells".to_owned(),
        found: "none".to_owned(),
    }
}

fn currents<T: Total>(
    program: &Program,
    index: usize,
    engine: Engine,
    options: SimulationOptions,
) -> Result<Currents<T>, CompilerError> {
    let population = &program.layout.populations[index];
    let neurons: usize = population.shape.iter().product();
    let mut initial = vec![0i128; neurons];
    if !population.bias.is_empty() {
        let bias = population.bias.iter().cycle();
        initial.iter_mut().zip(bias).for_each(|(total, &bias)| *total = bias.into());
    }
    let mut projections = Vec::new();
    for (number, projection) in program.layout.projections.iter().enumerate() {
        if projection.to != index {
            continue;
        }
        let work = work::<T>(program, number, engine, options)?;
        if let Work::Columns { quantiser, .. } = &work {
            let baseline = quantiser.baseline().iter().cycle();
            initial.iter_mut().zip(baseline).for_each(|(total, value)| *total += i128::from(value.wide()));
        }
        projections.push(Incoming { index: number, from: projection.from, work });
    }
    let is_zero = initial.iter().all(|&value| value == 0);
    let initial = initial.into_iter().map(|value| {
        T::of(value).ok_or_else(|| CompilerError::Columns {
            what: format!("bias of population '{}'", population.name),
            expected: "a number within the accumulator".to_owned(),
            found: value.to_string(),
        })
    });
    let initial = initial.collect::<Result<Vec<T>, CompilerError>>()?;
    let initial = if is_zero { Vec::new() } else { initial };
    Ok(Currents { neurons: Neurons::new(population)?, initial, projections })
}

fn work<T: Total>(
    program: &Program,
    number: usize,
    engine: Engine,
    options: SimulationOptions,
) -> Result<Work<T>, CompilerError> {
    let (hardware, projection) = (&program.layout.hardware, &program.layout.projections[number]);
    let source = source(program, projection.from)?;
    let target = &program.layout.populations[projection.to];
    let too_large = |weight: i64| CompilerError::Columns {
        what: format!("weight of projection '{}'", projection.name),
        expected: "a number within the accumulator".to_owned(),
        found: weight.to_string(),
    };
    let mismatch = |expected: usize| CompilerError::Columns {
        what: format!("projection '{}'", projection.name),
        expected: format!("{expected} neurons in population '{}'", target.name),
        found: format!("{:?}", target.shape),
    };
    let neurons: usize = target.shape.iter().product();
    let [channels, height, width] = source.shape;
    match &projection.kind {
        ProjectionKind::Digital(DigitalKind::SumPooling { window, stride, weight }) => {
            let shape = PoolingShape::new([height, width, channels], *window, *stride)?;
            if shape.output_length() != neurons {
                return Err(mismatch(shape.output_length()));
            }
            Ok(Work::SumPooling { shape, weight: T::of((*weight).into()).ok_or_else(|| too_large(*weight))? })
        }
        ProjectionKind::Digital(DigitalKind::Identity { weight }) => {
            if channels * height * width != neurons {
                return Err(mismatch(channels * height * width));
            }
            Ok(Work::Identity { weight: T::of((*weight).into()).ok_or_else(|| too_large(*weight))? })
        }
        ProjectionKind::Crossbar(layout) => {
            let crossbar = program.crossbars.get(number).and_then(Option::as_ref);
            let crossbar = crossbar.ok_or_else(|| without_cells(&projection.name))?;
            let input = ColumnInput {
                geometry: layout.geometry,
                shape: source.shape,
                minimum_count: source.minimum_count,
                maximum_count: source.maximum_count,
                coding: hardware.input.coding,
            };
            let quantiser = ColumnQuantiser::<T>::new(layout, crossbar, hardware)?;
            let columns = || ColumnOperator::from_crossbar(layout, crossbar, hardware, input, engine);
            let is_plain = crossbar.scale_factors.values == [1];
            let is_ideal = hardware.quantiser == Quantiser::Ideal {} && is_plain && options.chip.is_none();
            let unit = i32::try_from(layout.unit);
            let is_short = T::narrow(&mut []).is_some();
            let work = match unit {
                Ok(unit) if is_ideal && options.exact_products && is_short => {
                    let product = ExactProduct::new(layout, crossbar, hardware, input, neurons)?;
                    let counted = options.count_reads.then(columns).transpose()?.map(|columns| (columns, quantiser));
                    Work::Exact { product, unit, counted }
                }
                _ => {
                    let operator = columns()?;
                    let chip =
                        options.chip.map(|chip| ChipColumns::new(program, number, &operator, chip)).transpose()?;
                    Work::Columns { operator, quantiser, chip }
                }
            };
            let outputs = match &work {
                Work::Columns { operator, .. } => operator.outputs() * operator.positions(),
                _ => neurons,
            };
            if outputs != neurons { Err(mismatch(outputs)) } else { Ok(work) }
        }
    }
}
