//! Training on a substrate: an exact one changes nothing, its parameters are trained, and its state
//! is part of the checkpoint.

mod common;

use std::path::Path;

use common::task::{self, Quadrants};
use kernels::{Counts, Isa};
use snn::{Connection, Network, WeightFormat, Weights};
use spikegrad::{
    Carried, Gradient, GradientSums, Group, Position, Resources, SpikegradError, StateMismatch, Substrate,
    SubstrateRates, SubstrateScratch, Trainer, TrainingSettings,
};

/// Exact products by plain loops, times a trained gain of each projection, in units of 1/256.
#[derive(Debug)]
struct PlainLoops {
    network: Option<Network>,
    own_gradients: bool,
    trains_gains: bool,
    bits: u32,
    gains: Vec<f32>,
    momentum: Vec<f32>,
}

impl PlainLoops {
    fn new(own_gradients: bool, trains_gains: bool, bits: u32) -> Self {
        Self { network: None, own_gradients, trains_gains, bits, gains: vec![1.0; 4], momentum: vec![0.0; 4] }
    }

    /// Calls `visit(source neuron, target neuron, weight index)` for every synapse.
    fn synapses(&self, projection: usize, mut visit: impl FnMut(usize, usize, usize)) {
        match &self.network.as_ref().unwrap().projections()[projection].connection {
            Connection::Dense { inputs, outputs } => {
                (0..inputs * outputs).for_each(|index| visit(index % inputs, index / inputs, index));
            }
            Connection::Convolution(shape) => {
                let (height, width) = (shape.output_height(), shape.output_width());
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    for index in 0..shape.weight_length() {
                        let (output, row) = (index / shape.patch(), index % shape.patch());
                        let (channel, tap) = (row % shape.input_channels, row / shape.input_channels);
                        let at = |position: usize, axis: usize, offset: usize| {
                            (position * shape.stride[axis] + offset).checked_sub(shape.padding[axis])
                        };
                        let places = (at(y, 0, tap / shape.kernel[1]), at(x, 1, tap % shape.kernel[1]));
                        let (Some(sy), Some(sx)) = places else { continue };
                        if sy < shape.input_height && sx < shape.input_width {
                            let source = (sy * shape.input_width + sx) * shape.input_channels + channel;
                            visit(source, (y * width + x) * shape.output_channels + output, index);
                        }
                    }
                }
            }
            _ => unreachable!("only projections with weights are carried"),
        }
    }

    fn weights(&self, projection: usize) -> &[i8] {
        match &self.network.as_ref().unwrap().projections()[projection].weights {
            Some(Weights::I8(values)) => values,
            other => panic!("{other:?}"),
        }
    }

    /// The gain of a projection in units of 2^-bits.
    fn gain(&self, projection: usize) -> i64 {
        if self.trains_gains {
            (f64::from(self.gains[projection]) * f64::from(1u32 << self.bits)).round() as i64
        } else {
            1 << self.bits
        }
    }

    fn sizes(&self, projection: usize) -> (usize, usize) {
        let network = self.network.as_ref().unwrap();
        let projection = &network.projections()[projection];
        let neurons = |index: usize| network.populations()[index].shape.neurons();
        (neurons(projection.from), neurons(projection.to))
    }
}

fn count(counts: Counts<'_>, index: usize) -> i64 {
    match counts {
        Counts::Unsigned(values) => values[index].into(),
        Counts::Signed(values) => values[index].into(),
    }
}

impl Substrate for PlainLoops {
    fn identity(&self) -> String {
        format!("plain loops, {} bits, own gradients {}", self.bits, self.own_gradients)
    }

    fn refresh(&mut self, network: &Network, _: &Position) -> Result<(), SpikegradError> {
        self.network = Some(network.clone());
        Ok(())
    }

    fn constrain(&self, _: usize, _: &mut [i8]) {}

    fn carries(&self, projection: usize) -> Option<Carried> {
        let network = self.network.as_ref().unwrap();
        let is_trained = network.projections()[projection].weights.is_some();
        is_trained.then_some(Carried { parameters: 1, denominator: self.own_gradients.then_some(3) })
    }

    fn grid_bits(&self, _: usize) -> u32 {
        self.bits
    }

    fn scratch(&self) -> SubstrateScratch {
        Box::new(())
    }

    fn add_currents(
        &self,
        projection: usize,
        group: &Group<'_>,
        totals: &mut [i64],
        _: &mut SubstrateScratch,
    ) -> Result<(), SpikegradError> {
        let (sources, targets) = self.sizes(projection);
        let (weights, gain) = (self.weights(projection), self.gain(projection));
        for example in 0..group.examples {
            self.synapses(projection, |source, target, weight| {
                let input = count(group.counts, example * sources + source);
                totals[example * targets + target] += gain * input * i64::from(weights[weight]);
            });
        }
        Ok(())
    }

    fn add_gradients(
        &self,
        projection: usize,
        group: &Group<'_>,
        errors: &[i32],
        sums: &mut GradientSums,
        _: &mut SubstrateScratch,
    ) -> Result<(), SpikegradError> {
        let (sources, targets) = self.sizes(projection);
        let weights = self.weights(projection);
        for example in 0..group.examples {
            self.synapses(projection, |source, target, weight| {
                let input = count(group.counts, example * sources + source);
                let error = i64::from(errors[example * targets + target]);
                sums.parameters[0] += error * input * i64::from(weights[weight]);
                if self.own_gradients {
                    sums.weights[weight] += 3 * error * input;
                    if let Some(sum) = sums.errors.get_mut(example * sources + source) {
                        *sum += 3 * error * i64::from(weights[weight]);
                    }
                }
            });
        }
        Ok(())
    }

