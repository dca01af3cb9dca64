//! A mapping plan in columns.

use std::fmt::Write as _;

use compiler::mapping::MappingPlan;

pub(super) fn table(plan: &MappingPlan) -> String {
    // Writing to a string cannot fail.
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{:<20}{:>8}{:>9}{:>10}{:>10}{:>9}{:>8}{:>9}{:>9}{:>9}{:>13}",
        "projection",
        "rows",
        "outputs",
        "row tiles",
        "col tiles",
        "streams",
        "copies",
        "arrays",
        "spilled",
        "in use",
        "reads/image"
    );
    for projection in &plan.projections {
        if projection.layout.is_none() {
            let _ = writeln!(text, "{:<20}{:>8}", projection.name, projection.on);
            continue;
        }
        let _ = writeln!(
            text,
            "{:<20}{:>8}{:>9}{:>10}{:>10}{:>9}{:>8}{:>9}{:>9}{:>7.1} %{:>13}",
            projection.name,
            projection.fan_in,
            projection.outputs,
            projection.row_tiles,
            projection.column_tiles,
            projection.streams,
            projection.replicas,
            projection.arrays,
            projection.spilled_arrays,
            100.0 * projection.utilisation,
            projection.reads_per_example
        );
    }
    let available = plan.available_arrays.map_or("no limit".to_owned(), |arrays| format!("the chip has {arrays}"));
    let _ = writeln!(
        text,
        "\n{}: {} arrays ({available}), {} spilled, {} tiles, {:.1} % of the cells in use",
        plan.hardware,
        plan.arrays,
        plan.spilled_arrays,
        plan.tiles,
        100.0 * plan.utilisation
    );
    for problem in &plan.problems {
        let _ = writeln!(text, "does not fit: {} '{}': {}", problem.part, problem.name, problem.problem);
    }
    text
}
