//! `dissect`: fields from a text by the delimiters between them.

use vigie_language::logstash::{ConfigError, FieldReference, Sprintf};
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict, fail};
use crate::options::Options;
use crate::{field, text};

#[derive(Debug)]
struct Dissect {
    mappings: Vec<(FieldReference, Mapping)>,
    converts: Vec<(FieldReference, bool)>,
    tags: Vec<String>,
}

/// `%{a} %{b}` taken apart.
#[derive(Debug)]
struct Mapping {
    /// What stands before the first field.
    start: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    kind: Kind,
    name: Sprintf,
    /// `/n`: the place among those that are joined.
    order: u32,
    /// `->`: the delimiter may stand several times.
    is_padded: bool,
    delimiter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Normal,
    /// `%{}` and `%{?name}`: skipped, the latter named for `&`.
    Skip,
    /// `%{+name}`: joined to the field.
    Append,
    /// `%{&name}`: its value is the value of the field that `%{?name}` found the name of.
    Indirect,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    let mut mappings = Vec::new();
    for (source, mapping) in options.pairs("mapping")?.unwrap_or_default() {
        mappings.push((options.reference(&source)?, parse(options, &mapping)?));
    }
    let mut converts = Vec::new();
    for (name, kind) in options.pairs("convert_datatype")?.unwrap_or_default() {
        let is_integer = match kind.as_str() {
            "int" => true,
            "float" => false,
            other => {
                return Err(options.error(&format!("convert_datatype: `{other}`: int or float")));
            }
        };
        converts.push((options.reference(&name)?, is_integer));
    }
    let tags = options.tags("tag_on_failure", "_dissectfailure")?;
    Ok(Box::new(Dissect { mappings, converts, tags }))
}

fn parse(options: &Options<'_>, mapping: &str) -> Result<Mapping, ConfigError> {
    let invalid = |what: &str| options.error(&format!("mapping: `{mapping}`: {what}"));
    let (start, mut rest) = mapping.split_once("%{").ok_or_else(|| invalid("holds no %{field}"))?;
    let mut parts = Vec::new();
    loop {
        let (inner, tail) = close(rest).ok_or_else(|| invalid("a field has no closing brace"))?;
        let (delimiter, next) = match tail.split_once("%{") {
            Some((delimiter, next)) => (delimiter, Some(next)),
            None => (tail, None),
        };
        if delimiter.is_empty() && next.is_some() {
            return Err(invalid("fields need a delimiter between them"));
        }
        parts.push(part(options, inner, delimiter)?);
        match next {
            Some(next) => rest = next,
            None => return Ok(Mapping { start: start.to_owned(), parts }),
        }
    }
}

/// The closing brace; a field's name may hold `%{...}` of its own.
fn close(rest: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some((rest.get(..at)?, rest.get(at + 1..)?)),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn part(options: &Options<'_>, inner: &str, delimiter: &str) -> Result<Part, ConfigError> {
    let (kind, name) = match inner.chars().next() {
        None => (Kind::Skip, ""),
        Some('?') => (Kind::Skip, inner.get(1..).unwrap_or_default()),
        Some('+') => (Kind::Append, inner.get(1..).unwrap_or_default()),
        Some('&') => (Kind::Indirect, inner.get(1..).unwrap_or_default()),
        Some(_) => (Kind::Normal, inner),
    };
    let (name, is_padded) = match name.strip_suffix("->") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let (name, order) = match name.rsplit_once('/') {
        Some((head, digits)) if kind == Kind::Append => match digits.parse() {
            Ok(order) => (head, order),
            Err(_) => (name, u32::MAX),
        },
        _ => (name, u32::MAX),
    };
    let name = options.template(name)?;
    Ok(Part { kind, name, order, is_padded, delimiter: delimiter.to_owned() })
}

impl Mapping {
    /// What each part holds; nothing when the delimiters are not all there.
    fn cut<'a>(&self, text: &'a str) -> Option<Vec<&'a str>> {
        // Text before the first delimiter is passed over, as the original does.
        let at = text.find(&self.start)?;
        let mut rest = text.get(at + self.start.len()..)?;
        let mut found = Vec::with_capacity(self.parts.len());
        for (at, part) in self.parts.iter().enumerate() {
            if part.delimiter.is_empty() {
                found.push(rest);
                rest = "";
                continue;
            }
            let is_last = at + 1 == self.parts.len();
            let (value, tail) = rest.split_once(&part.delimiter)?;
            found.push(value);
            rest = tail;
            if part.is_padded && !is_last {
                while let Some(tail) = rest.strip_prefix(&part.delimiter) {
                    rest = tail;
                }
            }
        }
        Some(found)
    }
}

