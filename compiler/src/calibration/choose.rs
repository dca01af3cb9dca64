//! From observed partial sums to a calibration.

use rayon::prelude::*;
use serde::Serialize;
use snn::Network;
use spikegrad::{Resources, Samples};

use super::fit::{Fit, Fitted};
use super::observe::Observation;
use crate::columns::{Code, ColumnInput, ColumnOperator, ColumnRead, ColumnScratch, Slicing, comparator_levels};
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, NonIdealities, Quantiser, Range};
use crate::mapping::{
    Calibration, Deployment, ProjectionCalibration, ScaleValues, compile, compile_deployment, deploy,
};
use crate::program::{Broadcast, Program, ProjectionKind};
use crate::simulation::{SimulationOptions, Simulator, evaluate_with};

/// Examples that are observed together.
const GROUP: usize = 16;

/// How scale factors follow from partial sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Twice the mean magnitude.
    Mean,
    /// Lines through the codes, with the spread and the mean of total inputs.
    LeastSquares,
}

/// A calibration and how it was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibrated {
    /// What compilation takes.
    pub calibration: Calibration,
    /// Accuracy on the samples with each rule, the chosen one first; empty where nothing was to be
    /// chosen.
    pub accuracies: Vec<(Rule, f64)>,
}

/// One projection on crossbars.
struct Observed {
    projection: usize,
    from: usize,
    operator: ColumnOperator,
    groups: [usize; 4],
}

impl Observed {
    /// Row tiles, slices, streams, outputs.
    fn sizes(&self) -> [usize; 4] {
        let operator = &self.operator;
        [operator.row_tiles(), operator.slicing().count(), operator.streams().len(), operator.outputs()]
    }
}

/// Determines what the hardware's quantiser needs from samples; nothing for ideal quantisers and for
/// uniform ones whose step the array determines.
///
/// # Errors
/// Those of [`compile`] and of [`crate::simulation::evaluate`].
pub fn calibrate(
    network: &Network,
    hardware: &HardwareSpecification,
    samples: &dyn Samples,
    resources: Resources,
) -> Result<Calibrated, CompilerError> {
    if !Calibration::is_needed(hardware) {
        return Ok(Calibrated { calibration: Calibration::none(), accuracies: Vec::new() });
    }
    let deployment = deploy(network, hardware)?;
    let ideal = HardwareSpecification {
        quantiser: Quantiser::Ideal {},
        non_idealities: NonIdealities::default(),
        ..hardware.clone()
    };
    let program = compile(network, &ideal, &Calibration::none())?;
    let observed = observed(&program, &deployment, hardware, resources)?;
    let bits = match hardware.quantiser {
        Quantiser::Uniform { bits, .. } => Some((bits, hardware.weights.signed)),
        _ => None,
    };
    let empty: Vec<Observation> = observed.iter().map(|one| Observation::new(&one.operator, one.groups)).collect();
    let observations = observe(
        &program,
        &observed,
        samples,
        resources,
        empty,
        &|sums, _, read| sums.add(read, bits),
        &Observation::merge,
    )?;
    if let Quantiser::Uniform { range: Range::Calibrated, .. } = hardware.quantiser {
        let mut calibration = nothing(network);
        for (one, observation) in observed.iter().zip(&observations) {
            let levels = Broadcast::uniform(observation.step());
            calibration.projections[one.projection].quantiser_levels = Some(levels);
        }
        return Ok(Calibrated { calibration, accuracies: Vec::new() });
    }
    let mean = by_mean(network, hardware, &observed, &observations);
    let least_squares = by_least_squares(network, hardware, &program, &observed, &observations, samples, resources)?;
    let accuracy = |calibration: &Calibration| -> Result<f64, CompilerError> {
        let program = compile_deployment(&deployment, hardware, calibration)?;
        let options = SimulationOptions { count_reads: false, ..SimulationOptions::new(resources.isa) };
        let simulator = Simulator::new(&program, options)?;
        Ok(evaluate_with(&simulator, samples, resources.threads, &|_| {})?.accuracy)
    };
    let accuracies = [(Rule::LeastSquares, accuracy(&least_squares)?), (Rule::Mean, accuracy(&mean)?)];
    let [first, second] = accuracies;
    Ok(if second.1 > first.1 {
        Calibrated { calibration: mean, accuracies: vec![second, first] }
    } else {
        Calibrated { calibration: least_squares, accuracies: vec![first, second] }
    })
}

fn observed(
    program: &Program,
    deployment: &Deployment,
    hardware: &HardwareSpecification,
    resources: Resources,
) -> Result<Vec<Observed>, CompilerError> {
    let engine = kernels::Engine::new(resources.isa, kernels::Parallelism::Serial)?;
    let mut all = Vec::new();
    for (index, projection) in program.layout.projections.iter().enumerate() {
        let (ProjectionKind::Crossbar(layout), Some(multipliers)) = (&projection.kind, deployment.multipliers(index))
        else {
            continue;
        };
        let source = &program.layout.populations[projection.from];
        let input = ColumnInput {
            geometry: layout.geometry,
            shape: source.shape,
            minimum_count: source.minimum_count,
            maximum_count: source.maximum_count,
            coding: hardware.input.coding,
        };
        let slicing = Slicing::of(hardware);
        let operator = ColumnOperator::from_multipliers(&multipliers, input, slicing, hardware.array.rows, engine)?;
        let groups = hardware.scale_factors.granularity.shape(layout.sizes());
        all.push(Observed { projection: index, from: projection.from, operator, groups });
    }
    Ok(all)
}

