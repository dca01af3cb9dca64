//! Single rules: half-way cases, guards, traces, residual spikes and refused inputs.

use kernels::Counts;
use proptest::prelude::*;
use snn::description::{NetworkDescription, NeuronKind, WeightFormat};
use snn::simulator::{EventOrder, InputEncoding, SimulationOptions, Simulator, State, Totals};
use snn::testing::Generator;
use snn::{Bias, Network, SnnError, Trace, Weights};

/// One input neuron, one neuron of a kind with threshold 2, weight 1: A / threshold = input / 2.
fn halver(neuron: &str, extra: &str) -> Network {
    let text = format!(
        "weights = \"i8\"\n\
         [[population]]\nname = \"input\"\nshape = [1]\nneuron = \"input\"\nminimum_count = -128\nmaximum_count = 127\n\
         [[population]]\nname = \"half\"\nshape = [1]\nneuron = \"{neuron}\"\nthreshold = 2\n{extra}\n\
         [[projection]]\nname = \"synapse\"\nfrom = \"input\"\nto = \"half\"\nkind = \"dense\"\n"
    );
    let mut network = Network::build(&NetworkDescription::from_toml(&text).unwrap()).unwrap();
    network.set_weights(0, Weights::I8(vec![1])).unwrap();
    network
}

fn count(network: &Network, input: i8, options: &SimulationOptions) -> i32 {
    let simulator = Simulator::new(network).unwrap();
    let mut state = State::new();
    simulator.run(&[Counts::Signed(&[input])], options, &mut state, None).unwrap().counts(1)[0]
}

fn all_options() -> Vec<SimulationOptions> {
    let orders = [EventOrder::FirstInFirstOut, EventOrder::Random { seed: 7 }, EventOrder::InputTime];
    let inputs = [InputEncoding::Graded, InputEncoding::UnitSpikes];
    let both = orders.into_iter().flat_map(|order| inputs.map(|input| (order, input)));
    both.map(|(order, input)| SimulationOptions { order, input, residual_spikes: true }).collect()
}

#[test]
fn halves_round_away_from_zero() {
    let (linear, relu) = (halver("linear", ""), halver("relu", ""));
    for options in all_options() {
        for (input, of_linear, of_relu) in [(1, 1, 1), (-1, -1, 0), (5, 3, 3), (-5, -3, 0), (4, 2, 2), (0, 0, 0)] {
            assert_eq!(count(&linear, input, &options), of_linear, "linear, {input} / 2");
            assert_eq!(count(&relu, input, &options), of_relu, "relu, {input} / 2");
        }
    }
}

#[test]
fn counts_stay_in_their_range() {
    let network = halver("linear", "minimum_count = -3\nmaximum_count = 5");
    for options in all_options() {
        for (input, expected, saturated) in
            [(127, 5, 1), (-128, -3, 1), (10, 5, 0), (11, 5, 1), (-6, -3, 0), (-7, -3, 1)]
        {
            let simulator = Simulator::new(&network).unwrap();
            let mut state = State::new();
            let simulation = simulator.run(&[Counts::Signed(&[input])], &options, &mut state, None).unwrap();
            assert_eq!(simulation.counts(1), [expected], "input {input}");
            assert_eq!(simulation.statistics().populations[1].saturated, saturated, "input {input}");
        }
    }
}

#[test]
fn the_largest_sums_do_not_fire_a_silenced_neuron() {
    // A reaches i32::MAX exactly; with a maximum count of 0 the neuron stays silent.
    let mut network = halver("linear", "bias = true\nminimum_count = 0\nmaximum_count = 0");
    network.set_bias(1, Bias::Integer(vec![i32::MAX - 128])).unwrap();
    network.check_bounds().unwrap();
    let simulator = Simulator::new(&network).unwrap();
    let mut state = State::new();
    let options = SimulationOptions::default();
    let simulation = simulator.run(&[Counts::Signed(&[127])], &options, &mut state, None).unwrap();
    assert_eq!(simulation.totals(1), Totals::Integer(&[i32::MAX - 1]));
    assert_eq!(simulation.counts(1), [0]);
    assert_eq!(simulation.statistics().populations[1].spikes, 0);
}

