//! Relational networks learn, and are exact in every direction.

use kernels::{Counts, Isa};
use snn::simulator::{SimulationOptions, Simulator, State};
use snn::{EventOrder, InputEncoding, NeuronKind};
use spikegrad::relation::{RelationDescription, Split, Task};
use spikegrad::{ForwardResult, Inference, Resources, Trainer};

const ADD: &str = r#"
[relation]
units = [50]
examples = 6400
validation = 200
[training]
epochs = 5
[[variable]]
name = "a"
code = { kind = "circular", neurons = 50 }
hidden = [25]
[[variable]]
name = "b"
code = { kind = "circular", neurons = 50 }
hidden = [25]
[[variable]]
name = "c"
code = { kind = "circular", neurons = 50 }
hidden = [25]
value = "(a + b) % 1"
"#;

fn trained(threads: usize, stop: Option<u64>) -> (Task, Trainer) {
    let description = RelationDescription::from_toml(ADD).unwrap();
    let task = Task::new(description.clone(), Vec::new(), 1).unwrap();
    let resources = Resources { threads, isa: Isa::detect() };
    let mut trainer = Trainer::new(task.network().unwrap(), description.training, resources).unwrap();
    let train = task.samples(Split::Train { epoch: 0 }, 6400);
    let validation = task.samples(Split::Validation, 200);
    let mut updates = 0;
    while !trainer.is_finished() && stop != Some(updates) {
        if trainer.epoch_is_complete(&train) {
            trainer.finish_epoch(&validation).unwrap();
        } else {
            trainer.step(&train).unwrap();
            updates += 1;
        }
    }
    (task, trainer)
}

#[test]
fn every_direction_is_learned_and_exact() {
    let (task, trainer) = trained(2, None);
    let network = trainer.network();
    let simulator = Simulator::new(network).unwrap();
    let mut state = State::new();
    for missing in task.directions() {
        let found = task.infer_missing(network, missing, 500, Resources { threads: 2, isa: Isa::detect() }).unwrap();
        // Chance is 0.289.
        assert!(found.rmse.unwrap() < 0.03, "{missing}: {:?}", found.rmse);
        for index in 0..4 {
            let bytes = task.inputs(&task.scene(Split::Test, index, Some(missing)));
            let inputs: Vec<Counts<'_>> = bytes.chunks_exact(50).map(Counts::Unsigned).collect();
            let mut inference = Inference::new(network, Isa::Scalar, 1).unwrap();
            inference.run(&bytes, 1).unwrap();
            let expected = ForwardResult::from_inference(network, &inference, 0).unwrap();
            assert_eq!(expected.logits, found.outputs.example(index));
            let order = EventOrder::Random { seed: index as u64 };
            let options = SimulationOptions { order, input: InputEncoding::UnitSpikes, residual_spikes: true };
            let simulation = simulator.run(&inputs, &options, &mut state, None).unwrap();
            assert_eq!(ForwardResult::from_simulation(network, &simulation).unwrap(), expected);
        }
    }
    let outputs = network.populations().iter().filter(|population| population.outgoing.is_empty());
    assert!(outputs.clone().count() == 3 && outputs.clone().all(|output| output.neuron == NeuronKind::Linear));
}

#[test]
fn threads_change_nothing() {
    let (_, one) = trained(1, Some(250));
    let (_, three) = trained(3, Some(250));
    for (first, second) in one.network().projections().iter().zip(three.network().projections()) {
        assert_eq!(first.weights, second.weights, "{}", first.name);
    }
}
