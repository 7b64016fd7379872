//! Lines drawn with Braille dots: two columns and four rows to a character.

use serde_json::Value;

/// Series over one range of time.
#[derive(Debug, Default)]
pub(crate) struct Chart {
    series: Vec<(String, Vec<(f64, f64)>)>,
}

/// Lines beyond this many cannot be told apart.
const SERIES_MAX: usize = 8;

impl Chart {
    /// The chart of a range query's result.
    pub(crate) fn from_matrix(result: &Value) -> Self {
        let mut series = Vec::new();
        for one in result.as_array().map_or(&[][..], Vec::as_slice) {
            let name = super::series_name(one.get("metric").unwrap_or(&Value::Null));
            let values = one.get("values").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let points = values.iter().filter_map(|pair| {
                let value = pair.get(1)?.as_str()?.parse::<f64>().ok()?;
                value.is_finite().then_some((pair.get(0)?.as_f64()?, value))
            });
            series.push((name, points.collect()));
        }
        Self { series }
    }

    /// The chart in `width` by `height` characters, axis and legend included.
    pub(crate) fn draw(&self, width: usize, height: usize) -> String {
        let points = || self.series.iter().take(SERIES_MAX).flat_map(|(_, points)| points);
        let bounds = |pick: fn(&(f64, f64)) -> f64| {
            points().map(pick).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let (from, to) = bounds(|point| point.0);
        let (low, mut high) = bounds(|point| point.1);
        if from > to {
            return "no data\n".to_owned();
        }
        if high == low {
            high = low + 1.0;
        }
        let axis = [high, f64::midpoint(high, low), low].map(short);
        let margin = axis.iter().map(String::len).max().unwrap_or(0);
        let columns = width.saturating_sub(margin + 2).max(10);
        let mut dots = vec![0_u8; columns * height];
        for (time, value) in points() {
            let x = scale(*time, from, to, columns * 2);
            let y = height * 4 - 1 - scale(*value, low, high, height * 4);
            dots[(y / 4) * columns + x / 2] |= DOTS[y % 4][x % 2];
        }
        let mut text = String::new();
        for row in 0..height {
            let label = match row {
                0 => axis[0].as_str(),
                row if row == height / 2 => axis[1].as_str(),
                row if row == height - 1 => axis[2].as_str(),
                _ => "",
            };
            text.push_str(&format!("{label:>margin$} ┤"));
            let line = &dots[row * columns..(row + 1) * columns];
            text.extend(line.iter().map(|d| char::from_u32(0x2800 + u32::from(*d)).unwrap_or(' ')));
            text.push('\n');
        }
        for (name, points) in self.series.iter().take(SERIES_MAX) {
            let last =
                points.last().map_or_else(|| "no value".to_owned(), |(_, value)| short(*value));
            text.push_str(&format!("{:>margin$}   {last:>8}  {name}\n", ""));
        }
        if self.series.len() > SERIES_MAX {
            let more = self.series.len() - SERIES_MAX;
            text.push_str(&format!(
                "{:>margin$}   and {more} more series; narrow the question, or --output table\n",
                ""
            ));
        }
        text
    }
}

/// Bits of a Braille character by row and column.
const DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// Where `value` lies between `low` and `high`, as one of `steps` positions.
fn scale(value: f64, low: f64, high: f64, steps: usize) -> usize {
    let share = if high > low { (value - low) / (high - low) } else { 0.0 };
    ((share * steps as f64) as usize).min(steps - 1)
}

/// A number in at most about seven characters.
fn short(value: f64) -> String {
    let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let unit = units.iter().find(|(size, _)| value.abs() >= *size);
    match unit {
        Some((size, letter)) => format!("{:.4}{letter}", value / size).replace(".0000", ""),
        None if value == value.trunc() => format!("{value}"),
        None => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_line_goes_from_the_lower_left_to_the_upper_right() {
        let values: Vec<Value> = (0..40).map(|i| serde_json::json!([i, i.to_string()])).collect();
        let result = serde_json::json!([{"metric": {"job": "a"}, "values": values}]);
        let text = Chart::from_matrix(&result).draw(40, 4);
        let lines: Vec<&str> = text.lines().collect();
        let filled = |line: &str| {
            let dots: Vec<bool> =
                line.chars().skip_while(|c| *c != '┤').skip(1).map(|c| c != '\u{2800}').collect();
            (dots.iter().position(|d| *d), dots.iter().rposition(|d| *d), dots.len())
        };
        let (first, ..) = filled(lines[3]);
        let (_, last, columns) = filled(lines[0]);
        assert_eq!((first, last), (Some(0), Some(columns - 1)), "{text}");
        assert!(lines[4].contains("{job=\"a\"}"), "{text}");
    }

    #[test]
    fn nothing_is_no_chart() {
        assert_eq!(Chart::from_matrix(&serde_json::json!([])).draw(80, 10), "no data\n");
    }
}
