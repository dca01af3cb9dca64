//! A relational network on a crossbar: what it infers there, and what an inference costs.

use anyhow::Context as _;
use compiler::calibration::calibrate;
use compiler::mapping::{compile, plan as mapping_plan};
use compiler::simulation::{SimulationOptions, Simulator};
use serde::Serialize;
use snn::Network;
use spikegrad::relation::{Split, Task};

use super::plan::Plan;
use crate::command::Context;
use crate::command::hardware;
use crate::command::hardware::costs::{CostFigures, write_cost};

/// Examples that steps, scale factors and thresholds of the chip are determined on.
const CALIBRATED: usize = 500;
/// Inferences that are run on the chip for each direction.
const INFERENCES: usize = 500;
/// Of these so many at a time.
const GROUP: usize = 50;

/// An inference on a chip.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ChipFigures {
    hardware: String,
    /// Of each direction, or all observations: root mean square error, or share of wrong classes.
    errors: Vec<(String, f64)>,
    cost: CostFigures,
    folder: String,
}

impl ChipFigures {
    pub fn text(&self) -> String {
        let errors: Vec<String> = self.errors.iter().map(|(name, error)| format!("{name} {error:.4}")).collect();
        format!(
            "on {}: error {}; {} arrays, {:.1} nJ and {:.2} us an inference, {:.3} mm2 ({}/report.md)",
            self.hardware,
            errors.join(", "),
            self.cost.arrays,
            self.cost.energy_pj / 1e3,
            self.cost.single_example_ns / 1e3,
            self.cost.area_um2 / 1e6,
            self.folder
        )
    }
}

/// Compiles the network, runs test examples on the chip and costs them.
pub(super) fn cost(
    name: &str,
    task: &Task,
    network: &Network,
    plan: &Plan,
    context: &Context,
) -> anyhow::Result<ChipFigures> {
    let hardware = hardware::specification(name)?;
    mapping_plan(network, &hardware).check()?;
    let samples = task.samples(Split::Validation, CALIBRATED);
    let calibration = calibrate(network, &hardware, &samples, context.resources)?.calibration;
    let program = compile(network, &hardware, &calibration)?;
    let folder = plan.folder.path().join(format!("chip-{}", hardware.name));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    program.write(&folder)?;
    let simulator = Simulator::new(&program, SimulationOptions::new(context.resources.isa))?;
    let mut state = simulator.state(GROUP);
    let variables = &task.description().variables;
    let observed = (0..variables.len()).find(|&variable| !task.description().is_presented(variable));
    // Without directions the variable that others observe is asked for.
    let asked: Vec<(Option<usize>, usize)> = match observed {
        Some(observed) if task.directions().is_empty() => vec![(None, observed)],
        _ => task.directions().into_iter().map(|missing| (Some(missing), missing)).collect(),
    };
    let mut errors = Vec::new();
    for (missing, variable) in asked {
        let mut squares = 0.0;
        for first in (0..INFERENCES).step_by(GROUP) {
            let scenes: Vec<_> = (first..first + GROUP).map(|index| task.scene(Split::Test, index, missing)).collect();
            let inputs: Vec<u8> = scenes.iter().flat_map(|scene| task.inputs(scene)).collect();
            simulator.run(&mut state, &inputs, GROUP, first as u64)?;
            for (scene, outputs) in scenes.iter().zip(state.logits().chunks_exact(simulator.classes())) {
                let counts = &outputs[task.output(variable)];
                squares += task.judge(variable).error(counts, scene.values[variable]).powi(2);
            }
        }
        let mean = squares / INFERENCES as f64;
        let is_continuous = variables[variable].code.range().is_some();
        errors.push((variables[variable].name.clone(), if is_continuous { mean.sqrt() } else { mean }));
    }
    let report = write_cost(&program, state.statistics(), &folder, "--out")?;
    Ok(ChipFigures {
        hardware: hardware.name.clone(),
        errors,
        cost: CostFigures::of(&report),
        folder: folder.display().to_string(),
    })
}