    fn update(&mut self, sums: &[GradientSums], rates: &SubstrateRates) -> Result<(), SpikegradError> {
        let network = self.network.as_ref().unwrap();
        for (index, sums) in sums.iter().enumerate().filter(|(_, sums)| !sums.parameters.is_empty()) {
            let threshold = network.populations()[network.projections()[index].to].threshold(0) as f64;
            let gradient = sums.parameters[0] as f64 * rates.share / threshold;
            self.momentum[index] = (rates.momentum * f64::from(self.momentum[index]) + gradient) as f32;
            self.gains[index] -= (rates.learning_rate * f64::from(self.momentum[index])) as f32;
        }
        Ok(())
    }

    fn state(&self) -> Vec<(String, Vec<f32>)> {
        vec![("gains".to_owned(), self.gains.clone()), ("momentum".to_owned(), self.momentum.clone())]
    }

    fn restore(&mut self, state: Vec<(String, Vec<f32>)>) -> Result<(), StateMismatch> {
        let mut state = state.into_iter().map(|(_, values)| values);
        match (state.next(), state.next()) {
            (Some(gains), Some(momentum)) if gains.len() == 4 && momentum.len() == 4 => {
                (self.gains, self.momentum) = (gains, momentum);
                Ok(())
            }
            _ => Err(StateMismatch { name: "gains".into(), expected: "4 gains".into(), found: "others".into() }),
        }
    }
}

fn resources(threads: usize) -> Resources {
    Resources { threads, isa: Isa::detect() }
}

fn settings() -> TrainingSettings {
    let mut settings = TrainingSettings { epochs: 2, ..task::settings() };
    settings.dropout.insert("hidden".to_owned(), 0.5);
    settings
}

fn start() -> Network {
    Trainer::new(task::network(WeightFormat::I8), settings(), resources(1)).unwrap().network().clone()
}

fn on(substrate: PlainLoops, threads: usize) -> Trainer {
    Trainer::on_substrate(start(), settings(), resources(threads), Box::new(substrate)).unwrap()
}

fn bytes(trainer: &Trainer) -> Vec<u8> {
    snn::model::to_bytes(trainer.network(), Path::new("model")).unwrap()
}

/// Parameters of a substrate by name.
type State = Vec<(String, Vec<f32>)>;

/// Trains to the end; weights, reports and parameters.
fn train(mut trainer: Trainer) -> (Vec<u8>, String, Option<State>) {
    let (samples, validation) = (Quadrants::new(60, 1), Quadrants::new(40, 1000));
    let mut reports = String::new();
    while !trainer.is_finished() {
        while !trainer.epoch_is_complete(&samples) {
            trainer.step(&samples).unwrap();
        }
        reports += &format!("{:?}", trainer.finish_epoch(&validation).unwrap());
    }
    (bytes(&trainer), reports, trainer.substrate().map(Substrate::state))
}

#[test]
fn an_exact_substrate_changes_nothing() {
    let plain = train(Trainer::from_network(start(), settings(), resources(2)).unwrap());
    for (own_gradients, bits) in [(false, 0), (true, 0), (false, 8), (true, 8)] {
        let carried = train(on(PlainLoops::new(own_gradients, false, bits), 2));
        assert!(plain.0 == carried.0, "weights, own gradients {own_gradients}, {bits} bits");
        assert_eq!(plain.1, carried.1, "reports, own gradients {own_gradients}, {bits} bits");
    }
}

#[test]
fn parameters_are_trained_alike_by_any_number_of_threads() {
    let one = train(on(PlainLoops::new(false, true, 8), 1));
    let gains = &one.2.as_ref().unwrap()[0].1;
    assert!(gains.iter().filter(|&&gain| gain != 1.0).count() == 3, "{gains:?}");
    for threads in [2, 3] {
        assert!(train(on(PlainLoops::new(false, true, 8), threads)) == one, "{threads} threads");
    }
}

#[test]
fn resuming_equals_an_uninterrupted_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let whole = train(on(PlainLoops::new(true, true, 8), 1));
    let mut first = on(PlainLoops::new(true, true, 8), 1);
    first.step(&Quadrants::new(60, 1)).unwrap();
    first.save(&path).unwrap();
    let resume = |substrate: PlainLoops| {
        Trainer::resume_on_substrate(start(), settings(), resources(2), Box::new(substrate), &path)
    };
    let second = train(resume(PlainLoops::new(true, true, 8)).unwrap());
    assert!(second.0 == whole.0 && second.2 == whole.2);
    let refused = resume(PlainLoops::new(true, true, 9)).unwrap_err();
    assert!(matches!(&refused, SpikegradError::Checkpoint { field, .. } if field == "substrate"), "{refused}");
    let refused = Trainer::resume(start(), settings(), resources(1), &path).unwrap_err();
    assert!(matches!(&refused, SpikegradError::Checkpoint { field, .. } if field == "substrate"), "{refused}");
}

#[test]
fn what_hardware_cannot_hold_is_refused() {
    let on = |network: Network, settings: TrainingSettings| {
        Trainer::on_substrate(network, settings, resources(1), Box::new(PlainLoops::new(false, false, 0))).unwrap_err()
    };
    let wide = on(task::network(WeightFormat::I16), settings());
    assert!(wide.to_string().contains("weights = \"i8\""), "{wide}");
    let float = on(start(), TrainingSettings { gradient: Gradient::Float, ..settings() });
    assert!(matches!(&float, SpikegradError::Setting { field, .. } if field == "gradient"), "{float}");
}
