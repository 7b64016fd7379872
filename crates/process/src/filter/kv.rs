//! `kv`: fields from `key=value` pairs.

use vigie_language::logstash::{ConfigError, FieldReference, Sprintf};
use vigie_language::ruby_pattern::RubyPattern;
use vigie_model::event::{Event, Object, Value};

use super::{Filter, Scope, Verdict};
use crate::build::Context;
use crate::options::Options;
use crate::{field, text};

/// Pairs that one event gives.
const PAIRS_MAX: usize = 10_000;
/// Pairs within values of pairs.
const DEPTH_MAX: usize = 10;

#[derive(Debug)]
struct Kv {
    source: FieldReference,
    target: Option<FieldReference>,
    scan: RubyPattern,
    value_split: RubyPattern,
    prefix: Sprintf,
    include_keys: Vec<Sprintf>,
    exclude_keys: Vec<Sprintf>,
    default_keys: Vec<(String, String)>,
    changes: Changes,
    takes_duplicates: bool,
    is_recursive: bool,
    tags: Vec<String>,
}

/// What is done to keys and values, in this order.
#[derive(Debug)]
struct Changes {
    trim_key: Option<RubyPattern>,
    remove_char_key: Option<RubyPattern>,
    transform_key: Option<&'static str>,
    trim_value: Option<RubyPattern>,
    remove_char_value: Option<RubyPattern>,
    transform_value: Option<&'static str>,
}

pub(super) fn build(
    options: &Options<'_>,
    context: &mut Context<'_>,
) -> Result<Box<dyn Filter>, ConfigError> {
    let class = |name: &str, wrap: &dyn Fn(&str) -> String| {
        let Some(text) = options.text(name)?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        pattern(options, &wrap(&text)).map(Some)
    };
    let trim = |text: &str| format!(r"\A[{text}]+|[{text}]+\z");
    let any = |text: &str| format!("[{text}]");
    let transform = |name: &str| options.choice(name, &["lowercase", "uppercase", "capitalize"]);
    let changes = Changes {
        trim_key: class("trim_key", &trim)?,
        remove_char_key: class("remove_char_key", &any)?,
        transform_key: transform("transform_key")?,
        trim_value: class("trim_value", &trim)?,
        remove_char_value: class("remove_char_value", &any)?,
        transform_value: transform("transform_value")?,
    };
    let templates = |name: &str| -> Result<Vec<Sprintf>, ConfigError> {
        options.list(name)?.unwrap_or_default().iter().map(|key| options.template(key)).collect()
    };
    let (scan, value_split) = scan(options)?;
    if !scan.is_linear() {
        context.warn(options.plugin(), "with patterns of several characters it runs slower");
    }
    options.ignore(&["tag_on_timeout", "timeout_millis"]);
    Ok(Box::new(Kv {
        source: options.reference(&options.text("source")?.unwrap_or_else(|| "message".into()))?,
        target: options.field("target")?,
        scan,
        value_split,
        prefix: options.template(&options.text("prefix")?.unwrap_or_default())?,
        include_keys: templates("include_keys")?,
        exclude_keys: templates("exclude_keys")?,
        default_keys: options.pairs("default_keys")?.unwrap_or_default(),
        changes,
        takes_duplicates: options.boolean("allow_duplicate_values", true)?,
        is_recursive: options.boolean("recursive", false)?,
        tags: options.tags("tag_on_failure", "_kv_filter_error")?,
    }))
}

fn pattern(options: &Options<'_>, text: &str) -> Result<RubyPattern, ConfigError> {
    RubyPattern::compile(text).map_err(|error| options.error(&format!("`{text}`: {error}")))
}

/// The expression for one pair, and the one between key and value.
fn scan(options: &Options<'_>) -> Result<(RubyPattern, RubyPattern), ConfigError> {
    let field_class = options.text("field_split")?.unwrap_or_else(|| " ".to_owned());
    let value_class = options.text("value_split")?.unwrap_or_else(|| "=".to_owned());
    let field_pattern = options.text("field_split_pattern")?;
    let value_pattern = options.text("value_split_pattern")?;
    let is_lenient = options.choice("whitespace", &["lenient", "strict"])? != Some("strict");
    let brackets = options.boolean("include_brackets", true)?;
    let field = field_pattern.clone().unwrap_or_else(|| format!("[{field_class}]"));
    let plain_value = value_pattern.clone().unwrap_or_else(|| format!("[{value_class}]"));
    let value = if is_lenient { format!(" *(?:{plain_value}) *") } else { plain_value.clone() };
    let until = |pattern: &str| format!(r"((?:\\.|(?!{pattern}).)+)");
    let key = if field_pattern.is_some() || value_pattern.is_some() {
        until(&format!("(?:{value}|{field})"))
    } else {
        format!(r"((?:\\.|[^{value_class}{field_class}])+)")
    };
    let quoted = |open: &str, close: &str| format!(r"{open}((?:\\.|[^{close}])+)?{close}");
    let mut values = vec![quoted("\"", "\""), quoted("'", "'")];
    if brackets {
        values.extend([quoted(r"\(", r"\)"), quoted(r"\[", r"\]"), quoted("<", ">")]);
    }
    values.push(match &field_pattern {
        Some(pattern) => until(&format!("(?:{pattern})")),
        None => format!(r"((?:\\.|[^{field_class}])+)"),
    });
    let whole = format!("{key}{value}(?:{})?(?:{field}|$)", values.join("|"));
    Ok((pattern(options, &whole)?, pattern(options, &plain_value)?))
}

