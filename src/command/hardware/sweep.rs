//! `sterna hardware sweep`: accuracy and cost of one model on several chips.

use std::path::PathBuf;

use clap::Args;
use compiler::HardwareSpecification;
use compiler::calibration::calibrate;
use compiler::cost::{CostReport, with_converters_by_law};
use compiler::mapping::compile;
use compiler::simulation::{SimulationOptions, Simulator, evaluate_with};
use indicatif::ProgressBar;
use serde::Serialize;
use snn::model::write_atomically;
use spikegrad::{Samples as _, Subset};

use super::costs::{CostFigures, folder_error, write_cost};
use super::specification;
use crate::CommandError;
use crate::command::Context;
use crate::command::trained::{Split, Trained, TrainedArguments};
use crate::output::Progress;
use crate::plots::{self, SweepPoint};

/// Compile, simulate and cost a model on several chips
///
/// Nothing is retrained: quantisers are calibrated on training images. Energies come from the
/// counts of the simulation. Each chip gets a folder with report.json, report.md, breakdown.png and
/// floor_plan.png; the folder of the sweep gets sweep.json, sweep.md and energy_accuracy.png. Chips
/// without cost constants are not in that plot.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna hardware sweep runs/digits-1 --hardware ideal,hcim-a-ternary,hcim-a-binary,adc7-a --out sweep\n  \
    sterna hardware sweep runs/mnist-1 --hardware adc7-a --vary quantiser.bits=4,5,6,7 --limit 1000 --out bits\n  \
    sterna hardware sweep runs/mnist-1 --hardware mine.toml --vary scale_factors.bits=2,4,8 --out scales --json")]
pub struct SweepArguments {
    /// Model and samples.
    #[command(flatten)]
    pub trained: TrainedArguments,
    /// Presets or TOML files, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    pub hardware: Vec<String>,
    /// Change one key of each chip to each of the values
    #[arg(long, value_name = "KEY=VALUES")]
    pub vary: Option<String>,
    /// Folder for reports and plots
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Simulate the first N images only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Training images that quantisers are calibrated on, spread evenly over all
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..))]
    pub calibrate_on: u64,
}

/// One chip of the sweep, as in `sweep.json`.
#[derive(Clone, Debug, Serialize)]
struct SweepRow {
    label: String,
    hardware: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    varied: Option<String>,
    images: usize,
    accuracy: f64,
    #[serde(flatten)]
    cost: CostFigures,
    folder: String,
}

/// A chip with its name in the sweep.
struct Chip {
    label: String,
    varied: Option<String>,
    hardware: HardwareSpecification,
}

/// Sweeps.
///
/// # Errors
/// When model, samples or a specification cannot be read, the network does not fit a chip, or a
/// file cannot be written.
pub fn run(arguments: &SweepArguments, context: &Context) -> anyhow::Result<()> {
    let chips = chips(arguments)?;
    for chip in &chips {
        if chip.varied.as_deref().is_some_and(|varied| varied.starts_with("array.")) {
            let name = &chip.hardware.name;
            context
                .output
                .warning(format!("{}: the cost constants stay those of {name} with its own array", chip.label));
        }
    }
    let trained = Trained::load(&arguments.trained, context)?;
    let calibration = TrainedArguments {
        model: arguments.trained.model.clone(),
        data: arguments.trained.data.clone(),
        split: Split::Train,
    };
    let calibration = Trained::load(&calibration, context)?;
    let size = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    let samples = Subset::first(&trained.samples, arguments.limit);
    let known = Subset::spread(&calibration.samples, size(arguments.calibrate_on));
    std::fs::create_dir_all(&arguments.out).map_err(|error| folder_error("--out", &arguments.out, &error))?;
    let bar = context.output.progress((chips.len() * samples.len()) as u64, Progress::Steps);
    let mut rows = Vec::with_capacity(chips.len());
    for chip in &chips {
        bar.set_prefix(chip.label.clone());
        rows.push(one(chip, &trained, &samples, &known, arguments, context, &bar)?);
    }
    bar.finish_and_clear();
    let path = arguments.out.join("sweep.json");
    write_atomically(&path, format!("{}\n", serde_json::to_string_pretty(&rows)?).as_bytes())?;
    let text = table(&rows) + &missing(&rows);
    write_atomically(&arguments.out.join("sweep.md"), markdown(&rows, trained.data.source.to_string()).as_bytes())?;
    let points: Vec<SweepPoint> = rows
        .iter()
        .filter(|row| row.cost.energy_pj > 0.0)
        .map(|row| SweepPoint { label: row.label.clone(), energy_pj: row.cost.energy_pj, accuracy: row.accuracy })
        .collect();
    let subtitle = format!("{} images of {}, {}", samples.len(), trained.data.source, arguments.trained.split.name());
    if !points.is_empty() {
        plots::energy_accuracy(&points, &subtitle, &arguments.out.join(PLOT_FILE))?;
    }
    for row in &rows {
        context.output.object(row)?;
    }
    context.output.result(text.trim_end())
}

/// Compiles, simulates and costs the model on one chip, and writes its folder.
fn one(
    chip: &Chip,
    trained: &Trained,
    samples: &Subset<'_>,
    known: &Subset<'_>,
    arguments: &SweepArguments,
    context: &Context,
    bar: &ProgressBar,
) -> anyhow::Result<SweepRow> {
    let calibrated = calibrate(&trained.network, &chip.hardware, known, context.resources)?;
    let program = compile(&trained.network, &chip.hardware, &calibrated.calibration)?;
    let simulator = Simulator::new(&program, SimulationOptions::new(context.resources.isa))?;
    let evaluation = evaluate_with(&simulator, samples, context.resources.threads, &|count| bar.inc(count))?;
    let name = file_name(&chip.label);
    let report = write_cost(&program, &evaluation.statistics, &arguments.out.join(&name), "--out")?;
    Ok(row(chip, &report, samples.len(), evaluation.accuracy, name))
}

