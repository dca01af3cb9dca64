//! Examples, targets and best estimates of small tasks.

use super::*;

const ADD: &str = r#"
[[variable]]
name = "a"
code = { kind = "circular", neurons = 20 }
hidden = [7]
[[variable]]
name = "b"
code = { kind = "circular", neurons = 30 }
hidden = []
[[variable]]
name = "c"
code = { kind = "circular", neurons = 20 }
hidden = [6, 5]
peak = 40
value = "(a + b) % 1"
"#;

const FUSION: &str = r#"
[relation]
units = [8]
present = "observations"
[[variable]]
name = "s"
code = { kind = "linear", neurons = 40, width = 0.1 }
[[variable]]
name = "x"
code = { kind = "gaussian", neurons = 30, width = 0.1 }
peak = 50
observes = { variable = "s", dropout = 0.3, noise = { kind = "shift", sigma = [0.02, 0.1] } }
[[variable]]
name = "y"
code = { kind = "linear", neurons = 30, width = 0.1 }
peak = 50
observes = { variable = "s", dropout = 0.3, noise = { kind = "shift", sigma = [0.05, 0.1] } }
[[variable]]
name = "z"
code = { kind = "spot", size = [3, 20], radius = 2.0 }
observes = { variable = "s", noise = { kind = "events", light = [0.1, 0.5], background = 0.1 } }
"#;

fn task(text: &str) -> Task {
    Task::new(RelationDescription::from_toml(text).unwrap(), Vec::new(), 5).unwrap()
}

#[test]
fn examples_are_pure_functions_of_their_place() {
    let task = task(ADD);
    let scene = |split, index| task.scene(split, index, None);
    assert_eq!(scene(Split::Test, 3), scene(Split::Test, 3));
    let others = [scene(Split::Test, 4), scene(Split::Validation, 3), scene(Split::Train { epoch: 0 }, 3)];
    assert!(others.iter().all(|other| other.values != scene(Split::Test, 3).values));
    assert_ne!(scene(Split::Train { epoch: 1 }, 3).values, scene(Split::Train { epoch: 0 }, 3).values);
    let mut missing = [0; 3];
    for index in 0..3000 {
        let scene = task.scene(Split::Train { epoch: 2 }, index, None);
        let [a, b, c] = scene.values[..] else { panic!("three variables") };
        assert!((((a + b) % 1.0) - c).abs() < 1e-12);
        let left_out = scene.is_wanted.iter().position(|&wanted| wanted).unwrap();
        assert!(scene.cues.iter().enumerate().all(|(place, cue)| cue.is_none() == (place == left_out)));
        missing[left_out] += 1;
    }
    assert!(missing.iter().all(|&count| (900..1100).contains(&count)), "{missing:?}");
    let all = format!("[relation]\ntargets = \"all\"\n{ADD}");
    assert_eq!(self::task(&all).scene(Split::Test, 3, Some(1)).is_wanted, [true; 3]);
}

#[test]
fn inputs_and_targets_are_the_codes() {
    let task = task(ADD);
    let scene = task.scene(Split::Test, 0, Some(1));
    let inputs = task.inputs(&scene);
    assert_eq!(inputs.len(), 70);
    assert!(inputs[20..50].iter().all(|&count| count == 0), "a missing variable is silent");
    let mut y = vec![0.0; 20];
    task.description().variables[2].code.encode(scene.values[2], &mut y);
    let counts: Vec<u8> = y.iter().map(|y| (y * 40.0).round() as u8).collect();
    assert_eq!(inputs[50..], counts);
    let mut targets = vec![Some(9); 70];
    task.write_targets(&scene, &mut targets);
    assert!(targets[..20].iter().chain(&targets[50..]).all(Option::is_none));
    let counts: Vec<f64> = targets[20..50].iter().map(|target| target.unwrap().into()).collect();
    assert!(
        task.judge(1).is_right(&counts, scene.values[1]) && task.judge(1).error(&counts, scene.values[1]).abs() < 0.02
    );
}

