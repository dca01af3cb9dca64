//! A network as a program.

use snn::{Bias, Connection, Network};

use super::calibration::{Calibration, checked};
use super::counts::count_ranges;
use super::deploy::{Deployment, deploy_with_steps};
use super::fixed_point::{FixedPoint, common_factor, common_grid, rest_on_grid};
use super::plan::plan;
use super::{cells, overflow};
use crate::columns::Code;
use crate::error::CompilerError;
use crate::hardware::HardwareSpecification;
use crate::program::{
    Broadcast, Crossbar, CrossbarLayout, DigitalKind, FORMAT, Layout, PopulationLayout, Program, ProjectionKind,
    ProjectionLayout, placement,
};

/// Compiles a network: its weights are deployed with the steps of the calibration, mapped onto
/// arrays and packed into cells.
///
/// # Errors
/// Those of [`super::deploy()`]; [`CompilerError::Mapping`] where something does not fit the
/// hardware, the calibration lacks something, or a sum could exceed 64 bits.
pub fn compile(
    network: &Network,
    hardware: &HardwareSpecification,
    calibration: &Calibration,
) -> Result<Program, CompilerError> {
    plan(network, hardware).check()?;
    compile_deployment(&deploy_with_steps(network, hardware, &calibration.steps())?, hardware, calibration)
}

/// As [`compile`], for weights that lie on the hardware's bits already.
///
/// # Errors
/// As [`compile`].
pub fn compile_deployment(
    deployment: &Deployment,
    hardware: &HardwareSpecification,
    calibration: &Calibration,
) -> Result<Program, CompilerError> {
    let network = &deployment.network;
    let plan = plan(network, hardware);
    plan.check()?;
    let mut numbers = Vec::with_capacity(plan.projections.len());
    for (index, (projection, planned)) in network.projections().iter().zip(&plan.projections).enumerate() {
        let given = calibration.projections.get(index);
        let step = deployment.steps.get(index).copied().flatten();
        numbers.push(match (&planned.layout, step) {
            (Some(layout), Some(step)) => {
                if given.and_then(|given| given.step).is_some_and(|other| other != step) {
                    let problem = format!("the calibration does not belong to the step {step} of its weights");
                    return Err(refused(hardware, "projection", &projection.name, problem, "calibrate again"));
                }
                let channels = network.populations()[projection.to].shape.channels;
                let checked = checked(given, &projection.name, layout, channels, hardware)?;
                let scales = match &checked.scale_factors {
                    Some(scales) => {
                        let weight = |slice: usize, stream: usize| {
                            let stream = layout.streams.get(stream).map_or(0, |stream| stream.weight);
                            (layout.slices[slice] * stream) as f64
                        };
                        let bits = hardware.scale_factors.bits;
                        let chosen = given.and_then(|given| given.common_factor);
                        let common = chosen.unwrap_or_else(|| common_factor(scales, bits, weight, None));
                        FixedPoint::rounded(scales, bits, common)
                    }
                    None => FixedPoint { integers: Broadcast::uniform(1), common: 1.0 },
                };
                Some(Numbers { layout, step, scales, levels: checked.quantiser_levels, rest: checked.rest })
            }
            _ => None,
        });
    }
    let (populations, grids) = populations(network, hardware, &numbers)?;
    let mut projections = Vec::with_capacity(numbers.len());
    let mut crossbars = Vec::with_capacity(numbers.len());
    for (index, (projection, numbers)) in network.projections().iter().zip(numbers).enumerate() {
        let grid = &grids[projection.to];
        let (kind, crossbar) = match (numbers, deployment.multipliers(index)) {
            (Some(numbers), Some(multipliers)) => {
                let unit = grid.units.iter().find(|(other, _)| *other == index).map_or(1, |&(_, unit)| unit);
                let layout = CrossbarLayout { unit, ..numbers.layout.clone() };
                let (cells, negative_cells) = cells::pack(&multipliers, &layout, hardware);
                let (scale_factors, quantiser_levels) = (numbers.scales.integers, numbers.levels);
                let crossbar = Crossbar { cells, negative_cells, scale_factors, quantiser_levels };
                (ProjectionKind::Crossbar(layout), Some(crossbar))
            }
            _ => {
                let kind = digital(&projection.connection, grid.shift).ok_or_else(|| {
                    let problem = "its weights have not been deployed".to_owned();
                    refused(hardware, "projection", &projection.name, problem, "deploy the network first")
                })?;
                (kind, None)
            }
        };
        projections.push(ProjectionLayout {
            name: projection.name.clone(),
            from: projection.from,
            to: projection.to,
            kind,
        });
        crossbars.push(crossbar);
    }
    let arrays = placement::arrays(hardware, &projections);
    let routes = placement::routes(hardware, &projections, &arrays);
    let layout = Layout { format: FORMAT, hardware: hardware.clone(), populations, projections, arrays, routes };
    overflow::check(&layout, &crossbars)?;
    Ok(Program { layout, crossbars })
}

