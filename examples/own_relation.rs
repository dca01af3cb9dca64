//! A relation of one's own, c = a b on a line, any of the three missing: root mean square errors of 0.004 to 0.006 of ranges of
//! 0.5 and 0.75 after some seconds of training.
//!
//!     cargo run --release --example own_relation

use kernels::Isa;
use spikegrad::relation::{RelationDescription, Split, Task};
use spikegrad::{Resources, Trainer};

const TASK: &str = r#"
[relation]
units = [100]
[training]
epochs = 20
[[variable]]
name = "a"
code = { kind = "linear", neurons = 100, width = 0.15, range = [0.5, 1.0] }
hidden = [50]
[[variable]]
name = "b"
code = { kind = "linear", neurons = 100, width = 0.15, range = [0.5, 1.0] }
hidden = [50]
[[variable]]
name = "c"
code = { kind = "linear", neurons = 100, width = 0.15, range = [0.25, 1.0] }
hidden = [50]
value = "a * b"
"#;

fn main() -> anyhow::Result<()> {
    let description = RelationDescription::from_toml(TASK)?;
    let task = Task::new(description.clone(), Vec::new(), 1)?;
    let resources = Resources { threads: std::thread::available_parallelism()?.get(), isa: Isa::detect() };
    let mut trainer = Trainer::new(task.network()?, description.training, resources)?;
    let train = task.samples(Split::Train { epoch: 0 }, 25_600);
    let validation = task.samples(Split::Validation, 1_000);
    while !trainer.is_finished() {
        while !trainer.epoch_is_complete(&train) {
            trainer.step(&train)?;
        }
        let report = trainer.finish_epoch(&validation)?;
        println!("epoch {:2}  loss {:.1}", report.epoch, report.train.loss);
    }
    for missing in task.directions() {
        let found = task.infer_missing(trainer.network(), missing, 2_000, resources)?;
        let name = &task.description().variables[missing].name;
        println!("{name} missing: RMSE {:.4}", found.rmse.unwrap_or(f64::NAN));
    }
    Ok(())
}
