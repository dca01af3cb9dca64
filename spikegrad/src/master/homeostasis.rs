//! Slow control of each channel's activity: which bias and which spread of weights it needs.
//!
//! The spiking counterpart of a normalisation over the batch: intrinsic plasticity moves the bias
//! when too few or too many neurons spike, synaptic scaling changes the spread of the weights when
//! those that spike do so too much or too little. Between the bounds nothing happens.

/// What a channel did in a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ChannelActivity {
    /// Mean spike count over examples and positions.
    pub mean: f64,
    /// Share of neurons with a spike.
    pub active: f64,
}

/// Bounds of the share of neurons with a spike.
const ACTIVE_SHARE: [f64; 2] = [0.1, 0.5];
/// Change of the bias, in spikes, for each unit that the share is beyond its bounds.
const BIAS_STEP: f64 = 4.0;
/// Largest relative change of the spread of weights in one update.
const SCALE_STEP: f64 = 0.02;

/// How activity is controlled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Control {
    /// Share of its full strength.
    pub strength: f64,
    /// Bounds of the mean count of neurons with a spike.
    pub counts: [f64; 2],
}

impl Control {
    /// What to add to the bias, in units of the threshold.
    pub fn bias_shift(&self, activity: ChannelActivity) -> f64 {
        let [low, high] = ACTIVE_SHARE;
        self.strength * BIAS_STEP * (activity.active.clamp(low, high) - activity.active)
    }

    /// What to multiply the spread of the weights with.
    pub fn scale(&self, activity: ChannelActivity) -> f64 {
        if activity.active <= 0.0 {
            return 1.0;
        }
        let [low, high] = self.counts;
        let count = activity.mean / activity.active;
        let excess = (count - count.clamp(low, high)) / high;
        1.0 - self.strength * SCALE_STEP * excess.clamp(-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{ChannelActivity, Control};

    const FULL: Control = Control { strength: 1.0, counts: [3.0, 8.0] };

    fn channel(mean: f64, active: f64) -> ChannelActivity {
        ChannelActivity { mean, active }
    }

    #[test]
    fn activity_between_the_bounds_changes_nothing() {
        for (mean, active) in [(1.0, 0.2), (3.2, 0.4), (2.0, 0.5)] {
            let activity = channel(mean, active);
            assert_eq!((FULL.bias_shift(activity), FULL.scale(activity)), (0.0, 1.0));
        }
    }

    #[test]
    fn activity_beyond_the_bounds_is_pushed_back() {
        let silent = channel(0.0, 0.0);
        assert!(FULL.bias_shift(silent) > 0.0 && FULL.scale(silent) == 1.0);
        assert!(FULL.bias_shift(channel(4.0, 0.8)) < 0.0);
        assert!(FULL.scale(channel(6.0, 0.3)) < 1.0);
        assert!(FULL.scale(channel(0.3, 0.2)) > 1.0);
        let wide = Control { counts: [1.0, 30.0], ..FULL };
        assert_eq!((wide.scale(channel(6.0, 0.3)), wide.scale(channel(0.3, 0.2))), (1.0, 1.0));
    }

    #[test]
    fn the_control_is_proportional_to_its_strength() {
        let busy = channel(8.0, 0.8);
        let [quarter, none] = [0.25, 0.0].map(|strength| Control { strength, ..FULL });
        assert!((quarter.bias_shift(busy) - 0.25 * FULL.bias_shift(busy)).abs() < 1e-12);
        assert!((1.0 - quarter.scale(busy) - 0.25 * (1.0 - FULL.scale(busy))).abs() < 1e-12);
        assert_eq!((none.bias_shift(busy), none.scale(busy)), (0.0, 1.0));
    }
}
