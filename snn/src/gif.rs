//! Generalised integrate-and-fire neurons: several levels in one spike (SpikeLLM, Xing et al., 2025, section
//! "generalised integrate-and-fire").
//!
//! A binary neuron with soft reset takes T steps for T + 1 levels. A generalised one joins L - 1 of its steps into one
//! spike of 0 to L - 1, so that T spikes carry the codes `0..=T (L - 1)` of a quantiser: with q in the membrane,
//!
//! ```text
//! spike_t = min(V_t, L - 1),  V_{t+1} = V_t - spike_t,  V_0 = q
//! ```
//!
//! The signed form, whose spikes are `-(L - 1)..=L - 1`, joins one neuron of positive and one of negative spikes; with
//! L = 2 it is ternary.

use crate::SnnError;

/// Most levels of a spike.
const MOST_LEVELS: u32 = 256;
/// Most steps.
const MOST_STEPS: u32 = 64;

/// What becomes of codes that T spikes of L - 1 do not reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TopCodes {
    /// The quantiser gives no such codes: its largest is `T (L - 1)`.
    #[default]
    Reachable,
    /// The last spike carries what is left, up to `L T - 1` in all.
    Remainder,
    /// What is left stays in the membrane, as in the code that SpikeLLM's authors released: the largest `T - 1` codes
    /// of `L T` lose their difference from `T (L - 1)`.
    Lost,
}

/// A generalised integrate-and-fire neuron.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GifNeuron {
    levels: i32,
    steps: u32,
    top: TopCodes,
    is_signed: bool,
}

impl GifNeuron {
    /// A neuron of `2^bits` levels and `steps` steps for codes from 0.
    ///
    /// # Errors
    /// [`SnnError::Gif`] for bits outside `1..=8` and steps outside `1..=64`.
    pub fn new(bits: u32, steps: u32, top: TopCodes) -> Result<Self, SnnError> {
        if !(1..=8).contains(&bits) {
            return Err(SnnError::Gif { field: "bits", expected: "1 to 8".to_owned(), found: bits });
        }
        Self { levels: 1 << bits, steps, top, is_signed: false }.checked()
    }

    /// A neuron whose spikes are `-(levels - 1)..=levels - 1`; with 2 levels it is ternary.
    ///
    /// # Errors
    /// [`SnnError::Gif`] for levels outside `2..=256` and steps outside `1..=64`.
    pub fn signed(levels: u32, steps: u32, top: TopCodes) -> Result<Self, SnnError> {
        if !(2..=MOST_LEVELS).contains(&levels) {
            let expected = format!("2 to {MOST_LEVELS}");
            return Err(SnnError::Gif { field: "levels", expected, found: levels });
        }
        Self { levels: levels as i32, steps, top, is_signed: true }.checked()
    }

    fn checked(self) -> Result<Self, SnnError> {
        if (1..=MOST_STEPS).contains(&self.steps) {
            return Ok(self);
        }
        let expected = format!("1 to {MOST_STEPS}");
        Err(SnnError::Gif { field: "steps", expected, found: self.steps })
    }

    /// Steps T.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Codes that the quantiser before the neuron may give, smallest and largest.
    pub fn codes(&self) -> [i32; 2] {
        let largest = match self.top {
            TopCodes::Reachable => self.steps as i32 * (self.levels - 1),
            TopCodes::Remainder | TopCodes::Lost => self.steps as i32 * self.levels - 1,
        };
        [if self.is_signed { -largest } else { 0 }, largest]
    }

    /// The spike of a step (from 0) and the membrane potential it leaves.
    #[inline(always)]
    pub fn fire(&self, potential: i32, step: u32) -> (i32, i32) {
        let most = self.levels - 1;
        let is_last = self.top == TopCodes::Remainder && step + 1 == self.steps;
        let least = if self.is_signed { -most } else { 0 };
        let spike = if is_last { potential } else { potential.clamp(least, most) };
        (spike, potential - spike)
    }

    /// Spikes of many neurons, given their codes: `spikes[step * codes.len() + neuron]`. `potentials` are the membrane
    /// potentials after the last step.
    ///
    /// # Errors
    /// [`SnnError::Gif`] when a code is outside [`GifNeuron::codes`] or a buffer has another length.
    pub fn run(&self, codes: &[i32], spikes: &mut [i32], potentials: &mut [i32]) -> Result<(), SnnError> {
        let [least, most] = self.codes();
        if let Some(&wrong) = codes.iter().find(|code| !(least..=most).contains(code)) {
            let expected = format!("{least} to {most}");
            return Err(SnnError::Gif { field: "code", expected, found: wrong.unsigned_abs() });
        }
        let lengths = [
            ("spikes", spikes.len(), codes.len() * self.steps as usize),
            ("potentials", potentials.len(), codes.len()),
        ];
        for (field, found, expected) in lengths {
            if found != expected {
                return Err(SnnError::Gif { field, expected: format!("{expected} numbers"), found: found as u32 });
            }
        }
        potentials.copy_from_slice(codes);
        for (step, spikes) in (0..self.steps).zip(spikes.chunks_exact_mut(codes.len().max(1))) {
            for (spike, potential) in spikes.iter_mut().zip(&mut *potentials) {
                (*spike, *potential) = self.fire(*potential, step);
            }
        }
        Ok(())
    }