impl Filter for Dissect {
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        for (source, mapping) in &self.mappings {
            let text = match field::get(event, source) {
                Some(Value::String(text)) if !text.is_empty() => text.clone(),
                None => continue,
                Some(_) => return fail(event, &self.tags),
            };
            let Some(values) = mapping.cut(&text) else { return fail(event, &self.tags) };
            keep(event, mapping, &values, scope.now_ns);
        }
        for (name, is_integer) in &self.converts {
            let Some(Value::String(found)) = field::get(event, name) else { continue };
            let number = found.trim().parse::<f64>().ok().filter(|number| number.is_finite());
            match number {
                Some(number) if *is_integer => {
                    field::set(event, name, Value::Integer(number as i64))
                }
                Some(number) => field::set(event, name, Value::Float(number)),
                None => {
                    event.add_tag(if *is_integer {
                        "_dataconversionuncoercible_int"
                    } else {
                        "_dataconversionuncoercible_float"
                    });
                    false
                }
            };
        }
        Verdict::Matched
    }
}

fn keep(event: &mut Event, mapping: &Mapping, values: &[&str], now_ns: i64) {
    let mut appended: Vec<(String, u32, usize, &str, &str)> = Vec::new();
    let mut normal: Vec<(String, &str, &str)> = Vec::new();
    let mut named: Vec<(String, &str)> = Vec::new();
    let mut indirect: Vec<(String, &str)> = Vec::new();
    let mut before = "";
    for (at, (part, value)) in mapping.parts.iter().zip(values).enumerate() {
        let name = text::render(&part.name, event, now_ns);
        match part.kind {
            Kind::Normal => normal.push((name, value, before)),
            // What has nothing before it is joined by what stands behind it.
            Kind::Append if before.is_empty() => {
                appended.push((name, part.order, at, value, &part.delimiter));
            }
            Kind::Append => appended.push((name, part.order, at, value, before)),
            Kind::Skip => named.push((name, value)),
            Kind::Indirect => indirect.push((name, value)),
        }
        before = &part.delimiter;
    }
    let mut put = |name: &str, value: String| {
        if let Ok(reference) = FieldReference::parse(name) {
            field::set(event, &reference, Value::String(value));
        }
    };
    // What is joined is joined by the delimiter that stood before it.
    appended.sort_by_key(|(_, order, at, ..)| (*order, *at));
    for (name, value, _) in &normal {
        let mut whole = (*value).to_owned();
        for (_, _, _, more, joint) in appended.iter().filter(|(other, ..)| other == name) {
            whole.push_str(joint);
            whole.push_str(more);
        }
        put(name, whole);
    }
    let mut done: Vec<&str> = normal.iter().map(|(name, ..)| name.as_str()).collect();
    for (name, ..) in &appended {
        if done.contains(&name.as_str()) {
            continue;
        }
        done.push(name);
        let mut whole = String::new();
        for (at, (_, _, _, more, joint)) in
            appended.iter().filter(|(other, ..)| other == name).enumerate()
        {
            if at > 0 {
                whole.push_str(joint);
            }
            whole.push_str(more);
        }
        put(name, whole);
    }
    for (name, value) in indirect {
        let key =
            named.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let key = key.or_else(|| {
            normal
                .iter()
                .find(|(known, ..)| *known == name)
                .map(|(_, value, _)| (*value).to_owned())
        });
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            put(&key, value.to_owned());
        }
    }
}
