//! The report as tables.

use std::fmt::Write as _;

use super::breakdown::Breakdown;
use super::report::CostReport;
use super::workload::Basis;
use crate::hardware::Timing;

/// The whole text. Writing to a string cannot fail, so results are not looked at.
pub(super) fn text(report: &CostReport) -> String {
    let mut text = format!("# Cost on {}\n\n", report.hardware);
    let basis = match report.basis {
        Basis::Simulated { examples } => format!("Counts are means over {examples} simulated examples."),
        Basis::Assumed { density, zero_share } => format!(
            "No network was run: counts come from shapes, with {:.0} % of the rows active and {:.0} % of ternary codes zero, **an assumption**.",
            100.0 * density,
            100.0 * zero_share
        ),
    };
    let timing = match report.timing {
        Timing::Physical => "physical: array, every turn of a converter or comparator, and additions are counted",
        Timing::Published => {
            "published: one clock as in the published simulator, which leaves the delay of a single comparator out; \
             not a prediction for a chip"
        }
    };
    let node = if report.technology_nm > 0.0 { format!("{} nm", report.technology_nm) } else { "unknown".to_owned() };
    let _ = writeln!(text, "{basis}\nConstants hold for node {node}. Timing is {timing}.\n");
    summary(&mut text, report);
    components(&mut text, report);
    stages(&mut text, report);
    let _ = writeln!(text, "## Not counted\n");
    for item in &report.not_counted {
        let _ = writeln!(text, "- {item}");
    }
    let _ = writeln!(
        text,
        "\n## Constants\n\n| component | pJ per use | ns per use | µm² each | source |\n|---|---|---|---|---|"
    );
    for row in &report.sources {
        let [energy, time, area] = [row.energy_pj, row.latency_ns, row.area_um2].map(number);
        let _ =
            writeln!(text, "| {} | {energy} | {time} | {area} | {} |", row.component, row.source.replace('|', "\\|"));
    }
    text
}

fn summary(text: &mut String, report: &CostReport) {
    let comparison = &report.comparison;
    let matched = &comparison.lossless_converters;
    let own = comparison.all_components_pj;
    let _ = writeln!(text, "## One example\n\n| | energy | pipeline | alone | chip |\n|---|---|---|---|---|");
    let _ = writeln!(
        text,
        "| all components | {} | {} | {} | {} |",
        energy(own),
        time(report.latency.pipeline_ns),
        time(report.latency.single_example_ns),
        area(report.area_um2.total())
    );
    let _ = writeln!(
        text,
        "| same arrays, lossless {}-bit converters, {} columns each | {} ({:.2} ×) | {} ({:.2} ×) | | {} ({:.2} ×) |",
        matched.bits,
        matched.columns_per_converter,
        energy(matched.energy_pj),
        matched.energy_ratio,
        time(matched.pipeline_ns),
        matched.latency_ratio,
        area(matched.area_um2),
        matched.area_ratio
    );
    let _ = writeln!(text, "| accumulations alone (proxy) | {} | | | |", energy(comparison.accumulate_only_pj));
    let _ = writeln!(
        text,
        "\n{} arrays. The pipeline delivers an example every {}, the time of its slowest stage, `{}`; one example alone takes {}.\n",
        report.arrays,
        time(report.latency.pipeline_ns),
        report.latency.slowest_stage,
        time(report.latency.single_example_ns)
    );
    let _ =
        writeln!(text, "Proxy: {}.\n\nLossless converters: {}.\n", comparison.accumulate_only_source, matched.source);
}

/// Three lines: energies of one example, its latency, the area of the chip.
pub(super) fn short(report: &CostReport) -> String {
    let comparison = &report.comparison;
    let matched = &comparison.lossless_converters;
    let timing = match report.timing {
        Timing::Physical => "physical",
        Timing::Published => "published",
    };
    let uncounted = if report.energy_pj.total() > 0.0 { "" } else { " (the specification has no constants)" };
    format!(
        "energy of an example: {} all components{uncounted}, {} accumulations alone, {} with lossless {}-bit converters\n\
         latency ({timing} timing): {} between examples of a full pipeline, {} for one alone\n\
         area: {}, {} arrays",
        energy(report.energy_pj.total()),
        energy(comparison.accumulate_only_pj),
        energy(matched.energy_pj),
        matched.bits,
        time(report.latency.pipeline_ns),
        time(report.latency.single_example_ns),
        area(report.area_um2.total()),
        report.arrays
    )
}

fn components(text: &mut String, report: &CostReport) {
    let _ = writeln!(
        text,
        "## Components\n\n| component | energy | share | with lossless converters | area | share |\n|---|---|---|---|---|---|"
    );
    let matched = report.comparison.lossless_converters.energy.values();
    let (energies, areas) = (report.energy_pj.values(), report.area_um2.values());
    let (all_energy, all_area) = (report.energy_pj.total(), report.area_um2.total());
    for (index, name) in Breakdown::NAMES.into_iter().enumerate() {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} |",
            energy(energies[index]),
            share(energies[index], all_energy),
            energy(matched[index]),
            area(areas[index]),
            share(areas[index], all_area)
        );
    }
    text.push('\n');
}

fn stages(text: &mut String, report: &CostReport) {
    let _ = writeln!(
        text,
        "## Populations and projections\n\n\
         | population | projection | arrays | conversions | active rows | zero codes | energy | time |\n\
         |---|---|---|---|---|---|---|---|"
    );
    for stage in &report.stages {
        let (all, neurons) = (stage.energy_pj.total(), stage.energy_pj.neurons);
        let _ = writeln!(
            text,
            "| {} | all, neurons {} | | | | | {} | {} |",
            stage.population,
            energy(neurons),
            energy(all),
            time(stage.latency_ns)
        );
        for part in &stage.projections {
            let crossbar = |value: String| if part.arrays > 0 { value } else { String::new() };
            let _ = writeln!(
                text,
                "| | {} | {} | {} | {} | {} | {} | {} |",
                part.projection,
                crossbar(part.arrays.to_string()),
                crossbar(format!("{:.0}", part.conversions)),
                crossbar(format!("{:.1} %", 100.0 * part.active_row_share)),
                crossbar(format!("{:.1} %", 100.0 * part.zero_share)),
                energy(part.energy_pj.total()),
                time(part.latency_ns)
            );
        }
    }
    text.push('\n');
}

fn share(part: f64, whole: f64) -> String {
    if whole > 0.0 { format!("{:.1} %", 100.0 * part / whole) } else { String::new() }
}

fn energy(pj: f64) -> String {
    scaled(pj, &[(1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ")])
}

fn time(ns: f64) -> String {
    scaled(ns, &[(1e6, "ms"), (1e3, "µs"), (1.0, "ns")])
}

fn area(um2: f64) -> String {
    scaled(um2, &[(1e6, "mm²"), (1.0, "µm²")])
}

/// Three or four digits with the largest unit that leaves at least one before the point.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let Some(&(factor, unit)) = units.iter().find(|(factor, _)| value >= *factor).or(units.last()) else {
        return number(value);
    };
    format!("{} {unit}", number(value / factor))
}

fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        _ if value.abs() >= 100.0 => format!("{value:.0}"),
        _ if value.abs() >= 10.0 => format!("{value:.1}"),
        _ if value.abs() >= 1.0 => format!("{value:.2}"),
        _ if value.abs() >= 1e-3 => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}
