//! Byte pair encoding: merges neighbours, best score first, the leftmost of equals.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A pair of neighbours that can be merged.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    score: f32,
    left: usize,
    right: usize,
    /// Tokens of the two when the pair was found; another merge may have changed them since.
    tokens: [u32; 2],
    merged: u32,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// A token with its neighbours; `None` once it has been merged into the one before.
#[derive(Clone, Copy, Debug)]
struct Place {
    token: Option<u32>,
    before: Option<usize>,
    after: Option<usize>,
}

/// Merges until no two neighbours can be: `joined(left, right)` gives the token of a pair and its score. The time is
/// `n log n` for `n` tokens.
pub(super) fn merge(tokens: &[u32], mut joined: impl FnMut(u32, u32) -> Option<(u32, f32)>) -> Vec<u32> {
    let last = tokens.len().saturating_sub(1);
    let places = tokens.iter().enumerate().map(|(index, &token)| Place {
        token: Some(token),
        before: index.checked_sub(1),
        after: (index < last).then_some(index + 1),
    });
    let mut places: Vec<Place> = places.collect();
    let mut candidate = |places: &[Place], left: Option<usize>, right: Option<usize>| {
        let (left, right) = (left?, right?);
        let tokens = [places[left].token?, places[right].token?];
        let (merged, score) = joined(tokens[0], tokens[1])?;
        Some(Candidate { score, left, right, tokens, merged })
    };
    let mut heap: BinaryHeap<Candidate> =
        (0..last).filter_map(|left| candidate(&places, Some(left), Some(left + 1))).collect();
    while let Some(Candidate { left, right, tokens, merged, .. }) = heap.pop() {
        let is_current =
            places[left].after == Some(right) && [places[left].token, places[right].token] == tokens.map(Some);
        if !is_current {
            continue;
        }
        let after = places[right].after;
        places[left].token = Some(merged);
        places[left].after = after;
        places[right].token = None;
        if let Some(after) = after {
            places[after].before = Some(left);
        }
        heap.extend(candidate(&places, places[left].before, Some(left)));
        heap.extend(candidate(&places, Some(left), after));
    }
    places.iter().filter_map(|place| place.token).collect()
}
