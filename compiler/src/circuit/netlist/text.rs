//! The circuit in the language of ngspice.

use std::fmt::Write;

use super::{Comparator, Tile};

/// What the nodes are; every netlist starts with it.
const NODES: &str = "\
d<row>               source of a row driver
r<row>_<bit line>    row wire at a cell
c<row>_<bit line>    column wire at a cell
s<bit line>          virtual ground that takes the current of a bit line; i(vs<bit line>) is that current
p<column>            partial sum in levels, as volts: current, less that of a dummy column, over that of
                     one level, plus the offset of the comparator
q<column>            decision of the comparators, as volts
Elements: Rdriver, Rrow, Rcolumn, Rsense wires (Vrow .. where they have no resistance), Rcell cells; a cell
without conductance is left out.";

impl Tile {
    /// The netlist; writing to a string cannot fail, so nothing is reported.
    pub fn netlist(&self) -> String {
        let mut text = String::new();
        for line in self.title.iter().map(String::as_str).chain([""]).chain(NODES.lines()).chain([self.pairing()]) {
            let _ = writeln!(text, "* {line}");
        }
        self.rows(&mut text);
        self.columns(&mut text);
        self.senses(&mut text);
        self.analysis(&mut text);
        text
    }

    fn pairing(&self) -> &'static str {
        if self.paired {
            "Column c is the pair of bit lines 2c (positive) and 2c + 1 (negative)."
        } else {
            "Column c is bit line c."
        }
    }

    fn rows(&self, text: &mut String) {
        let lines = self.conductances.bit_lines;
        for (row, voltage) in self.row_voltages.iter().enumerate() {
            let _ = writeln!(text, "* row {row}: {}", if *voltage == 0.0 { "held at 0 V" } else { "driven" });
            let _ = writeln!(text, "Vd{row} d{row} 0 DC {voltage:e}");
            for line in 0..lines {
                let (name, from, resistance) = match line {
                    0 => (format!("driver{row}"), format!("d{row}"), self.wires.driver),
                    _ => (format!("row{row}_{line}"), format!("r{row}_{}", line - 1), self.wires.wire),
                };
                wire(text, &name, &from, &format!("r{row}_{line}"), resistance);
            }
            for line in 0..lines {
                let conductance = self.conductances.get(row, line);
                if conductance > 0.0 {
                    let resistance = conductance.recip();
                    let _ = writeln!(text, "Rcell{row}_{line} r{row}_{line} c{row}_{line} {resistance:e}");
                }
            }
        }
    }

    fn columns(&self, text: &mut String) {
        for line in 0..self.conductances.bit_lines {
            let _ = writeln!(text, "* bit line {line}");
            for row in 0..self.conductances.rows {
                let here = format!("c{row}_{line}");
                if row + 1 < self.conductances.rows {
                    wire(text, &format!("column{row}_{line}"), &here, &format!("c{}_{line}", row + 1), self.wires.wire);
                } else {
                    wire(text, &format!("sense{line}"), &here, &format!("s{line}"), self.wires.sense);
                }
            }
            let _ = writeln!(text, "Vs{line} s{line} 0 DC 0");
        }
    }

    fn senses(&self, text: &mut String) {
        for (column, (offset, comparator)) in self.offsets.iter().zip(&self.comparators).enumerate() {
            let current = match self.paired {
                true => format!("i(vs{}) - i(vs{})", 2 * column, 2 * column + 1),
                false => format!("i(vs{column}) - ({:e})", self.dummy_current),
            };
            let unit = self.level_current;
            let _ = writeln!(text, "* column {column}");
            let _ = writeln!(text, "Bp{column} p{column} 0 V = ({current}) / {unit:e} + ({offset:e})");
            let value = format!("v(p{column})");
            let decision = match comparator {
                Comparator::None => continue,
                Comparator::Sign => format!("{value} >= 0 ? 1 : -1"),
                Comparator::Exchanged => format!("{value} > 0 ? 1 : -1"),
                Comparator::Ternary(threshold) => {
                    format!("{value} >= {threshold} ? 1 : ({value} <= -({threshold}) ? -1 : 0)")
                }
            };
            let _ = writeln!(text, "Bq{column} q{column} 0 V = {decision}");
        }
    }

    fn analysis(&self, text: &mut String) {
        text.push_str(".options reltol=1e-9 abstol=1e-16 vntol=1e-12 gmin=1e-18\n.control\nop\nset numdgt=15\n");
        for line in 0..self.conductances.bit_lines {
            let _ = writeln!(text, "print i(vs{line})");
        }
        for (column, comparator) in self.comparators.iter().enumerate() {
            let _ = writeln!(text, "print v(p{column})");
            if *comparator != Comparator::None {
                let _ = writeln!(text, "print v(q{column})");
            }
        }
        text.push_str("quit\n.endc\n.end\n");
    }
}

/// A piece of wire; without resistance it is a source of 0 V.
fn wire(text: &mut String, name: &str, from: &str, to: &str, resistance: f64) {
    let _ = match resistance > 0.0 {
        true => writeln!(text, "R{name} {from} {to} {resistance:e}"),
        false => writeln!(text, "V{name} {from} {to} DC 0"),
    };
}