/// The numbers of one projection on crossbars.
struct Numbers<'a> {
    layout: &'a CrossbarLayout,
    step: i32,
    scales: FixedPoint,
    levels: Broadcast,
    /// What outputs get at rest, where it is given.
    rest: Option<Vec<f64>>,
}

impl Numbers<'_> {
    /// What biases take up, per channel: the resting inputs less what codes of zero sums give already.
    fn offsets(&self, hardware: &HardwareSpecification, shift: u32, unit: i64) -> Option<Vec<i64>> {
        let rest = self.rest.as_ref()?;
        let code = Code::of(hardware, hardware.array.rows);
        let mut offsets: Vec<i128> = rest.iter().map(|&rest| rest_on_grid(rest, self.step, shift).into()).collect();
        for tile in 0..self.layout.row_tiles {
            for (slice, &weight) in self.layout.slices.iter().enumerate() {
                for (stream, layout) in self.layout.streams.iter().enumerate() {
                    let common = i128::from(unit) * i128::from(weight) * i128::from(layout.weight);
                    for (output, offset) in offsets.iter_mut().enumerate() {
                        let place = [tile, slice, stream, output];
                        let code = i128::from(code.at_zero(self.levels.get(place)));
                        *offset -= common * code * i128::from(self.scales.integers.get(place));
                    }
                }
            }
        }
        // What exceeds 64 bits exceeds the limit of total inputs, which is checked at the end.
        let narrow = |offset: i128| offset.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        Some(offsets.into_iter().map(narrow).collect())
    }
}

/// The grid of a population's total input: `2^shift` units for each of the network's, and the unit
/// of each projection on crossbars by its index.
struct Grid {
    shift: u32,
    units: Vec<(usize, i64)>,
}

fn populations(
    network: &Network,
    hardware: &HardwareSpecification,
    numbers: &[Option<Numbers<'_>>],
) -> Result<(Vec<PopulationLayout>, Vec<Grid>), CompilerError> {
    let mut layouts = Vec::with_capacity(network.populations().len());
    let mut grids = Vec::with_capacity(network.populations().len());
    for (population, range) in network.populations().iter().zip(count_ranges(network)) {
        let on_crossbars = population.incoming.iter().filter_map(|&index| Some((index, numbers[index].as_ref()?)));
        let (indices, real): (Vec<usize>, Vec<f64>) =
            on_crossbars.map(|(index, numbers)| (index, f64::from(numbers.step) * numbers.scales.common)).unzip();
        let (shift, units) = common_grid(&real).ok_or_else(|| {
            let problem = format!("no common grid holds the units {real:?} of its projections");
            refused(hardware, "population", &population.name, problem, "lower scale_factors.bits, or calibrate again")
        })?;
        let mut bias: Vec<i64> = match &population.bias {
            Some(Bias::Integer(values)) => values.iter().map(|&bias| i64::from(bias) << shift).collect(),
            Some(Bias::Float(_)) => {
                let problem = "its biases are floats".to_owned();
                return Err(refused(hardware, "population", &population.name, problem, "train with --weights i8"));
            }
            None => Vec::new(),
        };
        let shape = population.shape;
        for (&index, &unit) in indices.iter().zip(&units) {
            let offsets = numbers[index].as_ref().and_then(|numbers| numbers.offsets(hardware, shift, unit));
            if let Some(offsets) = offsets {
                bias.resize(shape.channels, 0);
                bias.iter_mut().zip(offsets).for_each(|(bias, offset)| *bias = bias.saturating_add(offset));
            }
        }
        layouts.push(PopulationLayout {
            name: population.name.clone(),
            shape: [shape.channels, shape.height, shape.width],
            neuron: population.neuron,
            minimum_count: range.low,
            maximum_count: range.high,
            thresholds: population.thresholds.iter().map(|threshold| threshold << shift).collect(),
            bias,
        });
        grids.push(Grid { shift, units: indices.into_iter().zip(units).collect() });
    }
    Ok((layouts, grids))
}

/// A projection with fixed weights.
fn digital(connection: &Connection, shift: u32) -> Option<ProjectionKind> {
    match connection {
        Connection::SumPooling { shape, weight } => Some(ProjectionKind::Digital(DigitalKind::SumPooling {
            window: shape.window,
            stride: shape.stride,
            weight: i64::from(*weight) << shift,
        })),
        Connection::Identity { weight, .. } => {
            Some(ProjectionKind::Digital(DigitalKind::Identity { weight: i64::from(*weight) << shift }))
        }
        Connection::Dense { .. } | Connection::Convolution(_) => None,
    }
}

fn refused(
    hardware: &HardwareSpecification,
    part: &'static str,
    name: &str,
    problem: String,
    remedy: &str,
) -> CompilerError {
    CompilerError::Mapping {
        part,
        name: name.to_owned(),
        hardware: hardware.name.clone(),
        problem,
        remedy: remedy.to_owned(),
    }
}