/// Sums over all reads of all observed projections. Sums are integers, so the order of merging does
/// not matter.
fn observe<S: Clone + Send + Sync>(
    program: &Program,
    observed: &[Observed],
    samples: &dyn Samples,
    resources: Resources,
    empty: Vec<S>,
    add: &(dyn Fn(&mut S, &Observed, &ColumnRead<'_>) + Sync),
    merge: &(dyn Fn(S, &S) -> S + Sync),
) -> Result<Vec<S>, CompilerError> {
    let options = SimulationOptions { count_reads: false, ..SimulationOptions::new(resources.isa) };
    let simulator = Simulator::new(program, options)?;
    let length = simulator.input_length();
    if samples.input_length() != length || samples.is_empty() {
        return Err(CompilerError::Samples {
            what: "samples for calibration".to_owned(),
            expected: format!("at least one, of {length} counts"),
            found: format!("{} of {} counts", samples.len(), samples.input_length()),
        });
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(resources.threads.max(1)).build();
    let pool = pool.map_err(|error| CompilerError::Samples {
        what: "threads".to_owned(),
        expected: "a pool that the system grants".to_owned(),
        found: error.to_string(),
    })?;
    let share = samples.len().div_ceil(resources.threads.max(1)).next_multiple_of(GROUP);
    let starts: Vec<usize> = (0..samples.len()).step_by(share).collect();
    let part = |start: usize| -> Result<Vec<S>, CompilerError> {
        let mut sums = empty.clone();
        let mut state = simulator.state(GROUP);
        let mut scratch = ColumnScratch::default();
        let mut input = vec![0; length * GROUP];
        let end = samples.len().min(start + share);
        for first in (start..end).step_by(GROUP) {
            let examples = GROUP.min(end - first);
            for (slot, counts) in input.chunks_exact_mut(length).take(examples).enumerate() {
                samples.fill(None, first + slot, counts);
            }
            simulator.run(&mut state, &input[..length * examples], examples, first as u64)?;
            for (one, sums) in observed.iter().zip(&mut sums) {
                one.operator
                    .for_each_read(state.counts(one.from), examples, &mut scratch, |read| add(sums, one, &read))?;
            }
        }
        Ok(sums)
    };
    let parts = pool.install(|| starts.par_iter().map(|&start| part(start)).collect::<Result<Vec<_>, _>>())?;
    Ok(parts.iter().fold(empty, |sums, part| sums.into_iter().zip(part).map(|(sum, part)| merge(sum, part)).collect()))
}

fn nothing(network: &Network) -> Calibration {
    Calibration { projections: vec![ProjectionCalibration::default(); network.projections().len()] }
}

fn by_mean(
    network: &Network,
    hardware: &HardwareSpecification,
    observed: &[Observed],
    observations: &[Observation],
) -> Calibration {
    let mut calibration = nothing(network);
    for (one, observation) in observed.iter().zip(observations) {
        let count = observation.partial_sums_per_group().max(1) as f64;
        let values = observation.magnitudes.iter().map(|&sum| 2.0 * sum as f64 / count).collect();
        let target = &mut calibration.projections[one.projection];
        target.scale_factors = Some(ScaleValues { shape: one.groups, values });
        if hardware.quantiser == (Quantiser::Ternary {}) {
            target.quantiser_levels = Some(Broadcast::uniform(observation.mean().ceil().max(1.0) as i32));
        }
    }
    usable(calibration)
}

fn by_least_squares(
    network: &Network,
    hardware: &HardwareSpecification,
    program: &Program,
    observed: &[Observed],
    observations: &[Observation],
    samples: &dyn Samples,
    resources: Resources,
) -> Result<Calibration, CompilerError> {
    let positions = |one: &Observed| samples.len() * one.operator.positions();
    let code = Code::of(hardware, hardware.array.rows);
    let empty = observed.iter().zip(observations).map(|(one, observation)| {
        let streams: Vec<i64> = one.operator.streams().iter().map(|stream| stream.weight).collect();
        let slices = one.operator.slicing().weights();
        let levels = match hardware.quantiser {
            Quantiser::Ternary {} => Broadcast::uniform(observation.threshold(&slices, &streams)),
            _ => comparator_levels(one.sizes()),
        };
        Fit::new(&one.operator, code, levels, one.groups, positions(one))
    });
    let add = |fit: &mut Fit, _: &Observed, read: &ColumnRead<'_>| fit.add(read);
    let fits = observe(program, observed, samples, resources, empty.collect(), &add, &Fit::merge)?;
    let mut calibration = nothing(network);
    for (one, fit) in observed.iter().zip(&fits) {
        let target = &mut calibration.projections[one.projection];
        let Fitted { scales, rest } = fit.solve(0.0, Some(hardware.scale_factors.bits));
        target.scale_factors = Some(ScaleValues { shape: one.groups, values: scales });
        target.quantiser_levels = (hardware.quantiser == Quantiser::Ternary {}).then(|| fit.levels().clone());
        let channels = network.populations()[network.projections()[one.projection].to].shape.channels;
        target.rest = (channels == rest.len()).then_some(rest);
    }
    Ok(usable(calibration))
}

/// A projection without any partial sum other than zero gets the scale 1: a common scale of 0 stands
/// for nothing.
fn usable(mut calibration: Calibration) -> Calibration {
    for scales in calibration.projections.iter_mut().filter_map(|projection| projection.scale_factors.as_mut()) {
        if scales.values.iter().all(|&value| value == 0.0) {
            scales.values.fill(1.0);
        }
    }
    calibration
}
