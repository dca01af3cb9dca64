//! The linear maps of a transformer block, and the places where their inputs arise.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ModelConfig;

/// A linear map of a transformer block: `y = x W^T + b`, `W` of shape `[outputs, inputs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Linear {
    /// Hidden state to queries.
    Query,
    /// Hidden state to keys.
    Key,
    /// Hidden state to values.
    Value,
    /// Attended values to the hidden state.
    Output,
    /// Hidden state to the argument of the feed-forward activation.
    Gate,
    /// Hidden state to the factor of the feed-forward activation.
    Up,
    /// Feed-forward activation to the hidden state.
    Down,
}

impl Linear {
    /// All of a block, in the order in which they are computed.
    pub const ALL: [Self; 7] = [Self::Query, Self::Key, Self::Value, Self::Output, Self::Gate, Self::Up, Self::Down];

    /// Place in [`Linear::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Where its input arises.
    pub fn site(self) -> Site {
        match self {
            Self::Query | Self::Key | Self::Value => Site::AttentionInput,
            Self::Output => Site::AttentionOutput,
            Self::Gate | Self::Up => Site::FeedForwardInput,
            Self::Down => Site::FeedForwardHidden,
        }
    }

    /// Shape `[outputs, inputs]` of its weights.
    pub fn shape(self, config: &ModelConfig) -> [usize; 2] {
        let inputs = self.site().width(config);
        let outputs = match self {
            Self::Query => config.query_width(),
            Self::Key | Self::Value => config.key_value_width(),
            Self::Gate | Self::Up => config.feed_forward,
            Self::Output | Self::Down => config.hidden,
        };
        [outputs, inputs]
    }

    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Key => "key",
            Self::Value => "value",
            Self::Output => "output",
            Self::Gate => "gate",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Linear {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A place in a transformer block whose activations are the input of one or more linear maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Site {
    /// The normalised hidden state before the attention: input of query, key and value.
    AttentionInput,
    /// The attended values of all heads: input of output.
    AttentionOutput,
    /// The normalised hidden state before the feed-forward network: input of gate and up.
    FeedForwardInput,
    /// The feed-forward activation `silu(gate) * up`: input of down.
    FeedForwardHidden,
}

impl Site {
    /// All of a block, in the order in which they are computed.
    pub const ALL: [Self; 4] =
        [Self::AttentionInput, Self::AttentionOutput, Self::FeedForwardInput, Self::FeedForwardHidden];

    /// Place in [`Site::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The linear maps that take these activations.
    pub fn linears(self) -> &'static [Linear] {
        match self {
            Self::AttentionInput => &[Linear::Query, Linear::Key, Linear::Value],
            Self::AttentionOutput => &[Linear::Output],
            Self::FeedForwardInput => &[Linear::Gate, Linear::Up],
            Self::FeedForwardHidden => &[Linear::Down],
        }
    }

    /// Activations of one token.
    pub fn width(self, config: &ModelConfig) -> usize {
        match self {
            Self::AttentionInput | Self::FeedForwardInput => config.hidden,
            Self::AttentionOutput => config.query_width(),
            Self::FeedForwardHidden => config.feed_forward,
        }
    }

    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::AttentionInput => "attention input",
            Self::AttentionOutput => "attention output",
            Self::FeedForwardInput => "feed-forward input",
            Self::FeedForwardHidden => "feed-forward hidden",
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Linear, Site};

    #[test]
    fn sites_and_linears_name_each_other() {
        for (index, site) in Site::ALL.into_iter().enumerate() {
            assert_eq!(site.index(), index);
            assert!(site.linears().iter().all(|linear| linear.site() == site));
        }
        for (index, linear) in Linear::ALL.into_iter().enumerate() {
            assert_eq!(linear.index(), index);
            assert!(linear.site().linears().contains(&linear));
        }
    }
}
