//! Softmax cross-entropy on the logits of a readout, and the distance of counts from their targets.

/// Loss, gradient and prediction of one example.
///
/// `loss = ln(sum_i exp(logit_i)) - logit_label`, `gradient_i = softmax_i - [i = label]`. The
/// gradient is written over `gradient`; the index of the largest logit is returned, the lowest
/// index among equals. Not a finite number when a logit is none.
pub fn cross_entropy(logits: &[f64], label: usize, gradient: &mut [f64]) -> (f64, usize) {
    let mut prediction = 0;
    for (index, &logit) in logits.iter().enumerate() {
        if logit > logits[prediction] {
            prediction = index;
        }
    }
    let largest = logits.get(prediction).copied().unwrap_or(0.0);
    let mut sum = 0.0;
    for (out, &logit) in gradient.iter_mut().zip(logits) {
        *out = (logit - largest).exp();
        sum += *out;
    }
    gradient.iter_mut().for_each(|out| *out /= sum);
    let loss = sum.ln() + largest - logits[label];
    gradient[label] -= 1.0;
    (loss, prediction)
}

/// Loss and gradient of one example by its counts.
///
/// `loss = sum of largest^2 h(d / largest)`, `d = S - T`, over the neurons with a target, with Huber's
/// `h(x) = x^2 / 2` up to `|x| = 1` and `|x| - 1/2` beyond. `gradient = (dloss / dS) / largest`, at most 1 in
/// magnitude, 0 without a target, is written over `gradient`.
pub fn squared_distance(counts: &[f64], targets: &[Option<i16>], largest: f64, gradient: &mut [f64]) -> f64 {
    let mut loss = 0.0;
    for ((&count, target), out) in counts.iter().zip(targets).zip(gradient) {
        let distance = target.map_or(0.0, |target| count - f64::from(target));
        *out = (distance / largest).clamp(-1.0, 1.0);
        let size = distance.abs().min(largest);
        loss += size * (distance.abs() - size / 2.0);
    }
    loss
}

/// The integer nearest to `value`, halves away from zero.
pub fn round_half_away(value: f64) -> i32 {
    value.round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_derivative_of_the_loss() {
        let logits = [0.3, -1.2, 2.0, 0.0];
        let mut gradient = [0.0; 4];
        let (loss, prediction) = cross_entropy(&logits, 1, &mut gradient);
        assert_eq!(prediction, 2);
        for index in 0..4 {
            let mut moved = logits;
            moved[index] += 1e-6;
            let (other, _) = cross_entropy(&moved, 1, &mut [0.0; 4]);
            assert!(((other - loss) / 1e-6 - gradient[index]).abs() < 1e-5);
        }
    }

    #[test]
    fn the_gradient_of_a_distance_is_the_derivative_of_its_loss() {
        let (counts, largest) = ([3.0, -4.5, 90.0, -70.0, 12.0], 20.0);
        let targets = [Some(1), Some(2), Some(0), Some(0), None];
        let mut gradient = [9.0; 5];
        let loss = squared_distance(&counts, &targets, largest, &mut gradient);
        assert_eq!(loss, 2.0 + 0.5 * 6.5 * 6.5 + 20.0 * 80.0 + 20.0 * 60.0);
        for index in 0..counts.len() {
            let mut moved = counts;
            moved[index] += 1e-6;
            let other = squared_distance(&moved, &targets, largest, &mut [0.0; 5]);
            assert!(((other - loss) / 1e-6 - gradient[index] * largest).abs() < 1e-3, "{index}");
        }
        assert_eq!(gradient[4], 0.0);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let (loss, _) = cross_entropy(&[1e6, 0.0], 0, &mut [0.0; 2]);
        assert_eq!(loss, 0.0);
    }

    #[test]
    fn halves_round_away_from_zero() {
        assert_eq!([0.5, -0.5, 2.5, -2.5, 0.49].map(round_half_away), [1, -1, 3, -3, 0]);
    }
}
