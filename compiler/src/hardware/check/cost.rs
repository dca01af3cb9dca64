//! Checks of the constants of the cost model.

use super::Checker;
use crate::CompilerError;
use crate::hardware::{Component, Curve, HardwareSpecification};

/// Bounds beyond which a number is a slip of the unit.
const LARGEST_ENERGY_PJ: f64 = 1e9;
const LARGEST_LATENCY_NS: f64 = 1e9;
const LARGEST_AREA_UM2: f64 = 1e10;
const LARGEST_LEAKAGE_NW: f64 = 1e12;
const MOST_ARRAYS: i64 = 1 << 16;
const MOST_POINTS: usize = 1024;

impl Checker<'_> {
    pub(super) fn cost(&self, specification: &HardwareSpecification) -> Result<(), CompilerError> {
        let cost = &specification.cost;
        let components = [
            ("cost.array", &cost.array),
            ("cost.row_driver", &cost.row_driver),
            ("cost.converter", &cost.converter),
            ("cost.scale_factor", &cost.scale_factor),
            ("cost.accumulator", &cost.accumulator),
            ("cost.buffer_bit", &cost.buffer_bit),
            ("cost.interconnect_bit", &cost.interconnect_bit),
            ("cost.neuron", &cost.neuron),
            ("cost.tile", &cost.tile),
        ];
        for (field, component) in components {
            self.component(field, component)?;
        }
        self.at_least_zero("cost.leakage_nw", cost.leakage_nw, LARGEST_LEAKAGE_NW, "give the power of one array")?;
        let is_counted = components.into_iter().any(|(_, component)| component.is_counted()) || cost.leakage_nw > 0.0;
        let (node, expected) = (cost.technology_nm, specification.device.technology_nm);
        self.that(
            node == expected || (node == 0.0 && !is_counted),
            "cost.technology_nm",
            format_args!("{expected}, as device.technology_nm"),
            node,
            "scale the constants to the node of the device and say so in their sources",
        )?;
        let remedy = "give the arrays that share buffers and routers, or 0 without a tile";
        self.whole("cost.arrays_per_tile", cost.arrays_per_tile, 0..=MOST_ARRAYS, remedy)?;
        self.that(
            cost.arrays_per_tile > 0 || !cost.tile.is_counted(),
            "cost.arrays_per_tile",
            "at least 1 beside numbers in cost.tile",
            0,
            "give the arrays of one tile, or remove the numbers of cost.tile",
        )?;
        self.curve("cost.zero_share_energy", &cost.zero_share_energy)
    }

    fn component(&self, field: &str, component: &Component) -> Result<(), CompilerError> {
        let numbers = [
            ("energy_pj", component.energy_pj, LARGEST_ENERGY_PJ, "give the energy of one use in picojoules"),
            ("latency_ns", component.latency_ns, LARGEST_LATENCY_NS, "give the time of one use in nanoseconds"),
            ("area_um2", component.area_um2, LARGEST_AREA_UM2, "give the area of one instance in square micrometres"),
        ];
        for (key, value, most, remedy) in numbers {
            self.at_least_zero(&format!("{field}.{key}"), value, most, remedy)?;
        }
        self.that(
            !component.is_counted() || !component.source.trim().is_empty(),
            &format!("{field}.source"),
            "where the numbers come from",
            "an empty text",
            "name the publication, simulator or measurement, or say that the numbers are assumed",
        )
    }

    fn curve(&self, field: &str, curve: &Curve) -> Result<(), CompilerError> {
        let points = &curve.points;
        let expected = format_args!("at most {MOST_POINTS} points");
        self.that(points.len() <= MOST_POINTS, field, expected, points.len(), "leave points out")?;
        for (index, [x, y]) in points.iter().enumerate() {
            let place = format!("{field}[{index}]");
            self.at_least_zero(&place, *x, 1.0, "the first coordinate is the share of zeros")?;
            self.at_least_zero(&place, *y, 1.0, "the second coordinate is relative to the energy without zeros")?;
        }
        let falling = points.windows(2).position(|pair| pair[0][0] >= pair[1][0]);
        falling.map_or(Ok(()), |index| {
            let (before, after) = (points[index][0], points[index + 1][0]);
            let expected = format_args!("a first coordinate above that of the point before, {before}");
            let remedy = "order the points by their first coordinate, and name each share once";
            self.that(false, &format!("{field}[{}]", index + 1), expected, after, remedy)
        })
    }
}
