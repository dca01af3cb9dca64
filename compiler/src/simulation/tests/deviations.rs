//! Noise and threads.

use kernels::Isa;
use snn::WeightFormat;
use spikegrad::{Resources, Samples};

use super::inputs;
use super::networks::Generator;
use crate::hardware::{NonIdealities, Spread, StuckCells};
use crate::mapping::{Calibration, compile};
use crate::simulation::{
    Interval, SimulationOptions, Simulator, evaluate, evaluate_with, monte_carlo, student_quantile,
};
use crate::testing::ideal;

/// Random inputs with labels.
struct Set {
    input: Vec<u8>,
    length: usize,
    classes: usize,
}

impl Samples for Set {
    fn len(&self) -> usize {
        self.input.len() / self.length
    }
    fn input_length(&self) -> usize {
        self.length
    }
    fn classes(&self) -> usize {
        self.classes
    }
    fn fill(&self, _: Option<u32>, index: usize, out: &mut [u8]) {
        out.copy_from_slice(&self.input[index * self.length..][..self.length]);
    }
    fn label(&self, index: usize) -> usize {
        index * 7 % self.classes
    }
    fn order(&self, _: u32) -> Vec<u32> {
        (0..self.len() as u32).collect()
    }
}

fn noisy() -> NonIdealities {
    NonIdealities {
        programming: Some(Spread::Absolute { sigma: 0.1 }),
        read: Some(Spread::Absolute { sigma: 0.2 }),
        stuck: Some(StuckCells { on_share: 0.01, off_share: 0.02 }),
        sense_offset: Some(0.3),
        ..NonIdealities::default()
    }
}

#[test]
fn threads_and_groups_change_nothing_and_seeds_do() {
    let mut changed = 0;
    for seed in 0..6 {
        let mut generator = Generator::new(seed);
        let network = generator.network(WeightFormat::I8);
        let input = inputs(&mut generator, &network, 37);
        let classes = generator.errors(&network, 1).len();
        let set = Set { length: input.len() / 37, input, classes };
        let mut hardware = ideal(19, 30);
        let resources = |threads| Resources { threads, isa: Isa::detect() };
        let program = compile(&network, &hardware, &Calibration::none()).unwrap();
        let one = evaluate(&program, &set, resources(1)).unwrap();
        assert_eq!(one, evaluate(&program, &set, resources(3)).unwrap());
        assert_eq!(one.statistics.examples, 37);
        hardware.non_idealities = noisy();
        let program = compile(&network, &hardware, &Calibration::none()).unwrap();
        let chips = monte_carlo(&program, &set, 3, 5, resources(1), &|_| {}).unwrap();
        assert_eq!(chips, monte_carlo(&program, &set, 3, 5, resources(4), &|_| {}).unwrap());
        assert_eq!(chips.statistics.examples, 3 * 37);
        let other = monte_carlo(&program, &set, 3, 6, resources(2), &|_| {}).unwrap();
        changed += usize::from(other.statistics != chips.statistics);
        // Without a chip the deviations of the specification do not apply.
        assert_eq!(one, evaluate(&program, &set, resources(2)).unwrap());
    }
    // Some random networks are silent.
    assert!(changed >= 3, "{changed}");
}

#[test]
fn samples_that_do_not_fit_are_refused() {
    let mut generator = Generator::new(1);
    let network = generator.network(WeightFormat::I8);
    let input = inputs(&mut generator, &network, 2);
    let classes = generator.errors(&network, 1).len();
    let length = input.len() / 2;
    let program = compile(&network, &ideal(19, 30), &Calibration::none()).unwrap();
    let simulator = Simulator::new(&program, SimulationOptions::new(Isa::detect())).unwrap();
    let sets = [
        Set { input: vec![0; 2 * length + 2], length: length + 1, classes },
        Set { input: input.clone(), length, classes: classes + 1 },
        Set { input: Vec::new(), length, classes },
    ];
    for set in sets {
        let error = evaluate_with(&simulator, &set, 1, &|_| {}).unwrap_err().to_string();
        assert!(error.contains("samples"), "{error}");
    }
    let mut state = simulator.state(1);
    assert!(simulator.run(&mut state, &input, 2, 0).is_err());
    assert!(simulator.run(&mut state, &input[..length - 1], 1, 0).is_err());
}

#[test]
fn intervals_follow_student() {
    // Published table of the two-sided 95 % quantiles.
    let table =
        [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (29, 2.045), (99, 1.984), (200_000, 1.960)];
    for (freedom, quantile) in table {
        assert!((student_quantile(freedom) - quantile).abs() < 6e-4, "{freedom}");
    }
    assert_eq!(Interval::of(&[]), None);
    assert_eq!(Interval::of(&[0.5]).unwrap().confidence_95, None);
    let interval = Interval::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    let [low, high] = interval.confidence_95.unwrap();
    assert!((interval.standard_deviation.unwrap() - 2.5f64.sqrt()).abs() < 1e-12);
    assert!((low - (3.0 - 2.776_445 * 0.5f64.sqrt())).abs() < 1e-5 && (high + low - 6.0).abs() < 1e-12);
}
