use std::path::{Path, PathBuf};

use spikegrad::{EpochReport, OperationReport, PopulationReport, Score};

use super::*;

fn file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("plot.png")
}

/// Decodes the file: its size in pixels, and how many different colours it has.
fn decode(path: &Path) -> ((u32, u32), usize) {
    let image = image::open(path).expect("a PNG file").to_rgb8();
    let mut colors: Vec<[u8; 3]> = image.pixels().map(|pixel| pixel.0).collect();
    colors.sort_unstable();
    colors.dedup();
    (image.dimensions(), colors.len())
}

fn count_color(path: &Path, wanted: plotters::style::RGBColor) -> usize {
    let image = image::open(path).expect("a PNG file").to_rgb8();
    image.pixels().filter(|pixel| pixel.0 == [wanted.0, wanted.1, wanted.2]).count()
}

fn report(epoch: u32, value: f64, populations: usize) -> EpochReport {
    let score = Score { loss: value, accuracy: 1.0 / (1.0 + value) };
    let population = |index: usize| PopulationReport {
        name: format!("population{index}"),
        neurons: 10,
        spikes: value * 100.0 * index as f64,
        active_share: 0.5,
        clipped_spike_share: 0.0,
        error_spikes: value * 10f64.powi(index as i32 % 9),
        clipped_error_share: 0.0,
        clipped_weight_share: 0.0,
    };
    let operations = OperationReport {
        dense: 1.0,
        dense_backward: 1.0,
        forward: value,
        backward: value,
        update: value,
        forward_ratio: value,
        backward_ratio: value,
        update_ratio: value,
    };
    EpochReport {
        epoch,
        learning_rate: 0.1,
        train: score,
        validation: score,
        is_best: epoch == 1,
        populations: (0..populations).map(population).collect(),
        operations,
        diagnoses: Vec::new(),
        samples_per_second: None,
        figures: std::collections::BTreeMap::new(),
        histograms: std::collections::BTreeMap::new(),
    }
}

fn class_learning_curves(epochs: &[EpochReport], path: &Path) -> Result<(), PlotError> {
    learning_curves(epochs, spikegrad::Objective::Class, path)
}

type EpochPlot = fn(&[EpochReport], &Path) -> Result<(), PlotError>;

const EPOCH_PLOTS: [(EpochPlot, (u32, u32)); 3] =
    [(class_learning_curves, (1400, 640)), (spikes_per_population, (1400, 640)), (error_spikes, (1200, 1000))];

#[test]
fn epoch_plots_draw_ordinary_and_extreme_runs() {
    let decaying = |epochs: u32, populations| -> Vec<EpochReport> {
        (1..=epochs).map(|epoch| report(epoch, 2.0 / f64::from(epoch), populations)).collect()
    };
    let mut broken = decaying(6, 3);
    broken[2] = report(3, f64::NAN, 3);
    broken[4] = report(5, f64::INFINITY, 3);
    broken[5].populations.truncate(1);
    let zeros: Vec<EpochReport> = (1..=4).map(|epoch| report(epoch, 0.0, 2)).collect();
    let huge = vec![report(1, 1e-300, 2), report(u32::MAX, f64::MAX, 2), report(7, 1e99, 2)];
    let negative = vec![report(1, -1.0, 2), report(2, -1e6, 2)];
    let cases = [decaying(20, 4), decaying(1, 4), decaying(5000, 7), decaying(3, 60), broken, zeros, huge, negative];
    let folder = tempfile::tempdir().expect("a folder");
    for (plot, size) in EPOCH_PLOTS {
        for (case, epochs) in cases.iter().enumerate() {
            plot(epochs, &file(&folder)).unwrap_or_else(|error| panic!("case {case}: {error}"));
            let (found, colors) = decode(&file(&folder));
            assert_eq!(found, size);
            assert!(colors > 10, "case {case}: {colors} colours");
        }
    }
}

#[test]
fn curves_appear_only_where_values_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let epochs: Vec<EpochReport> = (1..=5).map(|epoch| report(epoch, f64::from(epoch), 3)).collect();
    let last = style::series_color(2, 3);
    spikes_per_population(&epochs, &file(&folder)).expect("a plot");
    assert!(count_color(&file(&folder), last) > 100);
    spikes_per_population(
        &epochs
            .iter()
            .map(|report| EpochReport { populations: report.populations[..1].to_vec(), ..report.clone() })
            .collect::<Vec<_>>(),
        &file(&folder),
    )
    .expect("a plot");
    assert!(count_color(&file(&folder), last) == 0);
}

