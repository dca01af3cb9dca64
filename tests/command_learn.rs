//! `sterna learn`: devices are listed, shown, simulated and written.

mod common;

use common::{failed, last_object, run, succeeded};

#[test]
fn presets_are_listed() {
    let text = succeeded(&run(&["learn", "devices"]));
    for name in ["gokmen-vlasov", "pcm", "mosfet", "domain-wall"] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{text}");
    }
    assert_eq!(last_object(&run(&["learn", "devices", "--json"]))["figures"]["levels"], 64);
}

#[test]
fn a_device_is_shown_so_that_it_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let text = succeeded(&run(&["learn", "device", "domain-wall"]));
    assert!(text.contains("# levels                64") && text.contains("504 aJ"), "{text}");
    std::fs::write(&path, text.replace("\"domain-wall\"\ndescription", "\"mine\"\ndescription")).unwrap();
    let again = succeeded(&run(&["learn", "device", path.to_str().unwrap()]));
    assert!(again.starts_with("name = \"mine\""), "{again}");
    let fine = succeeded(&run(&["learn", "device", "domain-wall", "--levels", "1024"]));
    assert!(fine.contains("levels = 1024") && fine.contains("1024, a step is 9 of their distances"), "{fine}");
}

#[test]
fn curves_and_circuit_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let (out, circuit) = (folder.path().join("curves"), folder.path().join("synapse.cir"));
    let arguments =
        ["learn", "device", "mosfet", "--pulses", "1000", "--devices", "3", "--seed", "4", "--plot", "--out"];
    let more = [out.to_str().unwrap(), "--spice", circuit.to_str().unwrap(), "--json"];
    let object = last_object(&run(&[&arguments[..], &more[..]].concat()));
    assert_eq!((&object["curves"]["devices"], &object["curves"]["pulses"]), (&3.into(), &1000.into()));
    let csv = std::fs::read_to_string(out.join("mosfet.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next().unwrap(), "pulses,mean,device_0,device_1,device_2");
    let rows: Vec<Vec<f64>> = lines.map(|line| line.split(',').map(|field| field.parse().unwrap()).collect()).collect();
    assert_eq!((rows.len(), rows[500][0], rows[1000][0]), (1001, 1000.0, 2000.0));
    assert!(rows[0][1] < -0.8 && rows[500][1] > 0.8 && rows[1000][1] < -0.8);
    assert!(image::open(out.join("mosfet.png")).unwrap().width() == 1200);
    assert!(std::fs::read_to_string(circuit).unwrap().trim_end().ends_with(".end"));
}

#[test]
fn what_is_wrong_is_named() {
    failed(&run(&["learn", "device", "nothing"]), 2, &["'nothing'", "gokmen-vlasov"]);
    failed(&run(&["learn", "device", "absent.toml"]), 1, &["absent.toml"]);
    failed(&run(&["learn", "device", "ideal", "--spice", "a.cir"]), 2, &["--spice", "mosfet"]);
    failed(&run(&["learn", "device", "ideal", "--levels", "1"]), 2, &["--levels", "at least 2"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let text = succeeded(&run(&["learn", "device", "ideal"]));
    std::fs::write(&path, text.replace("size = 0.001", "size = -1.0")).unwrap();
    failed(&run(&["learn", "device", path.to_str().unwrap()]), 1, &["mine.toml", "step.size", "-1"]);
}
