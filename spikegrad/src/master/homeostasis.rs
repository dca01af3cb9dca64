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
/// Bounds of the mean count of neurons with a spike.
const ACTIVE_COUNT: [f64; 2] = [3.0, 8.0];
/// Largest relative change of the spread of weights in one update.
const SCALE_STEP: f64 = 0.02;

impl ChannelActivity {
    /// What to add to the bias, in units of the threshold; `strength` of 1 is the full control.
    pub fn bias_shift(&self, strength: f64) -> f64 {
        let [low, high] = ACTIVE_SHARE;
        strength * BIAS_STEP * (self.active.clamp(low, high) - self.active)
    }

    /// What to multiply the spread of the weights with; `strength` of 1 is the full control.
    pub fn scale(&self, strength: f64) -> f64 {
        if self.active <= 0.0 {
            return 1.0;
        }
        let [low, high] = ACTIVE_COUNT;
        let count = self.mean / self.active;
        let excess = (count - count.clamp(low, high)) / high;
        1.0 - strength * SCALE_STEP * excess.clamp(-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ChannelActivity;

    #[test]
    fn activity_between_the_bounds_changes_nothing() {
        for (mean, active) in [(1.0, 0.2), (3.2, 0.4), (2.0, 0.5)] {
            let activity = ChannelActivity { mean, active };
            assert_eq!((activity.bias_shift(1.0), activity.scale(1.0)), (0.0, 1.0));
        }
    }

    #[test]
    fn activity_beyond_the_bounds_is_pushed_back() {
        let silent = ChannelActivity { mean: 0.0, active: 0.0 };
        assert!(silent.bias_shift(1.0) > 0.0 && silent.scale(1.0) == 1.0);
        assert!(ChannelActivity { mean: 4.0, active: 0.8 }.bias_shift(1.0) < 0.0);
        assert!(ChannelActivity { mean: 6.0, active: 0.3 }.scale(1.0) < 1.0);
        assert!(ChannelActivity { mean: 0.3, active: 0.2 }.scale(1.0) > 1.0);
    }

    #[test]
    fn the_control_is_proportional_to_its_strength() {
        let busy = ChannelActivity { mean: 8.0, active: 0.8 };
        assert!((busy.bias_shift(0.25) - 0.25 * busy.bias_shift(1.0)).abs() < 1e-12);
        assert!((1.0 - busy.scale(0.25) - 0.25 * (1.0 - busy.scale(1.0))).abs() < 1e-12);
        assert_eq!((busy.bias_shift(0.0), busy.scale(0.0)), (0.0, 1.0));
    }
}