#[test]
fn the_network_has_a_population_for_each_step() {
    let network = task(ADD).network().unwrap();
    let names: Vec<&str> = network.populations().iter().map(|population| &*population.name).collect();
    let expected = [
        "a",
        "b",
        "c",
        "a.encoder1",
        "c.encoder1",
        "c.encoder2",
        "relation1",
        "a.decoder1",
        "c.decoder1",
        "c.decoder2",
        "a.inferred",
        "b.inferred",
        "c.inferred",
    ];
    assert_eq!(names, expected);
    assert_eq!(network.populations()[6].incoming.len(), 3);
    let network = task(FUSION).network().unwrap();
    assert_eq!(network.population_index("s"), None, "what others observe is never presented");
    assert!(network.population_index("s.inferred").is_some());
}

#[test]
fn observations_drop_out_but_never_all() {
    let task = task(FUSION);
    let mut gone = [0; 4];
    for index in 0..2000 {
        let scene = task.scene(Split::Test, index, None);
        assert!(scene.cues.iter().any(Option::is_some) && scene.is_wanted == [true; 4]);
        assert!(scene.values.iter().all(|&value| value == scene.values[0]));
        gone.iter_mut().zip(&scene.cues).for_each(|(gone, cue)| *gone += usize::from(cue.is_none()));
        if let Some(cue) = &scene.cues[1] {
            assert!((0.02..=0.1).contains(&cue.extent));
            // The most reliable cue has all the spikes of the peak.
            let expected = 50.0 * (0.02 / cue.extent).powi(2);
            let largest = f64::from(*cue.counts.iter().max().unwrap());
            let is_inside = (0.1..0.9).contains(&cue.value);
            assert!(!is_inside || (largest - expected).abs() < 0.03 * expected + 0.6, "{largest} {expected}");
        }
    }
    assert_eq!((gone[0], gone[3]), (2000, 0));
    assert!((500..700).contains(&gone[1]) && (500..700).contains(&gone[2]), "{gone:?}");
}

#[test]
fn two_shifted_cues_have_the_known_posterior() {
    let task = task(FUSION);
    let mut compared = 0;
    for index in 0..400 {
        let scene = task.scene(Split::Test, index, None);
        let (Some(x), Some(y)) = (&scene.cues[1], &scene.cues[2]) else { continue };
        let (first, second) = (x.extent.powi(-2), y.extent.powi(-2));
        let mean = (x.value * first + y.value * second) / (first + second);
        let deviation = (first + second).powf(-0.5);
        if !(5.0 * deviation..1.0 - 5.0 * deviation).contains(&mean) {
            continue;
        }
        let found = task.posterior(&scene, 0, |place| place != 3);
        assert!((found.mean - mean).abs() < 1e-6 && (found.deviation - deviation).abs() < 1e-6, "{found:?}");
        // Events tell more still.
        assert!(task.posterior(&scene, 0, |_| true).deviation < deviation);
        compared += 1;
    }
    assert!(compared > 50, "{compared}");
}

/// No estimate of its own beats the posterior mean.
#[test]
fn the_best_estimate_beats_each_cue() {
    let task = task(FUSION);
    let (mut best, mut alone) = (0.0, [0.0; 4]);
    for index in 0..500 {
        let scene = task.scene(Split::Test, index, None);
        if scene.cues[1..].iter().any(Option::is_none) {
            continue;
        }
        best += (task.posterior(&scene, 0, |_| true).mean - scene.values[0]).powi(2);
        for (place, sum) in alone.iter_mut().enumerate().skip(1) {
            *sum += (task.posterior(&scene, 0, |used| used == place).mean - scene.values[0]).powi(2);
        }
    }
    assert!(alone[1..].iter().all(|&alone| best < 0.9 * alone), "{best} {alone:?}");
}

