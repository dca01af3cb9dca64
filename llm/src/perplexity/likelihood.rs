//! The likelihood of one token.

use ndarray::ArrayView1;

use crate::LlmError;

/// `-ln softmax(logits)[token]`, in nats, in double precision.
///
/// # Errors
/// [`LlmError::Token`] for a token without a logit, [`LlmError::Configuration`] when a logit is not a number: the model is
/// damaged.
pub fn negative_log_likelihood(logits: ArrayView1<'_, f32>, token: u32) -> Result<f64, LlmError> {
    let outside = || LlmError::Token { token, vocabulary: logits.len() };
    let chosen = logits.get(token as usize).copied().ok_or_else(outside)?;
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - largest).exp()).sum();
    if sum.is_nan() {
        return Err(LlmError::configuration("logits", "numbers; the weights are damaged", sum));
    }
    Ok(sum.ln() - f64::from(chosen - largest))
}
