//! Two noisy sensors of one position, each of which drops out now and then: the network's error is within 15 % of that of
//! the best possible estimate (ratio about 1.05 to 1.1), and below that of the better sensor alone.

use kernels::Isa;
use spikegrad::relation::{RelationDescription, Split, Task};
use spikegrad::{Resources, Trainer};

const TASK: &str = r#"
[relation]
units = [64]
present = "observations"
[training]
epochs = 15
learning_rate = 0.004
alpha = 1000.0
[[variable]]
name = "position"
code = { kind = "linear", neurons = 60, width = 0.15 }
peak = 60
[[variable]]
name = "odometry"
code = { kind = "gaussian", neurons = 48, width = 0.08 }
peak = 60
observes = { variable = "position", dropout = 0.2, noise = { kind = "shift", sigma = [0.04, 0.16] } }
[[variable]]
name = "sonar"
code = { kind = "gaussian", neurons = 48, width = 0.08 }
peak = 60
observes = { variable = "position", dropout = 0.2, noise = { kind = "shift", sigma = [0.04, 0.16] } }
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
    let (estimates, _) = task.estimate(trainer.network(), 0, 2_000, resources)?;
    let rmse = |error: &dyn Fn(&spikegrad::relation::Estimate) -> f64| {
        (estimates.iter().map(|e| error(e).powi(2)).sum::<f64>() / estimates.len() as f64).sqrt()
    };
    let network = rmse(&|e| e.inferred[0] - e.scene.values[0]);
    let best = rmse(&|e| e.posterior.mean - e.scene.values[0]);
    println!("RMSE of the network {network:.4}, of the best estimate {best:.4}, ratio {:.3}", network / best);
    Ok(())
}
