//! Voltages lost along wires, by running sums.

use super::ArrayCircuit;

/// Values of several circuits at one cell, which differ in their sources only.
pub(super) type Lanes<const L: usize> = [f64; L];

impl ArrayCircuit<'_> {
    /// `drops = (Z_row + Z_column) currents`, cell by cell; `sums` is scratch of as many cells.
    pub(super) fn drops<const L: usize>(
        &self,
        currents: impl Fn(usize) -> Lanes<L>,
        drops: &mut [Lanes<L>],
        sums: &mut [Lanes<L>],
    ) {
        let (rows, lines) = (self.conductances.rows, self.conductances.bit_lines);
        for row in 0..rows {
            self.row_drops(row, &currents, drops, sums);
        }
        let mut lost = vec![[0.0; L]; lines];
        for row in (0..rows).rev() {
            let resistance = if row + 1 == rows { self.wires.sense } else { self.wires.wire };
            let cells = row * lines..(row + 1) * lines;
            for ((lost, sum), drop) in lost.iter_mut().zip(&sums[cells.clone()]).zip(&mut drops[cells]) {
                for lane in 0..L {
                    lost[lane] += resistance * sum[lane];
                    drop[lane] += lost[lane];
                }
            }
        }
    }

    /// `Z_row currents` of one row; `sums` takes the current that each column wire carries below it.
    fn row_drops<const L: usize>(
        &self,
        row: usize,
        currents: &impl Fn(usize) -> Lanes<L>,
        drops: &mut [Lanes<L>],
        sums: &mut [Lanes<L>],
    ) {
        let lines = self.conductances.bit_lines;
        let first = row * lines;
        let (above, sums) = sums.split_at_mut(first);
        let above = &above[first.saturating_sub(lines)..];
        let drops = &mut drops[first..first + lines];
        let mut carried = [0.0; L];
        for line in (0..lines).rev() {
            let current = currents(first + line);
            let before = above.get(line).copied().unwrap_or([0.0; L]);
            for lane in 0..L {
                carried[lane] += current[lane];
                sums[line][lane] = before[lane] + current[lane];
            }
            drops[line] = carried;
        }
        let mut lost = [0.0; L];
        let mut resistance = self.wires.driver;
        for drop in drops {
            for lane in 0..L {
                lost[lane] += resistance * drop[lane];
            }
            *drop = lost;
            resistance = self.wires.wire;
        }
    }
}
