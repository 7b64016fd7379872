//! `fingerprint`: a hash of fields, to tell equals or to hide what they hold.

use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Value};

use super::digest::{Method, hex, murmur3};
use super::{Filter, Scope, Verdict};
use crate::build::{Context, Ecs};
use crate::options::Options;
use crate::{field, text};

#[derive(Debug)]
struct Fingerprint {
    sources: Vec<FieldReference>,
    target: FieldReference,
    method: Kind,
    key: Option<Vec<u8>>,
    is_base64: bool,
    concatenates: bool,
    all_fields: bool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Digest(Method),
    Murmur3,
    Uuid,
    Punctuation,
    /// An IPv4 address cut to so many bits.
    Network(u32),
}

pub(super) fn build(
    options: &Options<'_>,
    context: &mut Context<'_>,
) -> Result<Box<dyn Filter>, ConfigError> {
    let is_ecs = context.ecs(options)? != Ecs::Disabled;
    let names = options.list("source")?.unwrap_or_else(|| vec!["message".to_owned()]);
    let mut sources: Vec<_> =
        names.iter().map(|name| options.reference(name)).collect::<Result<_, _>>()?;
    sources.sort_by_key(ToString::to_string);
    let key = options.text("key")?.map(String::into_bytes);
    let method = options.text("method")?.unwrap_or_else(|| "SHA1".to_owned());
    let method = match method.as_str() {
        "MURMUR3" => Kind::Murmur3,
        "UUID" => Kind::Uuid,
        "PUNCTUATION" => Kind::Punctuation,
        "IPV4_NETWORK" => {
            let bits = key.as_deref().and_then(|key| std::str::from_utf8(key).ok()?.parse().ok());
            Kind::Network(bits.filter(|bits| *bits <= 32).ok_or_else(|| {
                options.error("Key value is empty. please fill in a subnet prefix length")
            })?)
        }
        other => Kind::Digest(
            Method::parse(other)
                .ok_or_else(|| options.error(&format!("method: `{other}` is not known here")))?,
        ),
    };
    let default = if is_ecs { "[event][hash]" } else { "fingerprint" };
    Ok(Box::new(Fingerprint {
        sources,
        target: options
            .reference(&options.text("target")?.unwrap_or_else(|| default.to_owned()))?,
        method,
        key,
        is_base64: options.boolean("base64encode", false)?,
        concatenates: options.boolean("concatenate_sources", false)?,
        all_fields: options.boolean("concatenate_all_fields", false)?,
    }))
}

impl Filter for Fingerprint {
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        if matches!(self.method, Kind::Uuid) {
            let id = super::uuid::new(scope);
            field::set(event, &self.target, Value::String(id));
            return Verdict::Matched;
        }
        if matches!(self.method, Kind::Punctuation) {
            let all: String = self
                .sources
                .iter()
                .filter_map(|name| field::get(event, name))
                .map(text::of_value)
                .collect();
            let marks: String = all.chars().filter(char::is_ascii_punctuation).collect();
            field::set(event, &self.target, Value::String(marks));
            return Verdict::Matched;
        }
        if self.concatenates || self.all_fields {
            let whole = self.whole(event);
            let hashed = self.hash(&whole);
            field::set(event, &self.target, hashed);
            return Verdict::Matched;
        }
        let mut is_done = false;
        // Of several sources, the last that is there wins, as in the original.
        for source in &self.sources {
            let hashed = match field::get(event, source) {
                None | Some(Value::Null) => continue,
                Some(Value::List(items)) => {
                    Value::List(items.iter().map(|item| self.hash(&text::of_value(item))).collect())
                }
                Some(value) => self.hash(&text::of_value(value)),
            };
            is_done = true;
            field::set(event, &self.target, hashed);
        }
        if is_done { Verdict::Matched } else { Verdict::Passed }
    }
}

impl Fingerprint {
    /// `|field|value|...|`, sorted by field.
    fn whole(&self, event: &Event) -> String {
        let mut pairs: Vec<(String, String)> = if self.all_fields {
            let members =
                event.fields.iter().filter(|(key, _)| !matches!(*key, "@timestamp" | "@version"));
            members.map(|(key, value)| (key.to_owned(), text::of_value(value))).collect()
        } else {
            let value = |name: &FieldReference| field::get(event, name).map(text::of_value);
            let written = |name: &FieldReference| match name.path() {
                [only] => only.clone(),
                _ => name.to_string(),
            };
            self.sources
                .iter()
                .map(|name| (written(name), value(name).unwrap_or_default()))
                .collect()
        };
        pairs.sort();
        let mut out = String::new();
        for (key, value) in pairs {
            out.push_str(&format!("|{key}|{value}"));
        }
        out.push('|');
        out
    }

    fn hash(&self, text: &str) -> Value {
        match self.method {
            Kind::Murmur3 => Value::Integer(i64::from(murmur3(text.as_bytes()))),
            Kind::Network(bits) => match text.trim().parse::<std::net::Ipv4Addr>() {
                Ok(address) => {
                    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                    Value::String(std::net::Ipv4Addr::from(u32::from(address) & mask).to_string())
                }
                Err(_) => Value::Null,
            },
            Kind::Digest(method) => {
                let bytes = method.digest(self.key.as_deref(), text.as_bytes());
                Value::String(if self.is_base64 {
                    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
                } else {
                    hex(&bytes)
                })
            }
            Kind::Uuid | Kind::Punctuation => Value::Null,
        }
    }
}