#[test]
fn epoch_plots_refuse_nothing_to_draw() {
    let folder = tempfile::tempdir().expect("a folder");
    let undefined = vec![report(1, f64::NAN, 2)];
    for (plot, _) in EPOCH_PLOTS {
        let error = plot(&[], &file(&folder)).expect_err("no epoch");
        assert!(matches!(error, PlotError::Empty { .. }), "{error}");
        assert!(error.to_string().contains("plot.png"), "{error}");
    }
    assert!(matches!(
        learning_curves(&undefined, spikegrad::Objective::Class, &file(&folder)),
        Err(PlotError::Empty { .. })
    ));
    assert!(matches!(error_spikes(&undefined, &file(&folder)), Err(PlotError::Empty { .. })));
    assert!(matches!(spikes_per_population(&[report(1, 1.0, 0)], &file(&folder)), Err(PlotError::Empty { .. })));
    assert!(!file(&folder).exists());
}

#[test]
fn an_unwritable_folder_is_an_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing").join("plot.png");
    let error =
        learning_curves(&[report(1, 1.0, 1)], spikegrad::Objective::Class, &missing).expect_err("no such folder");
    assert!(matches!(error, PlotError::Write(_)), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

fn classes(count: usize) -> Vec<String> {
    (0..count).map(|class| format!("class {class}")).collect()
}

#[test]
fn confusion_matrices_of_any_size() {
    let folder = tempfile::tempdir().expect("a folder");
    for count in [1, 2, 10, 100, LARGEST_CLASS_COUNT] {
        let mut counts: Vec<Vec<u64>> =
            (0..count).map(|row| (0..count).map(|column| (row * column) as u64).collect()).collect();
        counts[0][0] = u64::MAX;
        confusion_matrix(&counts, &classes(count), &file(&folder)).expect("a plot");
        let (size, colors) = decode(&file(&folder));
        assert_eq!(size, (1080, 1000));
        assert!(colors > 10);
    }
    let long = vec!["a very long name of a class that has to be cut".to_owned(), "ß".repeat(300)];
    confusion_matrix(&[vec![3, 0], vec![0, 0]], &long, &file(&folder)).expect("a plot");
}

#[test]
fn confusion_matrices_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |counts: &[Vec<u64>], count: usize| {
        confusion_matrix(counts, &classes(count), &file(&folder)).expect_err("bad input").to_string()
    };
    assert!(refused(&[], 0).contains("at least one class"));
    assert!(refused(&[vec![0, 0], vec![0, 0]], 2).contains("only zeros"));
    assert!(refused(&[vec![1, 0]], 2).contains("one row for each of 2 classes, found 1"));
    assert!(refused(&[vec![1, 0], vec![1]], 2).contains("row 1"));
    assert!(refused(&[], LARGEST_CLASS_COUNT + 1).contains("at most 400 classes, found 401"));
}

fn rows() -> Vec<RasterRow> {
    [("input", 784), ("hidden", 0), ("output", 10)]
        .map(|(population, neurons)| RasterRow { population: population.to_owned(), neurons })
        .to_vec()
}

#[test]
fn rasters_show_the_sign_of_every_spike() {
    let folder = tempfile::tempdir().expect("a folder");
    let drawn = |spikes: &[RasterSpike]| {
        raster(&rows(), spikes, "spikes", &file(&folder)).expect("a plot");
        assert_eq!(decode(&file(&folder)).0, (1300, 730));
        [style::BLUE, style::VERMILION].map(|color| count_color(&file(&folder), color))
    };
    let spikes = |value| -> Vec<RasterSpike> {
        (0..40_000).map(|index| RasterSpike { row: 0, neuron: index % 784, time: index as f64, value }).collect()
    };
    let [blue, vermilion] = drawn(&[]);
    let [positive, same] = drawn(&spikes(1));
    assert!(positive > blue + 1000 && same == vermilion);
    let [same, negative] = drawn(&spikes(i32::MIN));
    assert!(negative > vermilion + 1000 && same == blue);
    assert_eq!(drawn(&spikes(0)), [blue, vermilion]);
}

