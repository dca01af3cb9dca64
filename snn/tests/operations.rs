//! Operation counts against worked examples and brute force.

use proptest::prelude::*;
use snn::description::{NetworkDescription, WeightFormat};
use snn::operations::{self, OperationCounter};
use snn::testing::Generator;
use snn::{Connection, Network, Weights};

fn three_by_three() -> Network {
    let description = NetworkDescription::from_toml(
        "[[population]]\nname = \"input\"\nshape = [3]\nneuron = \"input\"\nminimum_count = -128\n\
         [[population]]\nname = \"out\"\nshape = [3]\nneuron = \"relu\"\nbias = true\n\
         [[projection]]\nname = \"d\"\nfrom = \"input\"\nto = \"out\"\nkind = \"dense\"\n",
    );
    let mut network = Network::build(&description.unwrap()).unwrap();
    // Six weights other than zero; the columns of inputs 0 and 2 hold four of them.
    network.set_weights(0, Weights::I8(vec![5, 1, 0, -2, 0, 7, 0, 4, 9])).unwrap();
    network
}

#[test]
fn the_worked_example_of_neurobench() {
    let network = three_by_three();
    let mut counter = OperationCounter::new(&network);
    counter.record(0, &[1i8, 0, -1]);
    let operations = counter.synaptic_operations();
    assert_eq!((operations.dense, operations.effective_acs, operations.effective_macs), (9.0, 4.0, 0.0));
    // One value beyond the ternary range turns the whole batch into multiplications.
    counter.record(0, &[2i8, 0, 0]);
    let operations = counter.synaptic_operations();
    assert_eq!((operations.dense, operations.effective_acs, operations.effective_macs), (9.0, 0.0, 3.0));
}

#[test]
fn static_measures() {
    let network = three_by_three();
    let mut counter = OperationCounter::new(&network);
    counter.record(1, &[0i32, 3, 0, 1, 0, 0]);
    let report = counter.report();
    assert_eq!(report.parameter_count, 12);
    assert_eq!(report.connection_sparsity, 0.3333);
    assert_eq!(report.footprint, 9 + 3 * 4 + 4);
    assert!((report.activation_sparsity - 4.0 / 6.0).abs() < 1e-12);
    let json = serde_json::to_value(report).unwrap();
    assert_eq!(json["SynapticOperations"]["Dense"], 9.0);
    assert_eq!(json["ConnectionSparsity"], 0.3333);
}

/// Every synapse of a connection as (source, target, index of its trained weight).
fn synapses(connection: &Connection) -> Vec<(usize, usize, Option<usize>)> {
    let mut all = Vec::new();
    match connection {
        Connection::Dense { inputs, outputs } => {
            all.extend((0..*inputs).flat_map(|i| (0..*outputs).map(move |o| (i, o, Some(o * inputs + i)))));
        }
        Connection::Identity { neurons, .. } => all.extend((0..*neurons).map(|neuron| (neuron, neuron, None))),
        Connection::SumPooling { shape, .. } => {
            for target in 0..shape.output_length() {
                let (cell, channel) = (target / shape.channels, target % shape.channels);
                for y in 0..shape.input_height {
                    for x in 0..shape.input_width {
                        let (top, left) = (
                            cell / shape.output_width() * shape.stride[0],
                            cell % shape.output_width() * shape.stride[1],
                        );
                        if (top..top + shape.window[0]).contains(&y) && (left..left + shape.window[1]).contains(&x) {
                            all.push(((y * shape.input_width + x) * shape.channels + channel, target, None));
                        }
                    }
                }
            }
        }
        Connection::Convolution(shape) => {
            for target in 0..shape.output_length() {
                let (cell, channel) = (target / shape.output_channels, target % shape.output_channels);
                let (row, column) = (cell / shape.output_width(), cell % shape.output_width());
                for y in 0..shape.input_height {
                    for x in 0..shape.input_width {
                        let kernel_y = (y + shape.padding[0]).checked_sub(row * shape.stride[0]);
                        let kernel_x = (x + shape.padding[1]).checked_sub(column * shape.stride[1]);
                        let (Some(kernel_y), Some(kernel_x)) = (kernel_y, kernel_x) else { continue };
                        if kernel_y >= shape.kernel[0] || kernel_x >= shape.kernel[1] {
                            continue;
                        }
                        for source in 0..shape.input_channels {
                            let tap = (kernel_y * shape.kernel[1] + kernel_x) * shape.input_channels + source;
                            let from = (y * shape.input_width + x) * shape.input_channels + source;
                            all.push((from, target, Some(channel * shape.patch() + tap)));
                        }
                    }
                }
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn fans_equal_the_list_of_synapses(seed: u64) {
        let network = Generator::new(seed).network(WeightFormat::I8).unwrap();
        for projection in network.projections() {
            let sources = network.populations()[projection.from].shape.neurons();
            let targets = network.populations()[projection.to].shape.neurons();
            let (mut out, mut into, mut nonzero) = (vec![0; sources], vec![0; targets], vec![0; sources]);
            for (source, target, weight) in synapses(&projection.connection) {
                out[source] += 1;
                into[target] += 1;
                let is_nonzero = match (weight, &projection.weights) {
                    (Some(index), Some(weights)) => weights.get(index) != 0.0,
                    _ => true,
                };
                nonzero[source] += u32::from(is_nonzero);
            }
            prop_assert_eq!(operations::fan_out(&projection.connection), out);
            prop_assert_eq!(operations::fan_in(&projection.connection), into);
            prop_assert_eq!(operations::nonzero_fan_out(projection), nonzero);
        }
    }
}
