//! What the crate says about instruction sets agrees with the standard library and the operating system.

use kernels::{Availability, Engine, Isa, KernelError, Parallelism};

#[test]
fn every_set_says_whether_it_is_there() {
    for isa in Isa::ALL {
        assert_eq!(isa.name().parse(), Ok(isa));
        let availability = isa.availability();
        assert_eq!(availability.is_available(), isa.is_available());
        assert_eq!(Isa::available().contains(&isa), isa.is_available());
        let engine = Engine::new(isa, Parallelism::Serial);
        if isa.is_available() {
            assert_eq!(availability.to_string(), "available");
            assert_eq!(engine.unwrap().isa(), isa);
        } else {
            let message = engine.unwrap_err();
            assert!(matches!(message, KernelError::UnavailableIsa { isa: refused, .. } if refused == isa));
            assert!(message.to_string().contains("scalar"));
        }
        match availability {
            Availability::MissingFeatures { features } => {
                assert!(!features.is_empty());
                assert!(features.iter().all(|feature| availability.to_string().contains(feature)));
            }
            Availability::OtherArchitecture { architecture } => {
                assert!(availability.to_string().contains(architecture));
            }
            _ => {}
        }
    }
    assert_eq!(Isa::available().last(), Some(&Isa::detect()));
    assert_eq!(Isa::available().first(), Some(&Isa::Scalar));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_standard_library_agrees() {
    assert_eq!(Isa::Avx2.is_available(), is_x86_feature_detected!("avx2"));
    let avx512 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni");
    assert_eq!(Isa::Avx512Vnni.is_available(), avx512);
    assert!(!Isa::NeonDotProduct.is_available());
}

/// Linux lists the features that it lets processes use.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn linux_agrees_about_tiles() {
    let Ok(text) = std::fs::read_to_string("/proc/cpuinfo") else {
        return;
    };
    let Some(flags) = text.lines().find(|line| line.starts_with("flags")) else {
        return;
    };
    let listed =
        ["amx_tile", "amx_int8", "avx512_vnni"].iter().all(|name| flags.split_whitespace().any(|flag| flag == *name));
    match Isa::AmxInt8.availability() {
        Availability::Available => assert!(listed, "{flags}"),
        Availability::MissingFeatures { .. } => assert!(!listed, "{flags}"),
        _ => {}
    }
}

#[cfg(target_arch = "aarch64")]
#[test]
fn the_standard_library_agrees() {
    let dot_product = std::arch::is_aarch64_feature_detected!("dotprod");
    assert_eq!(Isa::NeonDotProduct.is_available(), dot_product);
    assert!(!Isa::AmxInt8.is_available());
}
