//! Cells, grids, placements and routes of compiled networks.

use std::collections::BTreeMap;

use proptest::prelude::*;
use snn::testing::Generator;
use snn::{Bias, WeightFormat};

use crate::columns::{Slicing, active};
use crate::hardware::{Quantiser, Range};
use crate::mapping::calibration::full_range_step;
use crate::mapping::{
    Calibration, FixedPoint, ScaleValues, common_factor, common_grid, compile, compile_deployment, count_ranges,
    deploy, plan,
};
use crate::program::{Crossbar, DigitalKind, ProjectionKind, Route};
use crate::testing::{any_hardware, calibration, ideal};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn cells_hold_the_deployed_weights(seed in any::<u64>(), hardware in any_hardware()) {
        let network = Generator::new(seed).network(WeightFormat::I8).unwrap();
        let deployment = deploy(&network, &hardware).unwrap();
        let calibration = calibration(&plan(&network, &hardware), &hardware, seed);
        let program = compile(&network, &hardware, &calibration).unwrap();
        prop_assert_eq!(program.crossbars.len(), network.projections().len());
        for index in 0..network.projections().len() {
            let Some((layout, crossbar)) = program.crossbar(index) else {
                prop_assert!(deployment.steps[index].is_none());
                continue;
            };
            let expected: Vec<i32> = deployment.multipliers(index).unwrap().into_iter().map(i32::from).collect();
            prop_assert_eq!(crossbar.multipliers(layout, &hardware), &expected[..]);
            // Each level on its own, and zeros everywhere else.
            let slicing = Slicing::of(&hardware);
            let slices = layout.slices.len();
            for array in 0..layout.arrays() {
                let (row_tile, column_tile) = (array / layout.column_tiles, array % layout.column_tiles);
                let positive = Crossbar::levels(&crossbar.cells, layout, &hardware, row_tile, column_tile);
                let negative = Crossbar::levels(&crossbar.negative_cells, layout, &hardware, row_tile, column_tile);
                for row in 0..hardware.array.rows {
                    for column in 0..layout.columns() {
                        let (synapse, output) =
                            (row_tile * hardware.array.rows + row, column_tile * layout.outputs_per_array + column / slices);
                        let is_reference = layout.reference_weight != 0 && column + 1 == layout.columns();
                        let levels = if synapse >= layout.fan_in {
                            (0, 0)
                        } else if is_reference {
                            (1, 0)
                        } else if output >= layout.outputs {
                            (0, 0)
                        } else {
                            slicing.levels(expected[output * layout.fan_in + synapse], column % slices)
                        };
                        let place = row * layout.columns() + column;
                        prop_assert_eq!((positive[place], negative[place]), levels);
                    }
                }
            }
        }
    }

    #[test]
    fn grids_scale_everything_alike(seed in any::<u64>(), hardware in any_hardware()) {
        let network = Generator::new(seed).network(WeightFormat::I8).unwrap();
        let deployment = deploy(&network, &hardware).unwrap();
        let calibration = calibration(&plan(&network, &hardware), &hardware, seed);
        let program = compile(&network, &hardware, &calibration).unwrap();
        let ranges = count_ranges(&network);
        for (index, (population, compiled)) in network.populations().iter().zip(&program.layout.populations).enumerate() {
            let factor = compiled.thresholds[0] / population.thresholds[0];
            prop_assert!(factor >= 1 && factor.count_ones() == 1);
            for (&before, &after) in population.thresholds.iter().zip(&compiled.thresholds) {
                prop_assert_eq!(before * factor, after);
            }
            if let Some(Bias::Integer(bias)) = &population.bias {
                prop_assert_eq!(bias.iter().map(|&bias| i64::from(bias) * factor).collect::<Vec<_>>(), &compiled.bias[..]);
            }
            prop_assert_eq!((compiled.minimum_count, compiled.maximum_count), (ranges[index].low, ranges[index].high));
            for &projection in &population.incoming {
                let (description, compiled) = (&network.projections()[projection], &program.layout.projections[projection]);
                prop_assert_eq!((&description.name, description.from, description.to), (&compiled.name, compiled.from, compiled.to));
                match (&compiled.kind, &description.connection) {
                    (ProjectionKind::Digital(DigitalKind::Identity { weight }), snn::Connection::Identity { weight: before, .. })
                    | (ProjectionKind::Digital(DigitalKind::SumPooling { weight, .. }), snn::Connection::SumPooling { weight: before, .. }) => {
                        prop_assert_eq!(*weight, i64::from(*before) * factor);
                    }
                    (ProjectionKind::Crossbar(layout), _) => {
                        let step = f64::from(deployment.steps[projection].unwrap());
                        let given = calibration.projections[projection].scale_factors.clone();
                        let tensor = &program.crossbars[projection].as_ref().unwrap().scale_factors;
                        let Some(given) = given else {
                            prop_assert_eq!((layout.unit, &tensor.values[..]), (step as i64 * factor, &[1][..]));
                            continue;
                        };
                        // unit * integer stands for step * value * factor: half an integer of rounding,
                        // and the rounding of the unit.
                        let largest = given.values.iter().copied().fold(0.0, f64::max) * step * factor as f64;
                        let half = 0.51 * layout.unit as f64;
                        for (value, &integer) in given.values.iter().zip(&tensor.values) {
                            prop_assert!((0..1 << hardware.scale_factors.bits).contains(&integer));
                            let (exact, found) = (value * step * factor as f64, layout.unit as f64 * f64::from(integer));
                            let tolerance = if factor < 1 << 16 { largest / 512.0 } else { largest };
                            prop_assert!((exact - found).abs() <= half + tolerance, "{exact} {found}");
                        }
                    }
                    other => prop_assert!(false, "{other:?}"),
                }
            }
        }
    }

    #[test]
    fn every_array_gets_counts_and_delivers_sums(seed in any::<u64>(), hardware in any_hardware()) {
        let network = Generator::new(seed).network(WeightFormat::I8).unwrap();
        let calibration = calibration(&plan(&network, &hardware), &hardware, seed);
        let layout = compile(&network, &hardware, &calibration).unwrap().layout;
        let (mut counts, mut sums, mut digital) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for route in &layout.routes {
            match *route {
                Route::Counts { population, array, first_row } => {
                    prop_assert!(counts.insert(array, (population, first_row)).is_none());
                }
                Route::Sums { array, population, first_output } => {
                    prop_assert!(sums.insert(array, (population, first_output)).is_none());
                }
                Route::Digital { projection } => digital.push(projection),
            }
        }
        for (index, array) in layout.arrays.iter().enumerate() {
            let projection = &layout.projections[array.projection];
            let ProjectionKind::Crossbar(part) = &projection.kind else { panic!("an array of a digital projection") };
            let place = (array.replica * part.row_tiles + array.row_tile) * part.column_tiles + array.column_tile;
            prop_assert_eq!(index, part.first_array + place);
            prop_assert_eq!(array.tile, index / 3);
            prop_assert_eq!(counts[&index], (projection.from, array.row_tile * hardware.array.rows));
            prop_assert_eq!(sums[&index], (projection.to, array.column_tile * part.outputs_per_array));
            prop_assert!((1..=hardware.array.rows).contains(&array.rows));
            prop_assert!((1..=hardware.array.columns).contains(&array.columns));
        }
        prop_assert_eq!(counts.len(), layout.arrays.len());
        let fixed = (0..layout.projections.len()).filter(|&index| matches!(layout.projections[index].kind, ProjectionKind::Digital(_)));
        prop_assert_eq!(fixed.collect::<Vec<_>>(), digital);
        for projection in &layout.projections {
            let ProjectionKind::Crossbar(part) = &projection.kind else { continue };
            let source = &layout.populations[projection.from];
            for count in source.minimum_count..=source.maximum_count {
                let sum: i64 = part.streams.iter().filter(|&&s| active(hardware.input.coding, count, s)).map(|s| s.weight).sum();
                prop_assert_eq!(sum, i64::from(count));
            }
        }
    }

    #[test]
    fn a_full_range_clips_nothing_and_no_smaller_step_does(rows in 1usize..300, cell_bits in 1u32..=4, bits in 1u32..=10, is_pair in any::<bool>()) {
        let mut hardware = ideal(rows, 64);
        hardware.array.cell_bits = cell_bits;
        if !is_pair {
            hardware.weights.signed = crate::hardware::SignedWeights::ReferenceColumn;
        }
        let largest = rows as i64 * ((1 << cell_bits) - 1);
        let high = if is_pair { (1i64 << (bits - 1)) - 1 } else { (1i64 << bits) - 1 };
        let clips = |step: i64| (2 * largest + step) / (2 * step) > high;
        let step = i64::from(full_range_step(&hardware, bits));
        prop_assert!(!clips(step));
        prop_assert!(step == 1 || clips(step - 1));
    }

    #[test]
    fn the_grid_is_the_coarsest_that_is_close(units in proptest::collection::vec(1e-4f64..1e4, 0..4)) {
        let (shift, found) = common_grid(&units).unwrap();
        let error = |shift: u32| units.iter().map(|unit| {
            let fine = unit * f64::from(1u32 << shift);
            (fine.round() - fine).abs() / fine
        }).fold(0.0, f64::max);
        prop_assert!(shift == 24 || error(shift) < 1.0 / 512.0);
        prop_assert!((0..shift).all(|coarser| error(coarser) >= 1.0 / 512.0));
        for (unit, found) in units.iter().zip(found) {
            prop_assert_eq!(found, (unit * f64::from(1u32 << shift)).round() as i64);
        }
    }
}

