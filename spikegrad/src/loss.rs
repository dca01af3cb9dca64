//! Softmax cross-entropy on the logits of the readout, summed over examples.

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
    fn large_logits_do_not_overflow() {
        let (loss, _) = cross_entropy(&[1e6, 0.0], 0, &mut [0.0; 2]);
        assert_eq!(loss, 0.0);
    }

    #[test]
    fn halves_round_away_from_zero() {
        assert_eq!([0.5, -0.5, 2.5, -2.5, 0.49].map(round_half_away), [1, -1, 3, -3, 0]);
    }
}