#[test]
fn a_bias_drains_at_once_and_is_traced() {
    let mut network = halver("relu", "bias = true");
    network.set_bias(1, Bias::Integer(vec![7])).unwrap();
    let simulator = Simulator::new(&network).unwrap();
    let (mut state, mut trace) = (State::new(), Trace::new(10));
    trace.watch(1, 0);
    let options = SimulationOptions { residual_spikes: false, ..Default::default() };
    let simulation = simulator.run(&[Counts::Signed(&[-4])], &options, &mut state, Some(&mut trace)).unwrap();
    // 7 / 2 drains 3 spikes, delivered as event 1, and leaves V = 1; the input, event 2, takes 4:
    // V = -3, one spike back, V = -1.
    assert_eq!(simulation.counts(1), [2]);
    let spikes: Vec<_> = trace.spikes().iter().map(|s| (s.event, s.population, s.spikes)).collect();
    assert_eq!(spikes, [(0, 1, 3), (2, 0, -4), (2, 1, -1)]);
    let potentials: Vec<_> = trace.potentials().iter().map(|p| (p.event, p.potential, p.count)).collect();
    assert_eq!(potentials, [(0, 7.0, 0), (0, 1.0, 3), (2, -1.0, 2)]);
    let csv = trace.spikes_csv(&network).unwrap();
    assert_eq!(
        csv,
        "event,time,population,neuron,channel,y,x,spikes,residual\n\
         0,0,half,0,0,0,0,3,false\n2,0,input,0,0,0,0,-4,false\n2,0,half,0,0,0,0,-1,false\n"
    );
}

#[test]
fn a_trace_is_bounded_and_written_atomically() {
    let network = halver("linear", "");
    let simulator = Simulator::new(&network).unwrap();
    let (mut state, mut trace) = (State::new(), Trace::new(4));
    let options = SimulationOptions { input: InputEncoding::UnitSpikes, ..Default::default() };
    simulator.run(&[Counts::Signed(&[9])], &options, &mut state, Some(&mut trace)).unwrap();
    assert_eq!(trace.spikes().len(), 4);
    assert_eq!(trace.omitted(), 9 + 5 - 4);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spikes.csv");
    trace.write_spikes(&network, &path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), trace.spikes_csv(&network).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    let missing = folder.path().join("none").join("spikes.csv");
    assert!(matches!(trace.write_spikes(&network, &missing), Err(SnnError::Io { .. })));
}