#[test]
fn scale_factors_too_small_or_zero() {
    assert_eq!(common_grid(&[1.0, 1e-9]), None);
    let round = |values: &[f64], kept: Option<f64>| {
        let scales = ScaleValues { shape: [1, 1, 1, values.len()], values: values.to_vec() };
        FixedPoint::rounded(&scales, 4, common_factor(&scales, 4, |_, _| 1.0, kept))
    };
    let zeros = round(&[0.0, 0.0], None);
    assert_eq!((zeros.integers.values, zeros.common), (vec![0, 0], 1.0));
    let fixed = round(&[3.0, 1.6, 0.09], None);
    assert_eq!((fixed.integers.values, fixed.common), (vec![15, 8, 0], 13.0 / 64.0));
    // One outlier is cut for many others.
    let mut values = vec![1.5; 60];
    values.push(12.0);
    let cut = round(&values, None);
    assert!(cut.common < 12.0 / 15.0 && *cut.integers.values.last().unwrap() == 15, "{cut:?}");
    // A common factor that is kept stays while it is nearly as good as the best, and goes where it is far from it.
    let values: Vec<f64> = (0..400).map(|index| 1.0 + 2.0 * f64::from(index) / 399.0).collect();
    let best = round(&values, None).common;
    assert_eq!(round(&values, Some(best * 1.125)).common, best * 1.125);
    assert_eq!(round(&values, Some(best * 4.0)).common, best);
}

