use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::grouped;
use super::canvas::{Area, Drawn, paint};
use super::epochs::empty;
use super::error::PlotError;
use super::figure::{ColorBar, headed};
use super::style::{self, GREY, INK, SMALL, TEXT};

/// Most classes that a confusion matrix is drawn for.
pub const LARGEST_CLASS_COUNT: usize = 400;

const LONGEST_CLASS: usize = 16;

/// Examples of every true class (rows) by predicted class (columns): the count as a number, the
/// share of its row as colour. The colour grows with the square root of the share, so that rare
/// confusions show.
///
/// # Errors
/// [`PlotError::Empty`] without a class or an example, [`PlotError::Shape`] if the matrix is not
/// square, does not match `classes` or has more than [`LARGEST_CLASS_COUNT`] rows,
/// [`PlotError::Write`] if the file cannot be written.
pub fn confusion_matrix(counts: &[Vec<u64>], classes: &[String], path: &Path) -> Result<(), PlotError> {
    check(counts, classes, path)?;
    let total: u128 = counts.iter().flatten().map(|&count| u128::from(count)).sum();
    if total == 0 {
        return Err(empty(path, "a confusion matrix with at least one example", "only zeros"));
    }
    let correct: u128 = (0..counts.len()).map(|class| u128::from(counts[class][class])).sum();
    let subtitle = format!(
        "{} examples, {} wrong, accuracy {:.2} %",
        grouped(&total.to_string()),
        grouped(&(total - correct).to_string()),
        correct as f64 / total as f64 * 100.0
    );
    paint(path, (1080, 1000), |root| {
        let body = headed(root, "Confusion matrix", &subtitle)?;
        Matrix { counts, classes }.draw(&body)
    })
}

fn check(counts: &[Vec<u64>], classes: &[String], path: &Path) -> Result<(), PlotError> {
    let wrong = |field: String, expected: String, found: usize| PlotError::Shape {
        path: path.to_owned(),
        field,
        expected,
        found: found.to_string(),
    };
    if classes.is_empty() {
        return Err(empty(path, "at least one class", "none"));
    }
    if classes.len() > LARGEST_CLASS_COUNT {
        let most = format!("at most {LARGEST_CLASS_COUNT} classes");
        return Err(wrong("the confusion matrix".to_owned(), most, classes.len()));
    }
    if counts.len() != classes.len() {
        let rows = format!("one row for each of {} classes", classes.len());
        return Err(wrong("the rows of the confusion matrix".to_owned(), rows, counts.len()));
    }
    match counts.iter().enumerate().find(|(_, row)| row.len() != classes.len()) {
        Some((index, row)) => {
            let columns = format!("{} columns", classes.len());
            Err(wrong(format!("row {index} of the confusion matrix"), columns, row.len()))
        }
        None => Ok(()),
    }
}

struct Matrix<'a> {
    counts: &'a [Vec<u64>],
    classes: &'a [String],
}

impl Matrix<'_> {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let names: Vec<String> = self.classes.iter().map(|name| style::shorten(name, LONGEST_CLASS)).collect();
        let mut widest = 0;
        for name in &names {
            widest = widest.max(style::text_width(area, name, SMALL)?);
        }
        let classes = self.classes.len() as i32;
        let (left, top) = (widest + 76, 8);
        let available = area.dim_in_pixel().0 as i32 - left - ColorBar::WIDTH - 50;
        let upright = widest > available / classes - 12;
        let below = 76 + if upright { widest } else { SMALL as i32 };
        let side = available.min(area.dim_in_pixel().1 as i32 - top - below);
        let edge = |index: usize| index as i32 * side / classes;
        let largest = self.counts.iter().flatten().max().copied().unwrap_or(0);
        let digits = grouped(&largest.to_string());
        let cell = side / classes;
        let mut size = TEXT.min((cell / 2).max(1) as u32);
        while size >= 12 && style::text_width(area, &digits, size)? > cell - 8 {
            size -= 1;
        }
        for (row, counts) in self.counts.iter().enumerate() {
            let sum: f64 = counts.iter().map(|&count| count as f64).sum();
            for (column, &count) in counts.iter().enumerate() {
                let share = if sum > 0.0 { count as f64 / sum } else { 0.0 };
                let corners = [(left + edge(column), top + edge(row)), (left + edge(column + 1), top + edge(row + 1))];
                area.draw(&Rectangle::new(corners, style::sequential(share.sqrt()).filled()))?;
                if size >= 12 {
                    let color = match (count, share.sqrt() > 0.55) {
                        (0, _) => RGBColor(190, 190, 190),
                        (_, true) => WHITE,
                        (_, false) => INK,
                    };
                    let middle = ((corners[0].0 + corners[1].0) / 2, (corners[0].1 + corners[1].1) / 2);
                    let label = style::text(size, &color, HPos::Center, VPos::Center);
                    area.draw(&Text::new(grouped(&count.to_string()), middle, label))?;
                }
            }
        }
        if cell >= 24 {
            for index in 1..self.classes.len() {
                let line = |from, to| PathElement::new(vec![from, to], style::GRID.stroke_width(2));
                area.draw(&line((left + edge(index), top), (left + edge(index), top + side)))?;
                area.draw(&line((left, top + edge(index)), (left + side, top + edge(index))))?;
            }
        }
        area.draw(&Rectangle::new([(left, top), (left + side, top + side)], GREY.stroke_width(2)))?;
        let every = self.classes.len().div_ceil((side / (SMALL as i32 + 6)) as usize).max(1);
        for (index, name) in names.iter().enumerate().step_by(every) {
            let middle = (edge(index) + edge(index + 1)) / 2;
            let row = style::text(SMALL, &INK, HPos::Right, VPos::Center);
            area.draw(&Text::new(name.clone(), (left - 12, top + middle), row))?;
            let column = if upright || every > 1 {
                style::text(SMALL, &INK, HPos::Right, VPos::Center).transform(FontTransform::Rotate270)
            } else {
                style::text(SMALL, &INK, HPos::Center, VPos::Top)
            };
            area.draw(&Text::new(name.clone(), (left + middle, top + side + 12), column))?;
        }
        let title = |content: &str, place, style| area.draw(&Text::new(content.to_owned(), place, style));
        let along = style::text(TEXT, &INK, HPos::Center, VPos::Bottom);
        title("predicted class", (left + side / 2, top + side + below - 6), along)?;
        let upward = style::text(TEXT, &INK, HPos::Center, VPos::Top).transform(FontTransform::Rotate270);
        title("true class", (0, top + side / 2), upward)?;
        let ticks =
            [0.0f64, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0].map(|share| (share.sqrt(), format!("{:.0}", share * 100.0)));
        let bar = ColorBar { color: &style::sequential, ticks: &ticks, label: "share of the true class (%)" };
        bar.draw(area, left + side + 50, top, top + side)
    }
}
