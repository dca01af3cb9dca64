//! Random networks, samples and judges shared by the tests.
#![allow(dead_code, reason = "every test file uses a part")]

pub mod networks;
pub mod reference;
pub mod smooth;
pub mod task;