#[test]
fn rasters_of_extreme_populations() {
    let folder = tempfile::tempdir().expect("a folder");
    let row = |index| RasterRow { population: format!("population {index}"), neurons: usize::MAX };
    let many: Vec<RasterRow> = (0..200).map(row).collect();
    let first = RasterSpike { row: 199, neuron: usize::MAX - 1, time: -1e99, value: 1 };
    let spikes =
        [first, RasterSpike { time: f64::NAN, ..first }, RasterSpike { row: 2, neuron: 9, time: 3.0, value: -7 }];
    raster(&many, &spikes, &"long title ".repeat(40), &file(&folder)).expect("a plot");
    assert_eq!(decode(&file(&folder)).0, (1300, 1600));
}

#[test]
fn spikes_outside_their_population_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let spike = RasterSpike { row: 2, neuron: 10, time: 0.0, value: 1 };
    let error = raster(&rows(), &[spike], "", &file(&folder)).expect_err("neuron 10 of 10");
    assert!(error.to_string().contains("below 10 in population output, found 10"), "{error}");
    let error = raster(&rows(), &[RasterSpike { row: 3, ..spike }], "", &file(&folder)).expect_err("row 3 of 3");
    assert!(error.to_string().contains("below 3, found 3"), "{error}");
    assert!(matches!(raster(&[], &[], "", &file(&folder)), Err(PlotError::Empty { .. })));
    let undefined = RasterSpike { neuron: 0, time: f64::NAN, ..spike };
    assert!(matches!(raster(&rows(), &[undefined], "", &file(&folder)), Err(PlotError::Empty { .. })));
}

#[test]
fn membrane_traces_of_any_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = |points: Vec<(f64, f64)>, threshold| MembraneTrace { label: "neuron".to_owned(), threshold, points };
    let saw = || trace((0..500).map(|event| (f64::from(event), f64::from(event % 60))).collect(), 64.0);
    let odd = trace(vec![(0.0, f64::NAN), (1.0, 5.0), (f64::INFINITY, 1.0)], f64::NAN);
    for (traces, height) in
        [(vec![saw()], 630), (vec![saw(), odd, trace(Vec::new(), 1.0)], 630), (vec![saw(); 30], 2150)]
    {
        membrane(&traces, &file(&folder)).expect("a plot");
        assert_eq!(decode(&file(&folder)).0, (1300, height));
        assert!(count_color(&file(&folder), style::VERMILION) > 1000, "thresholds are drawn");
    }
    assert!(matches!(membrane(&[], &file(&folder)), Err(PlotError::Empty { .. })));
    let nothing = trace(vec![(f64::NAN, 0.0)], 1.0);
    assert!(matches!(membrane(&[nothing], &file(&folder)), Err(PlotError::Empty { .. })));
}

#[test]
fn kernels_of_any_shape() {
    let folder = tempfile::tempdir().expect("a folder");
    for (count, height, width, channels) in
        [(15, 5, 5, 1), (32, 3, 3, 3), (300, 28, 28, 1), (1, 1, 1, 1), (2, 256, 256, 3), (1, 1, 1, 400)]
    {
        let weights =
            |kernel: usize| (0..height * width * channels).map(|index| (index + kernel) as f32 - 7.0).collect();
        let all: Vec<Vec<f32>> = (0..count).map(weights).collect();
        kernels(&all, height, width, channels, &file(&folder)).expect("a plot");
        let ((found_width, found_height), colors) = decode(&file(&folder));
        assert!(
            (700..=1300).contains(&found_width) && (420..=1100).contains(&found_height),
            "{found_width}×{found_height}"
        );
        assert!(colors > 10);
    }
    kernels(&[vec![0.0; 4], vec![f32::NAN; 4]], 2, 2, 1, &file(&folder)).expect("a plot");
}

#[test]
fn kernels_of_the_wrong_length_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |all: &[Vec<f32>], height, width, channels| kernels(all, height, width, channels, &file(&folder));
    let error = refused(&[vec![0.0; 9], vec![0.0; 8]], 3, 3, 1).expect_err("too short");
    assert!(error.to_string().contains("kernel 1: expected 9 weights, found 8"), "{error}");
    assert!(matches!(refused(&[vec![]], usize::MAX, usize::MAX, 1), Err(PlotError::Shape { .. })));
    assert!(matches!(refused(&[], 3, 3, 1), Err(PlotError::Empty { .. })));
    assert!(matches!(refused(&[vec![]], 0, 3, 1), Err(PlotError::Empty { .. })));
    assert!(matches!(refused(&[vec![f32::NAN]], 1, 1, 1), Err(PlotError::Empty { .. })));
}

