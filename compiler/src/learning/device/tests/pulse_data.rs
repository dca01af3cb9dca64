//! Measured pulses: what a device gives back is what was measured, and broken files are named.

use std::io::Write;

use super::one;
use crate::learning::device::DeviceSpecification;

const TOML: &str = "name = \"measured\"\ndescription = \"test\"\nsources = []\n\
                    model = { family = \"piecewise\", file = \"pulses.csv\", nodes = 9 }\n";

/// The specification of a folder that holds it and a CSV file.
fn read(csv: &[u8]) -> Result<DeviceSpecification, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("device.toml"), TOML).unwrap();
    std::fs::File::create(folder.path().join("pulses.csv")).unwrap().write_all(csv).unwrap();
    DeviceSpecification::from_file(&folder.path().join("device.toml")).map_err(|error| error.to_string())
}

/// Soft steps between 10 and 50 uS: up a fiftieth of what is left, down a fortieth of what is there.
fn soft(conductance: f64, upward: bool) -> f64 {
    let share = (conductance - 10e-6) / 40e-6;
    let change = if upward { 0.02 * (1.05 - share) } else { -0.025 * (share + 0.05) };
    conductance + 40e-6 * change
}

fn measurement() -> (String, Vec<(i64, f64)>) {
    let (mut conductance, mut rows) = (10e-6, vec![(0, 10e-6)]);
    for pulse in 0..300 {
        let upward = pulse < 150;
        conductance = soft(conductance, upward).clamp(10e-6, 50e-6);
        rows.push((if upward { 1 } else { -1 }, conductance));
    }
    let lines: String = rows.iter().map(|(pulses, conductance)| format!("{pulses},{conductance:e}\n")).collect();
    (format!("# measured\npulses,conductance_s\n{lines}"), rows)
}

#[test]
fn a_device_repeats_its_measurement() {
    let (csv, rows) = measurement();
    let specification = read(csv.as_bytes()).unwrap();
    assert_eq!(DeviceSpecification::parse(&specification.to_toml().unwrap(), "again").unwrap(), specification);
    let mut devices = one(&specification);
    let (least, most) = rows.iter().fold((1.0, 0.0f64), |(low, high), row| (row.1.min(low), row.1.max(high)));
    devices.set_states(&[-1.0], 0).unwrap();
    for (stamp, &(pulses, conductance)) in rows.iter().enumerate().skip(1) {
        devices.apply(&[pulses as i16], stamp as u64).unwrap();
        let found = devices.conductances_s().unwrap()[0];
        let error = (found - conductance).abs() / (most - least);
        assert!(error < 0.004, "pulse {stamp}: {found}, measured {conductance}");
    }
}

#[test]
fn several_pulses_between_readings_count_each() {
    let rows: String = (0..=20)
        .map(|k| format!("{},{:e}\n", if k == 0 { 0 } else { 5 }, 1e-6 * f64::from(k)))
        .chain((0..20).rev().map(|k| format!("-5,{:e}\n", 1e-6 * f64::from(k))))
        .collect();
    let specification = read(format!("pulses, conductance_s\n\n{rows}").as_bytes()).unwrap();
    assert!((specification.step_size() - 0.02).abs() < 1e-6, "{}", specification.step_size());
}

#[test]
fn broken_files_are_named() {
    let wrong = |csv: &[u8], parts: &[&str]| {
        let message = read(csv).unwrap_err();
        assert!(message.contains(".csv") && parts.iter().all(|part| message.contains(part)), "{message}");
    };
    let (csv, _) = measurement();
    wrong(b"", &["line 1", "header"]);
    wrong(b"conductance\n1\n", &["header", "conductance"]);
    let cut = csv.rfind(',').unwrap();
    wrong(&csv.as_bytes()[..cut], &["line 303", "expected 2 fields"]);
    wrong(&csv.as_bytes()[..=cut], &["line 303", "conductance_s"]);
    wrong(b"pulses,conductance_s\n0,1e-6\n1,many\n", &["line 3", "conductance_s", "many"]);
    wrong(b"pulses,conductance_s\n0,1e-6\n0.5,1e-6\n", &["line 3", "pulses", "0.5"]);
    wrong(b"pulses,conductance_s\n0,nan\n", &["line 2", "nan"]);
    wrong(b"pulses,conductance_s\n0,-1e-6\n", &["line 2"]);
    wrong(b"pulses,conductance_s\n0,1e-6,7\n", &["line 2", "2 fields"]);
    wrong(b"\xff\xfe", &["UTF-8"]);
    let long = format!("pulses,conductance_s\n{}", "1,1e-6\n".repeat(100_001));
    wrong(long.as_bytes(), &["100000"]);
    wrong(&vec![b'#'; (1 << 24) + 1], &["bytes"]);
    let message = read(b"pulses,conductance_s\n").unwrap_err();
    assert!(message.contains("model.conductance_s"), "{message}");
}