    /// The membrane potential of one neuron before the first step and after each.
    ///
    /// # Errors
    /// [`SnnError::Gif`] when the code is outside [`GifNeuron::codes`].
    pub fn trace(&self, code: i32) -> Result<Vec<i32>, SnnError> {
        let mut spikes = vec![0; self.steps as usize];
        self.run(&[code], &mut spikes, &mut [0])?;
        let falls = spikes.iter().scan(code, |potential, spike| {
            *potential -= spike;
            Some(*potential)
        });
        Ok(std::iter::once(code).chain(falls).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{GifNeuron, TopCodes};

    fn sum(neuron: GifNeuron, code: i32) -> (i32, i32) {
        let mut spikes = vec![0; neuron.steps() as usize];
        let mut left = [0];
        neuron.run(&[code], &mut spikes, &mut left).unwrap();
        (spikes.iter().sum(), left[0])
    }

    #[test]
    fn spikes_sum_to_the_code_for_every_code() {
        for bits in 1..=8 {
            for added in 0..=3 {
                for top in [TopCodes::Reachable, TopCodes::Remainder] {
                    let neuron = GifNeuron::new(bits, 1 << added, top).unwrap();
                    let [least, most] = neuron.codes();
                    assert_eq!(least, 0);
                    if top == TopCodes::Remainder {
                        assert_eq!(most, (1 << (bits + added)) - 1);
                    }
                    for code in least..=most {
                        assert_eq!(sum(neuron, code), (code, 0));
                    }
                }
            }
        }
    }

    #[test]
    fn the_released_form_loses_its_top_codes() {
        for (steps, lost) in [(2, vec![(31, 30)]), (4, vec![(61, 60), (62, 60), (63, 60)])] {
            let neuron = GifNeuron::new(4, steps, TopCodes::Lost).unwrap();
            for code in 0..=neuron.codes()[1] {
                let expected = lost.iter().find(|(top, _)| *top == code).map_or(code, |&(_, sum)| sum);
                assert_eq!(sum(neuron, code), (expected, code - expected), "{steps} steps, code {code}");
            }
        }
    }

    #[test]
    fn a_spike_joins_the_steps_of_a_binary_neuron() {
        // A binary neuron of threshold 1 with soft reset, its code in the membrane: one spike a step while it lasts.
        let binary = |code: i32, steps: i32| (0..steps).map(|step| i32::from(code > step)).collect::<Vec<_>>();
        for bits in 1..=4 {
            for steps in 1..=5u32 {
                let neuron = GifNeuron::new(bits, steps, TopCodes::Reachable).unwrap();
                let joined = (1 << bits) - 1;
                for code in 0..=neuron.codes()[1] {
                    let mut spikes = vec![0; steps as usize];
                    neuron.run(&[code], &mut spikes, &mut [0]).unwrap();
                    let parts = binary(code, joined * steps as i32);
                    let sums: Vec<i32> = parts.chunks(joined as usize).map(|part| part.iter().sum()).collect();
                    assert_eq!(spikes, sums);
                }
            }
        }
    }

    #[test]
    fn signed_spikes_are_those_of_two_neurons() {
        let ternary = GifNeuron::signed(2, 3, TopCodes::Reachable).unwrap();
        assert_eq!(ternary.codes(), [-3, 3]);
        assert_eq!(ternary.trace(-2).unwrap(), [-2, -1, 0, 0]);
        for levels in [2u32, 4, 7] {
            let signed = GifNeuron::signed(levels, 3, TopCodes::Reachable).unwrap();
            for code in signed.codes()[0]..=signed.codes()[1] {
                let mut spikes = [0; 3];
                signed.run(&[code], &mut spikes, &mut [0]).unwrap();
                let one = |code: i32| {
                    let step = |step: i32| (code - step * (levels as i32 - 1)).clamp(0, levels as i32 - 1);
                    [step(0), step(1), step(2)]
                };
                let (positive, negative) = (one(code.max(0)), one((-code).max(0)));
                assert_eq!(spikes, std::array::from_fn::<i32, 3, _>(|t| positive[t] - negative[t]));
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(GifNeuron::new(0, 1, TopCodes::Lost).is_err());
        assert!(GifNeuron::new(9, 1, TopCodes::Lost).is_err());
        assert!(GifNeuron::new(4, 65, TopCodes::Lost).is_err());
        assert!(GifNeuron::signed(1, 1, TopCodes::Lost).is_err());
        let neuron = GifNeuron::new(2, 2, TopCodes::Reachable).unwrap();
        assert!(neuron.run(&[7], &mut [0; 2], &mut [0]).is_err());
        assert!(neuron.run(&[-1], &mut [0; 2], &mut [0]).is_err());
        assert!(neuron.run(&[6], &mut [0; 3], &mut [0]).is_err());
    }
}
