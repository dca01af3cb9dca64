//! Pulse trains of a row and its columns, and the slots in which they meet.

use kernels::Loop;

use super::super::random::LANES;
use super::super::statistics::Counts;
use super::lanes::Block;

/// Bit of a train that says whether its number is negative.
const SIGN: u32 = 1 << 31;
/// Slots beside the sign.
const FIRST_SLOTS: u32 = 31;

/// A train: sign and slots 0 to 30, then the slots from 31.
pub(in super::super) type Train = [u32; 2];

/// The train of a number with pulses in `slots`.
pub(in super::super) fn train(is_negative: bool, slots: u64) -> Train {
    let sign = if is_negative { SIGN } else { 0 };
    [slots as u32 & !SIGN | sign, (slots >> FIRST_SLOTS) as u32]
}

/// The trains of all columns, sixteen side by side.
pub(in super::super) struct Columns {
    first: Vec<[u32; LANES]>,
    /// Slots from 31; empty where no train has them.
    later: Vec<[u32; LANES]>,
}

impl Columns {
    pub fn new(trains: &[Train]) -> Self {
        let plane = |plane: usize| {
            let block = |trains: &[Train]| std::array::from_fn(|lane| trains.get(lane).map_or(0, |train| train[plane]));
            trains.chunks(LANES).map(block).collect()
        };
        let is_long = trains.iter().any(|train| train[1] != 0);
        Self { first: plane(0), later: if is_long { plane(1) } else { Vec::new() } }
    }
}

/// The train of a row and those of all columns.
pub(in super::super) struct Meeting<'a> {
    pub input: Train,
    pub errors: &'a Columns,
}

impl Meeting<'_> {
    /// Whether the train of the row has any pulse.
    pub fn has_pulses(&self) -> bool {
        self.input[0] & !SIGN != 0 || self.input[1] != 0
    }

    /// Slots in which the trains meet, with the sign of the product, for each column.
    pub fn count(&self, numbers: &mut [i16]) {
        for (number, numbers) in numbers.chunks_mut(LANES).enumerate() {
            let (pulses, _) = self.block(number);
            for (number, pulses) in numbers.iter_mut().zip(pulses) {
                *number = pulses as i16;
            }
        }
    }

    /// The same for the columns of a block, and without the signs.
    #[inline(always)]
    fn block(&self, number: usize) -> ([i32; LANES], [i32; LANES]) {
        let ([input, later], errors) = (self.input, &self.errors.first[number]);
        let (mut pulses, mut met) = ([0; LANES], [0; LANES]);
        for lane in 0..LANES {
            met[lane] = (input & errors[lane] & !SIGN).count_ones() as i32;
        }
        if let Some(errors) = self.errors.later.get(number) {
            for lane in 0..LANES {
                met[lane] += (later & errors[lane]).count_ones() as i32;
            }
        }
        for lane in 0..LANES {
            // All ones where the signs differ: the complement plus 1 is the negative number.
            let differ = (input ^ errors[lane]) as i32 >> 31;
            pulses[lane] = (met[lane] ^ differ) - differ;
        }
        (pulses, met)
    }
}

/// Counts coincidences into blocks; gives all pulses up and down, and the most of a device of each block.
pub(super) struct Meet<'a, 'b> {
    pub meeting: &'a Meeting<'b>,
    pub blocks: &'a mut [Block],
    pub most: &'a mut [u32],
}

impl Loop for Meet<'_, '_> {
    type Output = Counts;

    #[inline(always)]
    fn run(self) -> Counts {
        let (mut sums, mut signed) = ([0i32; LANES], [0i32; LANES]);
        for (number, (block, most)) in self.blocks.iter_mut().zip(self.most).enumerate() {
            let (pulses, met) = self.meeting.block(number);
            for lane in 0..LANES {
                sums[lane] += met[lane];
                signed[lane] += pulses[lane];
                block.pulses[lane] = pulses[lane] as f32;
            }
            *most = met.iter().fold(0, |most: i32, &met| most.max(met)) as u32;
        }
        let (sum, signed) = (sums.iter().sum::<i32>(), signed.iter().sum::<i32>());
        Counts { up: ((sum + signed) / 2) as u64, down: ((sum - signed) / 2) as u64, ..Counts::default() }
    }
}
