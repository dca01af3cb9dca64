//! What a row weighs after pulses, where weights are not the states.

use kernels::Loop;

use super::super::devices::Parts;
use super::super::random::{LANES, Normals};
use super::lanes::Block;

/// Number that no pulse of an update has, for the noise of writing.
const WRITTEN: u32 = u32::MAX;

/// Reads the devices of the blocks that had pulses, with the noise of writing.
pub(super) struct Write<'a> {
    pub parts: &'a Parts,
    /// Number of the first device of the row.
    pub first: usize,
    pub blocks: &'a [Block],
    /// Most pulses of a device of each block.
    pub most: &'a [u32],
    pub normals: Normals,
    pub weights: &'a mut [f32],
}

impl Loop for Write<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Parts { write_noise, ref gain, ref offset, ref stuck, .. } = *self.parts;
        let mut noise = [[0.0; LANES]; 4];
        let groups = self.weights.chunks_mut(4 * LANES).zip(self.blocks.chunks(4)).zip(self.most.chunks(4));
        for (group, ((weights, blocks), most)) in (0u32..).zip(groups) {
            if most.iter().all(|&most| most == 0) {
                continue;
            }
            if write_noise > 0.0 {
                self.normals.fill([group, WRITTEN], &mut noise);
            }
            let first = self.first + group as usize * 4 * LANES;
            for (place, ((weights, block), noise)) in weights.chunks_mut(LANES).zip(blocks).zip(&noise).enumerate() {
                let devices = first + place * LANES..first + place * LANES + weights.len();
                let stuck = &stuck[devices.clone()];
                let lanes = weights.iter_mut().zip(stuck).zip(&block.state).zip(&block.pulses).zip(noise);
                let noisy = |weight: f32, state: f32, noise: f32, pulses: f32, is_stuck: bool| {
                    let noise = if is_stuck { 0.0 } else { write_noise * noise };
                    if pulses == 0.0 { weight } else { state + noise }
                };
                match offset.get(devices.clone()).zip(gain.get(devices)) {
                    None => {
                        for ((((weight, &is_stuck), &state), &pulses), &noise) in lanes {
                            *weight = noisy(*weight, state, noise, pulses, is_stuck);
                        }
                    }
                    Some((offset, gain)) => {
                        for (((((weight, &is_stuck), &state), &pulses), &noise), (&gain, &offset)) in
                            lanes.zip(gain.iter().zip(offset))
                        {
                            *weight = noisy(*weight, gain * state + offset, noise, pulses, is_stuck);
                        }
                    }
                }
            }
        }
    }
}
