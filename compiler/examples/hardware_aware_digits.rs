//! Hardware-aware training on the embedded digits: accuracy on comparators before and after.
//!
//! `cargo run -p sterna-compiler --example hardware_aware_digits -- --quantiser ternary --epochs 24`
//! prints one JSON object: validation and test accuracy of the trained network with exact sums
//! ("exact"), on the columns without retraining ("before"), and after it ("after").

use compiler::hardware::{Granularity, HardwareSpecification};
use compiler::training::{ColumnGradient, Retraining, Task, TrainingOptions, fine_tuning};
use datasets::{Source, SplitOptions};
use kernels::Isa;
use lexopt::prelude::*;
use snn::{Network, NeuronKind, Shorthand, ShorthandPadding, WeightFormat};
use spikegrad::{Resources, Samples, Trainer, TrainingSettings, evaluate};

type Failure = Box<dyn std::error::Error>;

struct Options {
    quantiser: String,
    gradient: ColumnGradient,
    thresholds: Granularity,
    granularity: Granularity,
    rows: usize,
    epochs: u32,
    base_epochs: u32,
    learning_rate: Option<f64>,
    scale_factor_rate: f64,
    seed: u64,
    threads: usize,
}

fn options() -> Result<Options, Failure> {
    let mut options = Options {
        quantiser: "ternary".to_owned(),
        gradient: ColumnGradient::default(),
        thresholds: Granularity::Layer,
        granularity: Granularity::ColumnStream,
        rows: 64,
        epochs: 24,
        base_epochs: 20,
        learning_rate: None,
        scale_factor_rate: TrainingOptions::default().scale_factor_rate,
        seed: 1,
        threads: 1,
    };
    let granularity = |text: &str| -> Result<Granularity, Failure> {
        Ok(serde_json::from_value(serde_json::Value::String(text.to_owned()))?)
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("quantiser") => options.quantiser = arguments.value()?.string()?,
            Long("gradient") => {
                let name = arguments.value()?.string()?;
                options.gradient = serde_json::from_value(serde_json::Value::String(name))?;
            }
            Long("thresholds") => options.thresholds = granularity(&arguments.value()?.string()?)?,
            Long("granularity") => options.granularity = granularity(&arguments.value()?.string()?)?,
            Long("rows") => options.rows = arguments.value()?.parse()?,
            Long("epochs") => options.epochs = arguments.value()?.parse()?,
            Long("base-epochs") => options.base_epochs = arguments.value()?.parse()?,
            Long("learning-rate") => options.learning_rate = Some(arguments.value()?.parse()?),
            Long("scale-factor-rate") => options.scale_factor_rate = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("threads") => options.threads = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

/// 4-bit weights in differential pairs of 1-bit cells, bit-serial counts of 4 bits, images of 5.
fn chip(options: &Options) -> Result<HardwareSpecification, Failure> {
    let rows = options.rows;
    let text = format!(
        "name = 'digits'\ndescription = 'arrays of {rows} rows'\nsources = []\n\
         array = {{ rows = {rows}, columns = 128, cell_bits = 1 }}\n\
         weights = {{ bits = 4, signed = 'differential-pair' }}\n\
         input = {{ coding = 'bit-serial', bits = 4, image_bits = 5 }}\n\
         quantiser = {{ kind = '{}' }}\n\
         device = {{ cell = 'rram', technology_nm = 65, on_resistance_ohm = 6e3, read_voltage_v = 0.5, \
         read_pulse_ns = 10, wire_resistance_ohm = 0 }}\ncost = {{}}\n",
        options.quantiser
    );
    let mut chip: HardwareSpecification = toml::from_str(&text)?;
    chip.scale_factors.granularity = options.granularity;
    Ok(chip)
}

struct Images(datasets::Samples, u64);

impl Samples for Images {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn input_length(&self) -> usize {
        self.0.image_len()
    }

    fn classes(&self) -> usize {
        10
    }

    fn fill(&self, _: Option<u32>, index: usize, out: &mut [u8]) {
        out.copy_from_slice(self.0.image(index));
    }

    fn label(&self, index: usize) -> usize {
        self.0.label(index).into()
    }

    fn order(&self, epoch: u32) -> Vec<u32> {
        datasets::permutation(self.1, epoch.into(), self.len()).into_iter().map(|index| index as u32).collect()
    }
}

fn network() -> Result<Network, Failure> {
    let shorthand = Shorthand {
        topology: "8x8-16C3-P2-64-10",
        channels: 1,
        padding: Some(ShorthandPadding::Same),
        weights: WeightFormat::I8,
        input_maximum: 16,
        input_minimum: 0,
        input_gain: 4.0,
        output_gain: 1.0,
        fraction_bits: None,
        maximum_count: None,
    };
    let mut description = shorthand.describe()?;
    for population in &mut description.populations {
        match population.neuron {
            NeuronKind::Input => population.maximum_count = Some(16),
            NeuronKind::Relu => population.maximum_count = Some(15),
            NeuronKind::Linear | NeuronKind::Readout => {}
        }
    }
    Ok(Network::build(&description)?)
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let resources = Resources { threads: options.threads, isa: Isa::detect() };
    let splits = datasets::load(&Source::Digits, None)?.split(&SplitOptions::default())?;
    let [train, validation, test] =
        [splits.train, splits.validation, splits.test].map(|samples| Images(samples, options.seed));
    let base = TrainingSettings {
        epochs: options.base_epochs,
        batch: 32,
        learning_rate: 0.03,
        seed: options.seed,
        ..TrainingSettings::default()
    };
    let mut trainer = Trainer::new(network()?, base.clone(), resources)?;
    while !trainer.is_finished() {
        while !trainer.epoch_is_complete(&train) {
            trainer.step(&train)?;
        }
        trainer.finish_epoch(&validation)?;
    }
    let trained = trainer.network().clone();
    let exact = [&validation, &test].map(|samples| evaluate(&trained, samples, resources).map(|e| e.score.accuracy));
    let chip = chip(&options)?;
    let task = |epochs: u32| Task {
        network: &trained,
        hardware: &chip,
        settings: fine_tuning(&base, chip.quantiser, epochs, options.learning_rate),
        options: TrainingOptions {
            gradient: options.gradient,
            thresholds: options.thresholds,
            scale_factor_rate: options.scale_factor_rate,
            seed: options.seed,
            ..TrainingOptions::default()
        },
        resources,
    };
    // A plan of one epoch consists of the last stage alone: what is deployed without training.
    let mut untrained = Retraining::new(&task(1), &train)?;
    let before = [&validation, &test].map(|samples| untrained.evaluate(samples).map(|e| e.score.accuracy));
    let mut run = Retraining::new(&task(options.epochs), &train)?;
    let start = std::time::Instant::now();
    let mut best = (0.0, 0.0);
    let mut course = Vec::new();
    while !run.trainer().is_finished() {
        while !run.trainer().epoch_is_complete(&train) {
            run.step(&train)?;
        }
        let epoch = run.finish_epoch(&validation)?;
        course.push((epoch.stage, epoch.report.train.accuracy, epoch.report.validation.accuracy));
        if epoch.is_candidate && epoch.report.is_best {
            best = (epoch.report.validation.accuracy, run.evaluate(&test)?.score.accuracy);
        }
    }
    let accuracy = |[validation, test]: [f64; 2]| serde_json::json!({ "validation": validation, "test": test });
    let [exact_validation, exact_test] = exact;
    let [before_validation, before_test] = before;
    let examples = f64::from(options.epochs) * train.len() as f64;
    let report = serde_json::json!({
        "quantiser": options.quantiser,
        "rows": options.rows,
        "gradient": options.gradient,
        "thresholds": options.thresholds,
        "scale_factors": options.granularity,
        "epochs": options.epochs,
        "seed": options.seed,
        "exact": accuracy([exact_validation?, exact_test?]),
        "before": accuracy([before_validation?, before_test?]),
        "after": accuracy([best.0, best.1]),
        "samples_per_second": (examples / start.elapsed().as_secs_f64()).round(),
        "stages": run.plan().stages(),
        "course": course,
    });
    println!("{report}");
    Ok(())
}
