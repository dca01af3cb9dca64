//! Published networks as shapes, and published figures that the model is held against.

use super::shapes::{Assumption, LayerShape};
use crate::hardware::{Component, HardwareSpecification};

/// A network of a publication on a chip.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedNetwork {
    /// Name in the publication.
    pub name: &'static str,
    /// Projections with weights, in order.
    pub layers: Vec<LayerShape>,
    /// What the publication, or its authors' code, assumes about activity.
    pub assumption: Assumption,
}

/// The authors' code runs workloads of Apolinario et al. with a random half of all rows active,
/// one read for each time step.
fn steps(streams: usize) -> Assumption {
    Assumption { density: 0.5, zero_share: 0.0, streams, integrates_every_read: true }
}

/// Convolutions of 3 x 3 that keep the map, each `(channels, outputs, side)`.
fn convolutions(prefix: &str, list: &[(usize, usize, usize)]) -> Vec<LayerShape> {
    let numbered = list.iter().enumerate();
    numbered
        .map(|(index, &(channels, outputs, side))| {
            LayerShape::convolution(&format!("{prefix}{}", index + 1), channels, 3, outputs, [side, side])
        })
        .collect()
}

/// Gesture recognition on 64 x 64 x 2 events, 20 time steps (DVSNet of Apolinario et al.).
pub fn dvsnet() -> PublishedNetwork {
    let sides = [64, 64, 64, 32, 32, 16, 16, 8, 8, 4, 4];
    let list: Vec<_> =
        sides.iter().enumerate().map(|(index, &side)| (if index == 0 { 2 } else { 32 }, 32, side)).collect();
    let mut layers = convolutions("convolution", &list);
    layers.push(LayerShape::dense("dense", 128, 11));
    PublishedNetwork { name: "DVSNet", layers, assumption: steps(20) }
}

/// Optical flow on 256 x 256 x 4 events, 5 time steps (FireFlowNet of Apolinario et al.).
pub fn fireflownet() -> PublishedNetwork {
    let list: Vec<_> = (0..7).map(|index| (if index == 0 { 4 } else { 32 }, 32, 256)).collect();
    PublishedNetwork { name: "FireFlowNet", layers: convolutions("convolution", &list), assumption: steps(5) }
}

/// Optical flow on 256 x 256 x 4 events, 5 time steps (spiking Spike-FlowNet, SFN): encoder with
/// stride 2, residual blocks, and a decoder of 4 x 4 convolutions whose inputs are concatenations.
/// The maps of the decoder follow from the published replication: 256 positions for each copy.
pub fn sfn() -> PublishedNetwork {
    let encoder = [(4, 64, 128), (64, 128, 64), (128, 256, 32), (256, 512, 16)];
    let mut layers = convolutions("encoder", &encoder);
    layers.extend(convolutions("residual", &[(512, 512, 16); 4]));
    let decoder =
        [(512, 128, 32), (512, 32, 16), (416, 32, 32), (416, 64, 32), (224, 32, 64), (224, 4, 64), (100, 32, 128)];
    layers.extend(decoder.iter().enumerate().map(|(index, &(channels, outputs, side))| {
        LayerShape::convolution(&format!("decoder{}", index + 1), channels, 4, outputs, [side, side])
    }));
    for layer in &mut layers {
        layer.replicas = layer.map[0] * layer.map[1] / 256;
    }
    PublishedNetwork { name: "SFN", layers, assumption: steps(5) }
}

/// The VGG of CIFAR-100 shape, 10 time steps (Apolinario et al.).
pub fn snn_vgg() -> PublishedNetwork {
    let mut list = vec![(3, 64, 32), (64, 64, 32), (64, 128, 16), (128, 128, 16), (128, 256, 8)];
    list.extend([(256, 256, 8), (256, 256, 8), (256, 512, 4), (512, 512, 4), (512, 512, 4)]);
    list.extend([(512, 512, 2); 3]);
    let mut layers = convolutions("convolution", &list);
    layers.push(LayerShape::dense("dense1", 2048, 4096));
    layers.push(LayerShape::dense("dense2", 4096, 4096));
    layers.push(LayerShape::dense("dense3", 4096, 100));
    PublishedNetwork { name: "SNN-VGG", layers, assumption: steps(10) }
}