fn row(chip: &Chip, report: &CostReport, images: usize, accuracy: f64, folder: String) -> SweepRow {
    SweepRow {
        label: chip.label.clone(),
        hardware: chip.hardware.name.clone(),
        varied: chip.varied.clone(),
        images,
        accuracy,
        cost: CostFigures::of(report),
        folder,
    }
}

/// Every chip of `--hardware` with every value of `--vary`.
fn chips(arguments: &SweepArguments) -> anyhow::Result<Vec<Chip>> {
    let mut chips: Vec<Chip> = Vec::new();
    for name in &arguments.hardware {
        let hardware = specification(name)?;
        let Some(vary) = &arguments.vary else {
            chips.push(Chip { label: hardware.name.clone(), varied: None, hardware });
            continue;
        };
        let usage =
            || CommandError::usage("--vary", "KEY=VALUE,VALUE such as quantiser.bits=4,5,6", format!("'{vary}'"));
        let (key, values) = vary.split_once('=').ok_or_else(usage)?;
        if key.is_empty() || values.is_empty() {
            return Err(usage().into());
        }
        for value in values.split(',') {
            let varied = format!("{key}={value}");
            let changed = varied_specification(&hardware, key, value)?;
            chips.push(Chip { label: format!("{} {varied}", hardware.name), varied: Some(varied), hardware: changed });
        }
    }
    for (index, chip) in chips.iter().enumerate() {
        if chips[..index].iter().any(|other| file_name(&other.label) == file_name(&chip.label)) {
            return Err(CommandError::usage("--hardware and --vary", "chips of different names", &chip.label).into());
        }
    }
    Ok(chips)
}

/// The chip with another value of a key; converters of other bits cost what their law says.
fn varied_specification(
    hardware: &HardwareSpecification,
    key: &str,
    value: &str,
) -> anyhow::Result<HardwareSpecification> {
    let mut table: toml::Table = hardware.to_toml()?.parse()?;
    let mut place = &mut table;
    let parts: Vec<&str> = key.split('.').collect();
    let (last, sections) = parts.split_last().unwrap_or((&key, &[]));
    for section in sections {
        let found = place.get_mut(*section).and_then(toml::Value::as_table_mut);
        let expected = format!("a key of {}", hardware.name);
        place = found.ok_or_else(|| CommandError::usage("--vary", expected, format!("'{key}'")))?;
    }
    // What is no number, truth value or quoted text is taken as text.
    let parsed: Option<toml::Value> =
        format!("value = {value}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("value"));
    let parsed = parsed.unwrap_or_else(|| toml::Value::String(value.to_owned()));
    place.insert((*last).to_owned(), parsed);
    let changed =
        HardwareSpecification::from_toml(&toml::to_string(&table)?, &format!("{} {key}={value}", hardware.name))?;
    Ok(if key == "quantiser.bits" { with_converters_by_law(changed) } else { changed })
}

/// A name for a folder: letters, digits, dots and hyphens.
fn file_name(label: &str) -> String {
    let plain = |character: char| if character.is_ascii_alphanumeric() || character == '.' { character } else { '-' };
    label.chars().map(plain).collect()
}

/// Accuracy against energy.
const PLOT_FILE: &str = "energy_accuracy.png";

/// Which chips the plot leaves out, where there are such; energy is unknown without cost constants.
fn missing(rows: &[SweepRow]) -> String {
    let without: Vec<&str> =
        rows.iter().filter(|row| row.cost.energy_pj == 0.0).map(|row| row.label.as_str()).collect();
    if without.is_empty() {
        return String::new();
    }
    format!("\nnot in {PLOT_FILE}, no cost constants: {}\n", without.join(", "))
}

const HEAD: [&str; 7] = ["chip", "accuracy", "energy µJ", "lossless µJ", "adds only µJ", "pipeline µs", "area mm²"];

fn cells(row: &SweepRow) -> [String; 7] {
    [
        row.label.clone(),
        format!("{:.2} %", 100.0 * row.accuracy),
        format!("{:.4}", row.cost.energy_pj / 1e6),
        format!("{:.4}", row.cost.lossless_converters_pj / 1e6),
        format!("{:.4}", row.cost.accumulate_only_pj / 1e6),
        format!("{:.3}", row.cost.pipeline_ns / 1e3),
        format!("{:.3}", row.cost.area_um2 / 1e6),
    ]
}

fn table(rows: &[SweepRow]) -> String {
    let width = rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0).max(HEAD[0].len());
    let line = |cells: [String; 7]| {
        let numbers: String = cells[1..].iter().map(|cell| format!("{cell:>14}")).collect();
        format!("{:<width$}{numbers}\n", cells[0])
    };
    let body: String = rows.iter().map(|row| line(cells(row))).collect();
    line(HEAD.map(str::to_owned)) + &body
}

fn markdown(rows: &[SweepRow], data: String) -> String {
    let line = |cells: [String; 7]| format!("| {} |\n", cells.join(" | "));
    let images = rows.first().map_or(0, |row| row.images);
    let body: String = rows.iter().map(|row| line(cells(row))).collect();
    format!(
        "# Sweep\n\n{images} images of {data}. Energy is that of one example with all components; beside it the same \
         arrays with lossless converters, and accumulations alone. `report.md` in the folder of each chip says where \
         constants come from, which timing holds and what is not counted.\n\n{}|---|---|---|---|---|---|---|\n{body}{}",
        line(HEAD.map(str::to_owned)),
        missing(rows)
    )
}