#[test]
fn a_calibration_that_does_not_belong_is_refused() {
    let network = Generator::new(11).network(WeightFormat::I8).unwrap();
    let message = |hardware: &crate::HardwareSpecification, calibration: &Calibration| {
        compile(&network, hardware, calibration).unwrap_err().to_string()
    };
    let mut hardware = ideal(16, 64);
    hardware.quantiser = Quantiser::Ternary {};
    assert!(message(&hardware, &Calibration::none()).contains("scale factors"));
    let good = calibration(&plan(&network, &hardware), &hardware, 1);
    assert!(compile(&network, &hardware, &good).is_ok());
    let first = (0..good.projections.len()).find(|&index| good.projections[index].scale_factors.is_some()).unwrap();
    let changed = |change: &dyn Fn(&mut crate::mapping::ProjectionCalibration)| {
        let mut calibration = good.clone();
        change(&mut calibration.projections[first]);
        calibration
    };
    assert!(message(&hardware, &changed(&|c| c.quantiser_levels = None)).contains("thresholds"));
    let deployment = deploy(&network, &hardware).unwrap();
    let other_step = compile_deployment(&deployment, &hardware, &changed(&|c| c.step = Some(126)));
    assert!(other_step.unwrap_err().to_string().contains("step"));
    assert!(message(&hardware, &changed(&|c| c.scale_factors.as_mut().unwrap().shape[3] += 1)).contains("sizes"));
    assert!(message(&hardware, &changed(&|c| c.scale_factors.as_mut().unwrap().values[0] = f64::NAN)).contains("NaN"));
    assert!(
        message(&hardware, &changed(&|c| c.quantiser_levels.as_mut().unwrap().values[0] = 0)).contains("at least 1")
    );
    assert!(message(&hardware, &changed(&|c| c.rest = Some(vec![0.0; 1000]))).contains("1000 resting inputs"));
    for quantiser in [Quantiser::Ideal {}, Quantiser::Uniform { bits: 5, range: Range::Full }] {
        hardware.quantiser = quantiser;
        assert!(message(&hardware, &good).contains("takes no scale factors"));
    }
    hardware.quantiser = Quantiser::Sign {};
    assert!(message(&hardware, &good).contains("takes no quantiser levels"));
    hardware.quantiser = Quantiser::Uniform { bits: 5, range: Range::Calibrated };
    assert!(message(&hardware, &Calibration::none()).contains("steps"));
}

#[test]
fn sums_beyond_64_bits_are_refused() {
    let network = Generator::new(11).network(WeightFormat::I8).unwrap();
    let mut hardware = ideal(16, 64);
    hardware.quantiser = Quantiser::Sign {};
    let mut calibration = calibration(&plan(&network, &hardware), &hardware, 1);
    for projection in &mut calibration.projections {
        if let Some(scales) = &mut projection.scale_factors {
            scales.values.iter_mut().for_each(|value| *value *= 1e17);
        }
    }
    let message = compile(&network, &hardware, &calibration).unwrap_err().to_string();
    assert!(message.contains("2^61") || message.contains("common grid"), "{message}");
}
