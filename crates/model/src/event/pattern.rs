//! Names of indices with dates and fields in them: `logs-%{+YYYY.MM.dd}`, `%{[fields][team]}-x`.

use super::Event;
use super::value::Value;

/// A part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// Year, month, day, hour and text between.
    Date(Vec<DatePart>),
    /// Path of a field; kept as written when the event lacks it.
    Field(Vec<String>, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum DatePart {
    Year,
    Month,
    Day,
    Hour,
    Text(char),
}

/// A name that may depend on the event's time (UTC) and fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPattern(Vec<Part>);

impl IndexPattern {
    /// Reads `%{+YYYY.MM.dd}` (letters `y`/`Y`, `M`, `d`, `H`) and `%{[a][b]}`, `%{[a.b]}`, `%{a}`.
    pub fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("%{") {
            let Some((inside, tail)) = after.split_once('}') else { break };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(match inside.strip_prefix('+') {
                Some(format) => Part::Date(date_parts(format)),
                None => Part::Field(field_path(inside), format!("%{{{inside}}}")),
            });
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Self(parts)
    }

    /// The name for `event` of that time.
    pub fn name(&self, event: &Event, time_ns: i64) -> String {
        let mut name = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Date(parts) => push_date(parts, time_ns, &mut name),
                Part::Field(path, written) => match field(event, path) {
                    Some(text) => name.push_str(&text),
                    None => name.push_str(written),
                },
            }
        }
        name
    }

    /// Whether the name depends on nothing but the day.
    pub(super) fn is_by_day(&self) -> bool {
        self.0.iter().all(|part| match part {
            Part::Text(_) => true,
            Part::Date(parts) => !parts.contains(&DatePart::Hour),
            Part::Field(..) => false,
        })
    }
}

fn date_parts(format: &str) -> Vec<DatePart> {
    let mut parts = Vec::new();
    let mut last = '\0';
    for letter in format.chars() {
        let part = match letter {
            'y' | 'Y' | 'x' => DatePart::Year,
            'M' => DatePart::Month,
            'd' => DatePart::Day,
            'H' => DatePart::Hour,
            '\'' => continue,
            other => DatePart::Text(other),
        };
        if letter != last || matches!(part, DatePart::Text(_)) {
            parts.push(part);
        }
        last = letter;
    }
    parts
}

fn field_path(inside: &str) -> Vec<String> {
    let bare = inside.trim_start_matches('[').trim_end_matches(']');
    bare.split("][").flat_map(|name| name.split('.')).map(str::to_owned).collect()
}

fn field(event: &Event, path: &[String]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let mut value = if first == "@metadata" {
        let (second, deeper) = rest.split_first()?;
        return walk(event.metadata.get(second)?, deeper);
    } else {
        event.fields.get(first)
    };
    // Filebeat's fields may have been written with dots.
    if value.is_none() {
        value = event.fields.get(&path.join("."));
        return walk(value?, &[]);
    }
    walk(value?, rest)
}

fn walk(value: &Value, path: &[String]) -> Option<String> {
    let mut value = value;
    for name in path {
        value = value.as_object()?.get(name)?;
    }
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

fn push_date(parts: &[DatePart], time_ns: i64, name: &mut String) {
    let Ok(time) = jiff::Timestamp::from_nanosecond(i128::from(time_ns)) else { return };
    let time = jiff::tz::TimeZone::UTC.to_datetime(time);
    for part in parts {
        match part {
            DatePart::Year => name.push_str(&format!("{:04}", time.year())),
            DatePart::Month => name.push_str(&format!("{:02}", time.month())),
            DatePart::Day => name.push_str(&format!("{:02}", time.day())),
            DatePart::Hour => name.push_str(&format!("{:02}", time.hour())),
            DatePart::Text(letter) => name.push(*letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Object;
    use super::*;

    #[test]
    fn names_take_dates_and_fields() {
        let mut event = Event::at(0);
        let mut agent = Object::new();
        agent.push("version", "8.5.0".into());
        event.fields.push("agent", agent.clone().into());
        event.metadata.push("beat", "filebeat".into());
        for (pattern, name) in [
            ("logs", "logs"),
            ("logs-%{+YYYY.MM.dd}", "logs-2023.11.14"),
            ("%{[@metadata][beat]}-%{[agent.version]}-%{+yyyy-MM}", "filebeat-8.5.0-2023-11"),
            ("%{[agent][version]}-%{[none]}", "8.5.0-%{[none]}"),
            ("open-%{", "open-%{"),
        ] {
            let named = IndexPattern::parse(pattern).name(&event, 1_700_000_000_000_000_000);
            assert_eq!(named, name);
        }
    }
}
