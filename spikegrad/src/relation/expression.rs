//! Relations as expressions over variables, for example `(a + b) % 1`.

use exmex::{BinOp, Express as _, FlatEx, FloatOpsFactory, MakeOperators, Operator, ops_factory};

use crate::error::SpikegradError;

ops_factory!(
    Remainder,
    f64,
    Operator::make_bin(
        "%",
        BinOp { apply: |dividend: f64, divisor: f64| dividend.rem_euclid(divisor), prio: 2, is_commutative: false }
    )
);

/// The operators of floats and `%`, whose remainder has the sign of the divisor for a positive one.
#[derive(Clone, Debug)]
struct Operators;

impl MakeOperators<f64> for Operators {
    fn make<'a>() -> Vec<Operator<'a, f64>> {
        let mut operators = FloatOpsFactory::<f64>::make();
        operators.extend(Remainder::make());
        operators
    }
}

/// Longest expression in bytes.
const LONGEST: usize = 500;

/// An expression of variables that were there before it.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    parsed: FlatEx<f64, Operators>,
    /// Place of each of its variables among all of a task.
    places: Vec<usize>,
}

impl Expression {
    /// Parses the value of `variable`, which may use the variables `known` by name.
    pub fn parse(variable: &str, text: &str, known: &[&str]) -> Result<Self, SpikegradError> {
        let wrong = |expected: String, found: String| SpikegradError::Setting {
            field: format!("variable.{variable}.value"),
            expected,
            found,
        };
        // Nested parentheses cost the parser stack.
        if text.len() > LONGEST {
            return Err(wrong(format!("at most {LONGEST} characters"), text.len().to_string()));
        }
        let parsed = FlatEx::<f64, Operators>::parse(text)
            .map_err(|error| wrong("an expression such as \"(a + b) % 1\"".to_owned(), format!("{text}: {error}")))?;
        let place = |name: &String| {
            known.iter().position(|known| known == name).ok_or_else(|| {
                wrong(format!("variables declared before it: {}", known.join(", ")), format!("'{name}' in {text}"))
            })
        };
        let places = parsed.var_names().iter().map(place).collect::<Result<_, _>>()?;
        Ok(Self { parsed, places })
    }

    /// Its value, not a number where it is undefined.
    pub fn value(&self, values: &[f64]) -> f64 {
        let own: Vec<f64> = self.places.iter().map(|&place| values[place]).collect();
        self.parsed.eval(&own).unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_say() {
        let value = |text: &str| Expression::parse("c", text, &["a", "b"]).unwrap().value(&[0.75, 0.5]);
        assert_eq!(value("(a + b) % 1"), 0.25);
        assert_eq!(value("a - b % 1"), 0.25);
        assert_eq!(value("(b - a) % 1"), 0.75);
        assert_eq!(value("a * b"), 0.375);
        assert_eq!(value("a ^ 2 / b"), 1.125);
        assert!((value("sin(a) + exp(b)") - (0.75f64.sin() + 0.5f64.exp())).abs() < 1e-12);
        assert_eq!(value("0.5"), 0.5);
    }

    #[test]
    fn wrong_expressions_are_refused() {
        for (text, part) in [("(a + b", "(a + b"), ("a + q", "'q'"), ("", "expression"), ("a $ b", "a $ b")] {
            let error = Expression::parse("c", text, &["a", "b"]).unwrap_err().to_string();
            assert!(error.contains("variable.c.value") && error.contains(part), "{error}");
        }
        for text in ["(".repeat(500), format!("{}a{}", "(".repeat(249), ")".repeat(249)), "a+".repeat(10_000)] {
            // A result, whichever: neither the stack nor a panic ends it.
            let _ = Expression::parse("c", &text, &["a"]);
        }
        assert!(Expression::parse("c", &"a+".repeat(300), &["a"]).unwrap_err().to_string().contains("characters"));
        assert!(Expression::parse("c", "ln(a - b)", &["a", "b"]).unwrap().value(&[0.0, 1.0]).is_nan());
    }
}
