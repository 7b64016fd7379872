//! From a tree back to text, as Loki prints queries.

use std::fmt::{self, Display, Formatter};

use vigie_model::Matcher;

use super::ast::{
    Binary, Conversion, Expr, Extraction, Grouping, LabelFilter, LabelFormat, LabelSource,
    LineFilter, LogExpr, LogRange, MetricExpr, NamedMatcher, RangeAggregation, Stage, Unwrap,
    VectorAggregation,
};
use super::units::{format_bytes, format_duration_ns};
use crate::promql::{GroupSide, format_duration_ms, go_quote};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(log) => log.fmt(f),
            Self::Metric(metric) => metric.fmt(f),
        }
    }
}

impl Display for LogExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let matchers: Vec<String> = self.matchers.iter().map(matcher).collect();
        write!(f, "{{{}}}", matchers.join(", "))?;
        self.stages.iter().try_for_each(|stage| write!(f, " {stage}"))
    }
}

fn matcher(matcher: &Matcher) -> String {
    format!("{}{}{}", matcher.name, matcher.op.as_str(), go_quote(&matcher.value))
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineFilter(filter) => filter.fmt(f),
            Self::Json(list) => write!(f, "| json{}", extractions(list)),
            Self::Logfmt { strict, keep_empty, extractions: list } => {
                f.write_str("| logfmt")?;
                if *strict {
                    f.write_str(" --strict")?;
                }
                if *keep_empty {
                    f.write_str(" --keep-empty")?;
                }
                f.write_str(&extractions(list))
            }
            Self::Regexp(text) => write!(f, "| regexp {}", go_quote(text)),
            Self::Pattern(text) => write!(f, "| pattern {}", go_quote(text)),
            Self::Unpack => f.write_str("| unpack"),
            Self::LabelFilter(filter) => write!(f, "| {filter}"),
            Self::LineFormat(text) => write!(f, "| line_format {}", go_quote(text)),
            Self::LabelFormat(formats) => {
                let formats: Vec<String> = formats.iter().map(label_format).collect();
                write!(f, "| label_format {}", formats.join(","))
            }
            Self::Decolorize => f.write_str("| decolorize"),
            Self::Drop(names) => write!(f, "| drop {}", named(names)),
            Self::Keep(names) => write!(f, "| keep {}", named(names)),
        }
    }
}

fn extractions(list: &[Extraction]) -> String {
    let one = |e: &Extraction| format!("{}={}", e.label, go_quote(&e.expression));
    let list: Vec<String> = list.iter().map(one).collect();
    if list.is_empty() { String::new() } else { format!(" {}", list.join(",")) }
}

fn label_format(format: &LabelFormat) -> String {
    match &format.source {
        LabelSource::Label(label) => format!("{}={label}", format.label),
        LabelSource::Template(text) => format!("{}={}", format.label, go_quote(text)),
    }
}

fn named(names: &[NamedMatcher]) -> String {
    let one = |named: &NamedMatcher| match named {
        NamedMatcher::Name(name) => name.clone(),
        NamedMatcher::Matcher(found) => matcher(found),
    };
    names.iter().map(one).collect::<Vec<_>>().join(",")
}

impl Display for LineFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.op.as_str())?;
        for (at, alternative) in self.alternatives.iter().enumerate() {
            f.write_str(if at == 0 { " " } else { " or " })?;
            let text = go_quote(&alternative.text);
            if alternative.is_ip {
                write!(f, "ip({text})")?;
            } else {
                f.write_str(&text)?;
            }
        }
        Ok(())
    }
}

impl Display for LabelFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matcher(found) => f.write_str(&matcher(found)),
            Self::Number(n) => write!(f, "{}{}{}", n.label, n.comparison.as_str(), n.value),
            Self::Duration(d) => {
                let value = format_duration_ns(d.value_ns);
                write!(f, "{}{}{value}", d.label, d.comparison.as_str())
            }
            Self::Bytes(b) => {
                write!(f, "{}{}{}", b.label, b.comparison.as_str(), format_bytes(b.bytes))
            }
            Self::Ip(ip) => {
                let op = if ip.is_negative { "!=" } else { "=" };
                write!(f, "{}{op}ip({})", ip.label, go_quote(&ip.pattern))
            }
            Self::And(left, right) => write!(f, "( {left} , {right} )"),
            Self::Or(left, right) => write!(f, "( {left} or {right} )"),
        }
    }
}

impl Display for MetricExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => range.fmt(f),
            Self::Vector(vector) => vector.fmt(f),
            Self::Binary(binary) => binary.fmt(f),
            Self::Literal(value) => f.write_str(&number(*value)),
            Self::VectorLiteral(value) => write!(f, "vector({value:.6})"),
            Self::LabelReplace(replace) => {
                let texts =
                    [&replace.target, &replace.replacement, &replace.source, &replace.pattern];
                let texts = texts.map(|text| go_quote(text)).join(",");
                write!(f, "label_replace({},{texts})", replace.expr)
            }
        }
    }
}

/// A number that reads as the same.
fn number(value: f64) -> String {
    if value.is_nan() {
        // Only two numbers that were worked out give it.
        return "(0 / 0)".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "(10 ^ 999)" } else { "(-10 ^ 999)" }.to_owned();
    }
    value.to_string()
}

impl Display for RangeAggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.op.as_str())?;
        if let Some(parameter) = self.parameter {
            write!(f, "{parameter},")?;
        }
        write!(f, "{})", self.range)?;
        if let Some(grouping) = &self.grouping {
            write!(f, " {grouping}")?;
        }
        Ok(())
    }
}

impl Display for LogRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.log)?;
        if let Some(unwrap) = &self.unwrap {
            write!(f, " {unwrap}")?;
        }
        write!(f, "[{}]", format_duration_ms(self.range_ns / 1_000_000))?;
        if self.offset_ns != 0 {
            write!(f, " offset {}", format_duration_ns(self.offset_ns))?;
        }
        Ok(())
    }
}

impl Display for Unwrap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.conversion {
            None => write!(f, "| unwrap {}", self.label)?,
            Some(conversion) => {
                let name = match conversion {
                    Conversion::Bytes => "bytes",
                    Conversion::Duration => "duration",
                    Conversion::DurationSeconds => "duration_seconds",
                };
                write!(f, "| unwrap {name}({})", self.label)?;
            }
        }
        self.filters.iter().try_for_each(|filter| write!(f, " | {filter}"))
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = if self.without { "without" } else { "by" };
        write!(f, "{word}({})", self.labels.join(","))
    }
}

impl Display for VectorAggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.as_str())?;
        if let Some(grouping) = &self.grouping {
            write!(f, " {grouping} ")?;
        }
        f.write_str("(")?;
        if self.op.has_parameter() {
            write!(f, "{},", self.parameter)?;
        }
        write!(f, "{})", self.expr)
    }
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({} {}", self.lhs, self.op.as_str())?;
        if self.return_bool {
            f.write_str(" bool")?;
        }
        let matching = &self.matching;
        let has_group = matching.group != GroupSide::None;
        if matching.on || has_group || !matching.labels.is_empty() {
            let word = if matching.on { "on" } else { "ignoring" };
            write!(f, " {word} ({})", matching.labels.join(","))?;
        }
        let group = match matching.group {
            GroupSide::None => "",
            GroupSide::Left => " group_left",
            GroupSide::Right => " group_right",
        };
        f.write_str(group)?;
        if !group.is_empty() && !matching.include.is_empty() {
            write!(f, " ({})", matching.include.join(","))?;
        }
        write!(f, " {})", self.rhs)
    }
}