#[test]
fn wrong_inputs_are_refused() {
    let network = Network::build(
        &NetworkDescription::from_toml(
            "[[population]]\nname = \"eye\"\nshape = [3]\nneuron = \"input\"\nmaximum_count = 100\n\
             [[population]]\nname = \"out\"\nshape = [1]\nneuron = \"readout\"\n\
             [[projection]]\nname = \"d\"\nfrom = \"eye\"\nto = \"out\"\nkind = \"dense\"\n",
        )
        .unwrap(),
    )
    .unwrap();
    let simulator = Simulator::new(&network).unwrap();
    let mut state = State::new();
    let options = SimulationOptions::default();
    let mut message =
        |inputs: &[Counts<'_>]| simulator.run(inputs, &options, &mut state, None).unwrap_err().to_string();
    assert_eq!(message(&[]), "input of population 'eye': expected counts for 1 input populations, found counts for 0");
    assert_eq!(message(&[Counts::Unsigned(&[1, 2])]), "input of population 'eye': expected 3 counts, found 2 counts");
    assert_eq!(
        message(&[Counts::Unsigned(&[1, 101, 2])]),
        "input of population 'eye': expected counts of 0..=100, found 101 at neuron 1"
    );
    assert_eq!(
        message(&[Counts::Signed(&[1, 2, -1])]),
        "input of population 'eye': expected counts of 0..=100, found -1 at neuron 2"
    );
    let mut trace = Trace::new(1);
    trace.watch(1, 1);
    let error = simulator.run(&[Counts::Unsigned(&[1, 2, 3])], &options, &mut state, Some(&mut trace)).unwrap_err();
    assert!(error.to_string().contains("'out'"), "{error}");
    let error = snn::simulator::reference::reference_counts(&network, &[Counts::Unsigned(&[1, 101, 2])]).unwrap_err();
    assert!(matches!(error, SnnError::Input { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Without residual spikes: |A / threshold - S| < 1 unless S is at a limit of its range, S
    /// never leaves the range on the way, and the gate is the one that residual spikes keep.
    #[test]
    fn counts_before_rounding(seed: u64, order_seed: u64, graded: bool) {
        let mut generator = Generator::new(seed);
        let network = generator.network(WeightFormat::I8).unwrap();
        let inputs = generator.inputs(&network);
        let views: Vec<_> = inputs.iter().map(|input| input.view()).collect();
        let simulator = Simulator::new(&network).unwrap();
        let options = SimulationOptions {
            order: EventOrder::Random { seed: order_seed },
            input: if graded { InputEncoding::Graded } else { InputEncoding::UnitSpikes },
            residual_spikes: false,
        };
        let (mut state, mut trace) = (State::new(), Trace::new(1 << 20));
        let simulation = simulator.run(&views, &options, &mut state, Some(&mut trace)).unwrap();
        for (index, population) in network.populations().iter().enumerate() {
            if !population.fires() {
                continue;
            }
            for (neuron, &count) in simulation.counts(index).iter().enumerate() {
                let total = simulation.totals(index).get(neuron);
                let error = total / population.threshold(neuron % population.shape.channels) as f64 - f64::from(count);
                prop_assert!(error < 1.0 || count == population.maximum_count);
                prop_assert!(error > -1.0 || count == population.minimum_count);
            }
            let gates: Vec<bool> = simulation.gates(index).collect();
            let is_open = |neuron| population.neuron == NeuronKind::Linear || simulation.totals(index).get(neuron) > 0.0;
            prop_assert_eq!(gates, (0..population.shape.neurons()).map(is_open).collect::<Vec<_>>());
        }
        prop_assert_eq!(trace.omitted(), 0);
        let mut running: Vec<Vec<i32>> = network.populations().iter().map(|p| vec![0; p.shape.neurons()]).collect();
        for spike in trace.spikes() {
            let population = &network.populations()[spike.population as usize];
            let count = &mut running[spike.population as usize][spike.neuron as usize];
            *count += spike.spikes;
            prop_assert!(!spike.residual && spike.spikes != 0);
            prop_assert!((population.minimum_count..=population.maximum_count).contains(count));
        }
        for (index, counts) in running.iter().enumerate() {
            prop_assert_eq!(&counts[..], simulation.counts(index), "the trace holds every spike");
        }
    }

    /// Residual spikes: at most one per neuron, told apart in the trace, none below the last
    /// population that still fires.
    #[test]
    fn residual_spikes(seed: u64) {
        let mut generator = Generator::new(seed);
        let network = generator.network(WeightFormat::I8).unwrap();
        let inputs = generator.inputs(&network);
        let views: Vec<_> = inputs.iter().map(|input| input.view()).collect();
        let simulator = Simulator::new(&network).unwrap();
        let (mut state, mut trace) = (State::new(), Trace::new(1 << 20));
        let simulation =
            simulator.run(&views, &SimulationOptions::default(), &mut state, Some(&mut trace)).unwrap();
        let mut seen = std::collections::HashSet::new();
        let mut lowest = 0;
        for spike in trace.spikes().iter().filter(|spike| spike.residual) {
            prop_assert!(seen.insert((spike.population, spike.neuron)));
            prop_assert_eq!((spike.spikes.abs(), spike.time), (1, 1.0));
            prop_assert!(spike.population >= lowest, "populations follow one another upwards");
            lowest = spike.population;
        }
        let counted: u64 = simulation.statistics().populations.iter().map(|p| p.residual_spikes).sum();
        prop_assert_eq!(counted, seen.len() as u64);
        for (index, population) in network.populations().iter().enumerate().filter(|(_, p)| p.fires()) {
            let spikes = trace.spikes().iter().filter(|spike| spike.population as usize == index);
            let emitted: u64 = spikes.map(|spike| u64::from(spike.spikes.unsigned_abs())).sum();
            prop_assert_eq!(emitted, simulation.statistics().populations[index].spikes, "{}", &population.name);
        }
    }
}

/// The random networks contain what the equality tests are about.
#[test]
fn random_networks_cover_the_hard_cases() {
    let (mut ties, mut saturated, mut residual, mut redundant, mut biased, mut parallel) = (0u64, 0, 0, 0, 0, 0);
    for seed in 0..300 {
        let mut generator = Generator::new(seed);
        let network = generator.network(WeightFormat::I8).unwrap();
        let inputs = generator.inputs(&network);
        let views: Vec<_> = inputs.iter().map(|input| input.view()).collect();
        let simulator = Simulator::new(&network).unwrap();
        let (mut state, mut trace) = (State::new(), Trace::new(1 << 20));
        let simulation = simulator.run(&views, &SimulationOptions::default(), &mut state, Some(&mut trace)).unwrap();
        biased += trace.spikes().iter().filter(|spike| spike.event == 0).count();
        for (index, population) in network.populations().iter().enumerate().filter(|(_, p)| p.fires()) {
            let statistics = simulation.statistics().populations[index];
            saturated += statistics.saturated;
            residual += statistics.residual_spikes;
            redundant += statistics.spikes - statistics.minimum_spikes;
            parallel += usize::from(population.incoming.len() > 1);
            for neuron in 0..population.shape.neurons() {
                let threshold = population.threshold(neuron % population.shape.channels) as f64;
                let total = simulation.totals(index).get(neuron);
                ties += u64::from(total != 0.0 && (total / threshold).fract().abs() == 0.5);
            }
        }
    }
    let found =
        format!("{ties} ties, {saturated} saturated, {residual} residual, {redundant} redundant, {biased} biased");
    assert!(ties > 1000 && saturated > 1000 && residual > 1000 && redundant > 1000, "{found}");
    assert!(biased > 100 && parallel > 20, "{found}, {parallel} with several projections");
}

#[test]
fn input_spikes_arrive_evenly_and_in_order() {
    let description = NetworkDescription::from_toml(
        "[[population]]\nname = \"input\"\nshape = [3]\nneuron = \"input\"\n\
         [[population]]\nname = \"out\"\nshape = [1]\nneuron = \"relu\"\nthreshold = 2\n\
         [[projection]]\nname = \"d\"\nfrom = \"input\"\nto = \"out\"\nkind = \"dense\"\n",
    );
    let mut network = Network::build(&description.unwrap()).unwrap();
    network.set_weights(0, Weights::I8(vec![1, 1, 2])).unwrap();
    let simulator = Simulator::new(&network).unwrap();
    let (mut state, mut trace) = (State::new(), Trace::new(100));
    let mut run = |input: InputEncoding| {
        let options = SimulationOptions { order: EventOrder::InputTime, input, residual_spikes: true };
        simulator.run(&[Counts::Unsigned(&[2, 0, 1])], &options, &mut state, Some(&mut trace)).unwrap();
        trace.spikes().iter().map(|s| (s.time, s.population, s.neuron, s.spikes)).collect::<Vec<_>>()
    };
    let unit = [(0.25, 0, 0, 1), (0.5, 0, 2, 1), (0.5, 1, 0, 1), (0.75, 0, 0, 1), (0.75, 1, 0, 1)];
    assert_eq!(run(InputEncoding::UnitSpikes), unit);
    let graded = [(0.0, 0, 0, 2), (0.0, 1, 0, 1), (0.5, 0, 2, 1), (0.5, 1, 0, 1)];
    assert_eq!(run(InputEncoding::Graded), graded);
}