impl Filter for Kv {
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        let texts: Vec<String> = match field::get(event, &self.source) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::List(items)) => {
                items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        let keys = Keys::of(self, event, scope.now_ns);
        let mut found = Object::new();
        for text in &texts {
            if self.parse(text, &keys, &mut found, 0).is_err() {
                return super::fail(event, &self.tags);
            }
        }
        for (key, value) in &self.default_keys {
            if found.get(key).is_none() {
                found.insert(key.clone(), Value::String(value.clone()));
            }
        }
        if found.is_empty() {
            return Verdict::Passed;
        }
        if let Some(target) = &self.target {
            field::set(event, target, Value::Object(found));
            return Verdict::Matched;
        }
        for (key, value) in found {
            if let Ok(reference) = FieldReference::parse(&key) {
                field::set(event, &reference, value);
            }
        }
        Verdict::Matched
    }
}

/// Keys that depend on the event.
struct Keys {
    include: Vec<String>,
    exclude: Vec<String>,
    prefix: String,
}

impl Keys {
    fn of(kv: &Kv, event: &Event, now_ns: i64) -> Self {
        let all = |templates: &[Sprintf]| {
            templates.iter().map(|template| text::render(template, event, now_ns)).collect()
        };
        Self {
            include: all(&kv.include_keys),
            exclude: all(&kv.exclude_keys),
            prefix: text::render(&kv.prefix, event, now_ns),
        }
    }
}

/// The expression took too many steps.
struct TookTooLong;

impl Kv {
    fn parse(
        &self,
        text: &str,
        keys: &Keys,
        found: &mut Object,
        depth: usize,
    ) -> Result<(), TookTooLong> {
        if !self.value_split.is_match(text).map_err(|_| TookTooLong)? {
            return Ok(());
        }
        let mut from = 0;
        while found.len() < PAIRS_MAX {
            let Some(spans) = self.scan.find(text, from).map_err(|_| TookTooLong)? else { break };
            let Some((_, end)) = spans.first().copied().flatten() else { break };
            let group = |span: &(usize, usize)| text.get(span.0..span.1);
            let key = spans.get(1).and_then(|span| span.as_ref().and_then(group));
            let value = spans.iter().skip(2).flatten().next().and_then(group);
            from = end.max(from + 1);
            let (Some(key), Some(value)) = (key, value.filter(|value| !value.is_empty())) else {
                continue;
            };
            self.pair(key, value, keys, found, depth)?;
        }
        Ok(())
    }

    fn pair(
        &self,
        key: &str,
        value: &str,
        keys: &Keys,
        found: &mut Object,
        depth: usize,
    ) -> Result<(), TookTooLong> {
        let changes = &self.changes;
        let key = changed(key, &changes.trim_key, &changes.remove_char_key, changes.transform_key)?;
        if (!keys.include.is_empty() && !keys.include.contains(&key)) || keys.exclude.contains(&key)
        {
            return Ok(());
        }
        let key = format!("{}{key}", keys.prefix);
        let value = changed(
            value,
            &changes.trim_value,
            &changes.remove_char_value,
            changes.transform_value,
        )?;
        let is_known = |known: &Value| match known {
            Value::List(items) => items.iter().any(|item| item.as_str() == Some(&value)),
            Value::String(text) => text.contains(&value),
            _ => false,
        };
        if !self.takes_duplicates && found.get(&key).is_some_and(is_known) {
            return Ok(());
        }
        let mut inner = Object::new();
        if self.is_recursive && depth < DEPTH_MAX {
            self.parse(&value, keys, &mut inner, depth + 1)?;
        }
        let value = if inner.is_empty() { Value::String(value) } else { Value::Object(inner) };
        match found.get_mut(&key) {
            None => found.push(key, value),
            Some(Value::List(items)) => items.push(value),
            Some(known) => {
                let first = std::mem::take(known);
                *known = Value::List(vec![first, value]);
            }
        }
        Ok(())
    }
}

fn changed(
    text: &str,
    trim: &Option<RubyPattern>,
    remove: &Option<RubyPattern>,
    transform: Option<&str>,
) -> Result<String, TookTooLong> {
    let mut text = text.to_owned();
    for pattern in [trim, remove].into_iter().flatten() {
        text = pattern.replace_all(&text, "").map_err(|_| TookTooLong)?;
    }
    Ok(match transform {
        Some("lowercase") => text.to_lowercase(),
        Some("uppercase") => text.to_uppercase(),
        Some(_) => {
            let mut chars = text.chars();
            let first = chars.next().into_iter().flat_map(char::to_uppercase);
            first.chain(chars.as_str().to_lowercase().chars()).collect()
        }
        None => text,
    })
}
