use spikegrad::relation::*;
use spikegrad::*;
fn main() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap())?;
    let d = RelationDescription::from_toml(&text)?;
    let seed = d.training.seed;
    let task = Task::new(d.clone(), vec![], seed)?;
    let resources = Resources { threads: std::thread::available_parallelism()?.get(), isa: kernels::Isa::detect() };
    let mut t = Trainer::new(task.network()?, d.training.clone(), resources)?;
    let train = task.samples(Split::Train { epoch: 0 }, d.relation.examples as usize);
    let val = task.samples(Split::Validation, d.relation.validation as usize);
    let start = std::time::Instant::now();
    while !t.is_finished() {
        while !t.epoch_is_complete(&train) {
            t.step(&train)?;
        }
        let r = t.finish_epoch(&val)?;
        println!(
            "{} loss {:.1} val {:.1} right {:.3} {:?} {:.1}s",
            r.epoch,
            r.train.loss,
            r.validation.loss,
            r.validation.accuracy,
            r.populations
                .iter()
                .map(|p| (p.spikes as i64, (p.clipped_error_share * 1000.0) as i64))
                .collect::<Vec<_>>(),
            start.elapsed().as_secs_f64()
        );
        for x in &r.diagnoses {
            println!("   {x:?}");
        }
    }
    for dir in task.directions() {
        let s = task.samples(Split::Test, 2000).missing(dir);
        let out = infer(t.network(), &s, resources)?;
        let mut sq = 0.0;
        for i in 0..2000 {
            let sc = s.scene(None, i);
            sq += task.judge(dir).error(&out.example(i)[task.output(dir)], sc.values[dir]).powi(2);
        }
        println!(
            "missing {} rmse {:.4}  spikes {:?} acc {}",
            d.variables[dir].name,
            (sq / 2000.0).sqrt(),
            out.spikes_per_example,
            out.accumulations_per_example
        );
    }
    Ok(())
}
