//! What is written is what is read.

use std::path::Path;

use proptest::prelude::*;

use super::compiled;
use crate::program::{LAYOUT_FILE, Program, TENSOR_FILE};
use crate::testing::{any_hardware, ideal};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn written_and_read(seed in any::<u64>(), hardware in any_hardware(), resistance in 1e3f64..1e5) {
        let mut hardware = hardware;
        hardware.device.on_resistance_ohm = resistance;
        hardware.device.off_resistance_ohm = Some(resistance * 3.7);
        let program = compiled(seed, &hardware);
        let files = program.to_bytes(Path::new("out")).unwrap();
        prop_assert_eq!(&Program::from_bytes(&files, Path::new("out")).unwrap(), &program);
        prop_assert_eq!(program.to_bytes(Path::new("out")).unwrap(), files);
    }
}

#[test]
fn a_folder_is_written_whole_and_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    for seed in [1, 2] {
        let program = compiled(seed, &ideal(16, 32));
        program.write(folder.path()).unwrap();
        assert_eq!(Program::read(folder.path()).unwrap(), program);
    }
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [LAYOUT_FILE, TENSOR_FILE]);
}

#[test]
fn a_failure_leaves_no_mixture() {
    let folder = tempfile::tempdir().unwrap();
    compiled(1, &ideal(16, 32)).write(folder.path()).unwrap();
    let mut broken = compiled(2, &ideal(16, 32));
    broken.layout.populations[0].name.clear();
    assert!(broken.write(folder.path()).unwrap_err().to_string().contains("populations[0].name"));
    assert_eq!(Program::read(folder.path()).unwrap(), compiled(1, &ideal(16, 32)), "nothing was touched");
    // A tensor file that cannot be replaced: the layout is gone, so nobody reads new beside old.
    std::fs::remove_file(folder.path().join(TENSOR_FILE)).unwrap();
    std::fs::create_dir(folder.path().join(TENSOR_FILE)).unwrap();
    assert!(compiled(2, &ideal(16, 32)).write(folder.path()).is_err());
    assert!(!folder.path().join(LAYOUT_FILE).exists());
    let missing = Program::read(&folder.path().join("nowhere")).unwrap_err().to_string();
    assert!(missing.contains(LAYOUT_FILE) && missing.contains("cannot be read"), "{missing}");
}
