//! A + B = C on a circle, any of the three missing: root mean square errors of 0.008 to 0.011 after some seconds of
//! training (chance is 0.289).

use kernels::Isa;
use spikegrad::relation::{RelationDescription, Split, Task};
use spikegrad::{Resources, Trainer};

const TASK: &str = r#"
[relation]
units = [100]
[training]
epochs = 12
[[variable]]
name = "a"
code = { kind = "circular", neurons = 100 }
[[variable]]
name = "b"
code = { kind = "circular", neurons = 100 }
[[variable]]
name = "c"
code = { kind = "circular", neurons = 100 }
value = "(a + b) % 1"
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
        trainer.finish_epoch(&validation)?;
    }
    for missing in task.directions() {
        let found = task.infer_missing(trainer.network(), missing, 2_000, resources)?;
        let name = &task.description().variables[missing].name;
        println!("{name} missing: RMSE {:.4}", found.rmse.unwrap_or(f64::NAN));
    }
    Ok(())
}
