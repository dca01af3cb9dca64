//! ngspice as the judge of netlists.

use std::collections::HashMap;
use std::process::Command;

/// Values that ngspice prints, by name; `None` where there is no ngspice.
pub fn run(netlist: &str) -> Option<HashMap<String, f64>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("circuit.cir");
    std::fs::write(&path, netlist).unwrap();
    let output = match Command::new("ngspice").arg("-b").arg(&path).output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: ngspice is not on the path");
            return None;
        }
        Err(error) => panic!("ngspice cannot be run: {error}"),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let value = |line: &str| {
        let (name, value) = line.split_once(" = ")?;
        Some((name.trim().to_owned(), value.trim().parse().ok()?))
    };
    Some(text.lines().filter_map(value).collect())
}
