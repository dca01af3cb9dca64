//! Factors of examples reach a substrate in the order of the batch.

mod common;

use std::sync::{Arc, Mutex};

use common::task::{self, Quadrants};
use kernels::{Counts, Isa};
use snn::{Network, WeightFormat};
use spikegrad::{
    Carried, Factors, GradientSums, Group, Position, Resources, Samples, SpikegradError, StateMismatch, Substrate,
    SubstrateRates, SubstrateScratch, Trainer, TrainingSettings,
};

/// Takes every example's counts and errors of the projection into the readout, to which it adds no currents: the error of
/// an example's class is then the only one below 0.
#[derive(Debug, Default)]
struct Witness {
    seen: Arc<Mutex<Vec<Vec<Factors>>>>,
}

const WATCHED: usize = 3;

impl Substrate for Witness {
    fn identity(&self) -> String {
        "witness".to_owned()
    }

    fn refresh(&mut self, _: &Network, _: &Position) -> Result<(), SpikegradError> {
        Ok(())
    }

    fn constrain(&self, _: usize, _: &mut [i8]) {}

    fn carries(&self, projection: usize) -> Option<Carried> {
        (projection == WATCHED).then_some(Carried { parameters: 0, denominator: None })
    }

    fn grid_bits(&self, _: usize) -> u32 {
        0
    }

    fn scratch(&self) -> SubstrateScratch {
        Box::new(())
    }

    fn add_currents(
        &self,
        _: usize,
        _: &Group<'_>,
        _: &mut [i64],
        _: &mut SubstrateScratch,
    ) -> Result<(), SpikegradError> {
        Ok(())
    }

    fn add_gradients(
        &self,
        _: usize,
        group: &Group<'_>,
        errors: &[i32],
        sums: &mut GradientSums,
        _: &mut SubstrateScratch,
    ) -> Result<(), SpikegradError> {
        let counts: Vec<i16> = match group.counts {
            Counts::Unsigned(counts) => counts.iter().map(|&count| count.into()).collect(),
            Counts::Signed(counts) => counts.iter().map(|&count| count.into()).collect(),
        };
        let (neurons, outputs) = (counts.len() / group.examples, errors.len() / group.examples);
        for (counts, errors) in counts.chunks_exact(neurons).zip(errors.chunks_exact(outputs)) {
            sums.factors.push(Factors { counts: counts.to_vec(), errors: errors.to_vec() });
        }
        Ok(())
    }

    fn update(&mut self, sums: &[GradientSums], _: &SubstrateRates) -> Result<(), SpikegradError> {
        assert!(sums.iter().enumerate().all(|(index, sums)| index == WATCHED || sums.factors.is_empty()));
        self.seen.lock().unwrap().push(sums[WATCHED].factors.clone());
        Ok(())
    }

    fn figures(&self) -> Vec<(String, f64)> {
        vec![("updates".to_owned(), self.seen.lock().unwrap().len() as f64)]
    }

    fn state(&self) -> Vec<(String, Vec<f32>)> {
        Vec::new()
    }

    fn restore(&mut self, _: Vec<(String, Vec<f32>)>) -> Result<(), StateMismatch> {
        Ok(())
    }
}

/// Factors of every update of an epoch, and the figures of its report.
fn epoch(threads: usize) -> (Vec<Vec<Factors>>, Vec<(String, f64)>) {
    let settings = TrainingSettings { batch: 23, ..task::settings() };
    let resources = Resources { threads, isa: Isa::detect() };
    let start = Trainer::new(task::network(WeightFormat::I8), settings.clone(), resources).unwrap().network().clone();
    let witness = Witness::default();
    let seen = Arc::clone(&witness.seen);
    let mut trainer = Trainer::on_substrate(start, settings, resources, Box::new(witness)).unwrap();
    let samples = Quadrants::new(60, 1);
    while !trainer.epoch_is_complete(&samples) {
        trainer.step(&samples).unwrap();
    }
    let figures = trainer.finish_epoch(&Quadrants::new(8, 5)).unwrap().figures;
    let seen = seen.lock().unwrap().clone();
    (seen, figures.into_iter().collect())
}

#[test]
fn factors_come_in_the_order_of_the_batch() {
    let samples = Quadrants::new(60, 1);
    let order = samples.order(0);
    let one = epoch(1);
    assert_eq!(one.0.iter().map(Vec::len).collect::<Vec<_>>(), [23, 23, 14]);
    for (factors, &index) in one.0.iter().flatten().zip(&order) {
        let least = (0..factors.errors.len()).min_by_key(|&class| factors.errors[class]);
        assert_eq!(least, Some(samples.label(index as usize)), "example {index}");
    }
    assert!(one.0.iter().flatten().any(|factors| factors.counts.iter().any(|&count| count != 0)));
    for threads in [2, 3, 5] {
        assert!(epoch(threads) == one, "{threads} threads");
    }
    assert_eq!(one.1, [("updates".to_owned(), 3.0)]);
}
