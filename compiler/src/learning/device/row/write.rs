//! What a row weighs after pulses, where weights are not the states.

use kernels::Loop;

use super::super::devices::Parts;
use super::super::random::{LANES, Normals};
use super::lanes::Block;

/// Number that no pulse of an update has, for the noise of writing.
const WRITTEN: u32 = u32::MAX;

/// For each device of a block the number of the last update that gave it pulses, counted from 1; 0 for none.
pub(super) type Marks = [u32; LANES];

/// Marks the devices that have pulses.
pub(super) struct Mark<'a> {
    pub blocks: &'a [Block],
    pub marks: &'a mut [Marks],
    pub update: u32,
}

impl Loop for Mark<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (block, marks) in self.blocks.iter().zip(self.marks) {
            // A copy, as in `advance`. Numbers of updates only grow; a choice of two places would not be vectorised.
            let mut marked = *marks;
            for (mark, &pulses) in marked.iter_mut().zip(&block.pulses) {
                *mark = (*mark).max(if pulses == 0.0 { 0 } else { self.update });
            }
            *marks = marked;
        }
    }
}

/// Reads the devices that had pulses, with the noise of their last write: no other one is ever read.
pub(super) struct Write<'a> {
    pub parts: &'a Parts,
    /// Number of the first device of the row.
    pub first: usize,
    pub blocks: &'a [Block],
    pub marks: &'a [Marks],
    /// Of each update.
    pub normals: &'a [Normals],
    pub weights: &'a mut [f32],
}

impl Loop for Write<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Parts { write_noise, ref gain, ref offset, ref stuck, .. } = *self.parts;
        let mut noise = [[0.0; LANES]; 4];
        let groups = self.weights.chunks_mut(4 * LANES).zip(self.blocks.chunks(4)).zip(self.marks.chunks(4));
        for (group, ((weights, blocks), marks)) in (0u32..).zip(groups) {
            if write_noise > 0.0 {
                draw(self.normals, [group, WRITTEN], marks, &mut noise);
            }
            let first = self.first + group as usize * 4 * LANES;
            let rest = blocks.iter().zip(marks).zip(&noise);
            for (place, (weights, ((block, marks), noise))) in weights.chunks_mut(LANES).zip(rest).enumerate() {
                let devices = first + place * LANES..first + place * LANES + weights.len();
                let stuck = &stuck[devices.clone()];
                let lanes = weights.iter_mut().zip(stuck).zip(&block.state).zip(marks).zip(noise);
                let noisy = |weight: f32, state: f32, noise: f32, mark: u32, is_stuck: bool| {
                    let noise = if is_stuck { 0.0 } else { write_noise * noise };
                    if mark == 0 { weight } else { state + noise }
                };
                match offset.get(devices.clone()).zip(gain.get(devices)) {
                    None => {
                        for ((((weight, &is_stuck), &state), &mark), &noise) in lanes {
                            *weight = noisy(*weight, state, noise, mark, is_stuck);
                        }
                    }
                    Some((offset, gain)) => {
                        for (((((weight, &is_stuck), &state), &mark), &noise), (&gain, &offset)) in
                            lanes.zip(gain.iter().zip(offset))
                        {
                            *weight = noisy(*weight, gain * state + offset, noise, mark, is_stuck);
                        }
                    }
                }
            }
        }
    }
}

/// Normal numbers of four blocks, each device's of the update that it is marked with; any for those without.
#[inline(always)]
fn draw(normals: &[Normals], counter: [u32; 2], marks: &[Marks], noise: &mut [[f32; LANES]; 4]) {
    if let [only] = normals {
        return only.fill(counter, noise);
    }
    for (place, (marks, noise)) in marks.iter().zip(noise).enumerate() {
        let mut keys = [[0; LANES]; 4];
        for (lane, &mark) in marks.iter().enumerate() {
            let key = normals[(mark as usize).saturating_sub(1)].key;
            (0..4).for_each(|word| keys[word][lane] = key[word]);
        }
        *noise = Normals::of_each(&keys, counter, place);
    }
}