/// A residual network of CIFAR-100 shape, 10 time steps: stem of 64 channels with pooling, two
/// basic blocks for each of 64, 128, 256 and 512 channels with 1 x 1 projections where the width
/// changes, dense 2048 to 100 (after Apolinario et al.; number of blocks and sides of the maps
/// are chosen so that the last map of 512 channels is 2 x 2).
pub fn snn_resnet() -> PublishedNetwork {
    let mut layers = convolutions("stem", &[(3, 64, 32)]);
    let mut channels = 64;
    for (stage, (outputs, side)) in [(64, 16), (128, 8), (256, 4), (512, 2)].into_iter().enumerate() {
        let list =
            [(channels, outputs, side), (outputs, outputs, side), (outputs, outputs, side), (outputs, outputs, side)];
        layers.extend(convolutions(&format!("block{}-", stage + 1), &list));
        if channels != outputs {
            layers.push(LayerShape::convolution(&format!("shortcut{}", stage + 1), channels, 1, outputs, [side, side]));
        }
        channels = outputs;
    }
    layers.push(LayerShape::dense("dense", 2048, 100));
    PublishedNetwork { name: "SNN-ResNet", layers, assumption: steps(10) }
}

/// Counts of 4 bits, half of their bits set, and 60 % zeros among ternary codes: the published
/// range is 55 to 70 % for the later layers of ResNet-20, and half is assumed for the bits.
fn four_bits() -> Assumption {
    Assumption { density: 0.5, zero_share: 0.6, streams: 4, integrates_every_read: false }
}

/// ResNet-20 for CIFAR-10 with parameter-free shortcuts: stem of 16 channels, then three stages of
/// six convolutions with 16, 32 and 64 channels, dense 64 to 10 (He et al., CVPR 2016).
pub fn resnet20() -> PublishedNetwork {
    let mut list = vec![(3, 16, 32)];
    list.extend([(16, 16, 32); 6]);
    list.push((16, 32, 16));
    list.extend([(32, 32, 16); 5]);
    list.push((32, 64, 8));
    list.extend([(64, 64, 8); 5]);
    let mut layers = convolutions("convolution", &list);
    layers.push(LayerShape::dense("dense", 64, 10));
    PublishedNetwork { name: "ResNet-20", layers, assumption: four_bits() }
}

/// VGG-9 for CIFAR-10: convolutions with 64, 64, 128, 128, 256, 256, 256 channels, a pooling after
/// the second, fourth and last, dense 4096 to 1024 to 10. The publication does not print its
/// shapes; this is the usual form with seven convolutions and two dense projections.
pub fn vgg9() -> PublishedNetwork {
    let list = [(3, 64, 32), (64, 64, 32), (64, 128, 16), (128, 128, 16), (128, 256, 8), (256, 256, 8), (256, 256, 8)];
    let mut layers = convolutions("convolution", &list);
    layers.push(LayerShape::dense("dense1", 4096, 1024));
    layers.push(LayerShape::dense("dense2", 1024, 10));
    PublishedNetwork { name: "VGG-9", layers, assumption: four_bits() }
}

impl PublishedNetwork {
    /// The same with `replicas` copies of every convolution whose map has at least that many
    /// positions: the speed-up of early layers in the published simulator.
    pub fn replicated(mut self, replicas: usize) -> Self {
        for layer in &mut self.layers {
            layer.replicas = replicas.min(layer.map[0] * layer.map[1]);
        }
        self
    }
}

/// The same chip with the delay of its single comparator evaluated as the published simulator
/// does for several: the cap of 10 ns enters the clock in place of the floor of 1 ns.
pub fn with_evaluated_comparator(hardware: &HardwareSpecification) -> HardwareSpecification {
    const CAP_LESS_FLOOR_NS: f64 = 9.0;
    let mut evaluated = hardware.clone();
    evaluated.cost.array.latency_ns += CAP_LESS_FLOOR_NS;
    evaluated
}

/// Power and area of one tile of arrays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TilePeak {
    /// Power in mW when every array is read each cycle, every column is converted, and half of
    /// the cells conduct.
    pub power_mw: f64,
    /// Area in square millimetres.
    pub area_mm2: f64,
}

/// Power and area of a full tile whose arrays all start a read every `cycle_ns`: sums of the
/// constants, for comparison with published tables of components. `columns` of each array are
/// converted, each followed by one addition; every row is driven and read from a buffer once.
pub fn tile_peak(hardware: &HardwareSpecification, columns: usize, cycle_ns: f64) -> TilePeak {
    let cost = &hardware.cost;
    let (rows, columns) = (hardware.array.rows as f64, columns as f64);
    let arrays = cost.arrays_per_tile.max(1);
    let each = |component: &Component, uses: f64| component.energy_pj * uses;
    let array = each(&cost.array, 1.0)
        + each(&cost.row_driver, rows)
        + each(&cost.converter, columns)
        + each(&cost.accumulator, columns)
        + each(&cost.buffer_bit, rows);
    let power_mw = (array * arrays as f64 + each(&cost.tile, 1.0)) / cycle_ns;
    let area = super::area::arrays(hardware, arrays).total() + cost.tile.area_um2;
    TilePeak { power_mw, area_mm2: area / 1e6 }
}