#[test]
fn wrong_tasks_are_refused() {
    let changed = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        match RelationDescription::from_toml(&text.replace(from, to)) {
            Err(error) => error.to_string(),
            Ok(description) => match Task::new(description, Vec::new(), 1) {
                Err(error) => error.to_string(),
                Ok(_) => panic!("{from} -> {to} was accepted"),
            },
        }
    };
    for (from, to, part) in [
        ("name = \"b\"", "name = \"a\"", "variable.a"),
        ("name = \"b\"", "name = \"b c\"", "name"),
        ("value = \"(a + b) % 1\"", "value = \"a + z\"", "'z'"),
        ("peak = 40", "peak = 0", "peak"),
        ("hidden = [7]", "hidden = [0]", "hidden"),
        ("neurons = 30", "neurons = 1", "neurons"),
        ("kind = \"circular\", neurons = 30", "kind = \"square\", neurons = 30", "square"),
        ("peak = 40", "peek = 40", "peek"),
        (
            "peak = 40",
            "peak = 40\nobserves = { variable = \"a\", noise = { kind = \"shift\", sigma = [0.1, 0.2] } }",
            "observes",
        ),
        ("[[variable]]\nname = \"a\"", "[training]\nlearning_rate = -1.0\n[[variable]]\nname = \"a\"", "learning_rate"),
    ] {
        let error = changed(ADD, from, to);
        assert!(error.contains(part), "{to}: {error}");
    }
    for (from, to, part) in [
        ("sigma = [0.02, 0.1]", "sigma = [0.2, 0.1]", "sigma"),
        ("sigma = [0.02, 0.1]", "sigma = [0.0, 0.1]", "sigma"),
        ("light = [0.1, 0.5]", "light = [0.1, 1.5]", "light"),
        ("background = 0.1", "background = -0.1", "background"),
        (
            "dropout = 0.3, noise = { kind = \"shift\", sigma = [0.02",
            "dropout = 1.0, noise = { kind = \"shift\", sigma = [0.02",
            "dropout",
        ),
        ("observes = { variable = \"s\", noise", "observes = { variable = \"q\", noise", "observes"),
        ("present = \"observations\"", "present = \"all-but-one\"", "present"),
        ("units = [8]", "units = []", "units"),
    ] {
        let error = changed(FUSION, from, to);
        assert!(error.contains(part), "{to}: {error}");
    }
    // A product of numbers up to 1 leaves a range that ends at 0.5.
    let line = ADD.replace("kind = \"circular\"", "kind = \"linear\", width = 0.2").replace("(a + b) % 1", "a + b");
    let error = Task::new(RelationDescription::from_toml(&line).unwrap(), Vec::new(), 1).unwrap_err().to_string();
    assert!(error.contains("variable.c.value") && error.contains("range"), "{error}");
}

#[test]
fn images_must_fit() {
    let text = r#"
        [[variable]]
        name = "a"
        code = { kind = "image", source = "here", classes = [3, 8], shape = [1, 2, 2], maximum = 16 }
        [[variable]]
        name = "b"
        code = { kind = "linear", neurons = 20, width = 0.2 }
        value = "a / 2"
    "#;
    let description = RelationDescription::from_toml(text).unwrap();
    let image = |value: u8| vec![value; 4];
    let bank = ImageBank {
        train: vec![vec![image(0), image(2)], vec![image(16)]],
        test: vec![vec![image(1)], vec![image(15)]],
    };
    let task = Task::new(description.clone(), vec![bank.clone()], 1).unwrap();
    assert_eq!(bank.means(), [[1.0; 4], [16.0; 4]]);
    assert_eq!(task.judge(0).means(), [[0.625; 4], [10.0; 4]]);
    assert_eq!((task.judge(0).value(&[9.0; 4]), task.judge(0).value(&[-3.0; 4])), (1.0, 0.0));
    let scene = task.scene(Split::Test, 1, Some(1));
    let shown = &scene.cues[0].as_ref().unwrap().counts;
    assert_eq!(*shown, image([1, 15][scene.values[0] as usize]), "tests show test images");
    let mut targets = vec![None; 24];
    task.write_targets(&task.scene(Split::Test, 1, Some(0)), &mut targets);
    assert!(targets[..4].iter().all(|target| [Some(1), Some(9)].contains(target)), "{targets:?}");
    for wrong in [
        Vec::new(),
        vec![ImageBank { test: bank.test[..1].to_vec(), ..bank.clone() }],
        vec![ImageBank { train: vec![vec![image(0)], vec![vec![1; 5]]], ..bank.clone() }],
        vec![ImageBank { train: vec![vec![image(0)], Vec::new()], ..bank }],
    ] {
        let error = Task::new(description.clone(), wrong, 1).unwrap_err().to_string();
        assert!(error.contains("'a'"), "{error}");
    }
}