fn layout(arrays: usize, projections: usize) -> compiler::program::Layout {
    use compiler::program::{ArrayPlacement, CrossbarLayout, Geometry, ProjectionKind, ProjectionLayout};
    let crossbar = CrossbarLayout {
        geometry: Geometry::Dense {},
        fan_in: 128,
        outputs: 32,
        row_tiles: 1,
        column_tiles: 1,
        outputs_per_array: 32,
        slices: vec![1, 2, 4, 8],
        streams: Vec::new(),
        unit: 1,
        reference_weight: 0,
        replicas: 1,
        first_array: 0,
    };
    let projection = |index: usize| ProjectionLayout {
        name: format!("projection{index}"),
        from: 0,
        to: 0,
        kind: ProjectionKind::Crossbar(crossbar.clone()),
    };
    let array = |index: usize| ArrayPlacement {
        projection: index * projections / arrays.max(1),
        replica: 0,
        row_tile: index,
        column_tile: 0,
        tile: index / 16,
        rows: 128 - index * 7 % 100,
        columns: 128 - index * 3 % 64,
    };
    compiler::program::Layout {
        format: compiler::program::FORMAT,
        hardware: compiler::HardwareSpecification::named("hcim-a-ternary").expect("a preset"),
        populations: Vec::new(),
        projections: (0..projections).map(projection).collect(),
        arrays: (0..arrays).map(array).collect(),
        routes: Vec::new(),
    }
}

#[test]
fn floor_plans_of_any_size() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arrays, projections) in [(1, 1), (37, 4), (500, 20), (20_000, 60)] {
        floor_plan(&layout(arrays, projections), &file(&folder)).expect("a plot");
        assert_eq!(decode(&file(&folder)).0, (1200, 900));
        let first = style::series_color(0, projections);
        assert!(count_color(&file(&folder), first) > 100, "{arrays} arrays");
    }
    assert!(matches!(floor_plan(&layout(0, 1), &file(&folder)), Err(PlotError::Empty { .. })));
    let mut wrong = layout(4, 2);
    wrong.arrays[3].projection = 2;
    let error = floor_plan(&wrong, &file(&folder)).expect_err("projection 2 of 2");
    assert!(error.to_string().contains("below 2, found 2"), "{error}");
}

#[test]
fn breakdowns_show_both_designs() {
    use compiler::cost::{Workload, evaluate, published};
    let folder = tempfile::tempdir().expect("a folder");
    let network = published::resnet20();
    for (name, is_drawn) in [("hcim-a-ternary", true), ("adcless-rram-64", true), ("isaac", true), ("ideal", false)] {
        let hardware = compiler::HardwareSpecification::named(name).expect("a preset");
        let workload = Workload::assumed(&hardware, &network.layers, &network.assumption).expect("a workload");
        let mut report = evaluate(&hardware, &workload);
        if !is_drawn {
            report.comparison.lossless_converters.energy = report.energy_pj;
            assert!(matches!(cost_breakdown(&report, &file(&folder)), Err(PlotError::Empty { .. })));
            continue;
        }
        cost_breakdown(&report, &file(&folder)).expect("a plot");
        assert_eq!(decode(&file(&folder)).0.0, 1200);
        assert!(count_color(&file(&folder), style::BLUE) > 1000, "{name}");
        assert!(count_color(&file(&folder), style::VERMILION) > 1000, "{name}");
    }
}

#[test]
fn sweeps_with_any_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let point = |energy_pj: f64, accuracy| SweepPoint { label: format!("chip {energy_pj:.1e}"), energy_pj, accuracy };
    let spread: Vec<SweepPoint> = (0..9).map(|chip| point(10f64.powi(chip), 0.9 + 0.01 * f64::from(chip))).collect();
    for points in [spread, vec![point(3e5, 0.98)]] {
        energy_accuracy(&points, "100 images", &file(&folder)).expect("a plot");
        assert_eq!(decode(&file(&folder)).0, (1200, 720));
    }
    // Chips without an energy are as if they were not there.
    let drawn = |points: &[SweepPoint]| {
        energy_accuracy(points, "100 images", &file(&folder)).expect("a plot");
        std::fs::read(file(&folder)).expect("the file")
    };
    let alone = drawn(&[point(3e5, 0.98)]);
    assert_eq!(drawn(&[point(0.0, 0.5), point(3e5, 0.98), point(f64::NAN, 1.0)]), alone);
    for points in [vec![], vec![point(0.0, 0.5), point(f64::NAN, 1.0)]] {
        assert!(matches!(energy_accuracy(&points, "", &file(&folder)), Err(PlotError::Empty { .. })));
    }
}
