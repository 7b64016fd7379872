//! What fields are: by the mappings of indices, else by the values that are there.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use vigie_language::search::{DateFormat, Pattern};
use vigie_store::logs::LogColumnKind;

/// What a field's values are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Text, cut into words.
    Text,
    /// Text as a whole.
    Keyword,
    /// Numbers without a fraction.
    Integer,
    /// Numbers.
    Float,
    /// Truth.
    Boolean,
    /// Moments.
    Date,
    /// Addresses.
    Ip,
    /// An object: fields are in it.
    Object,
    /// Objects in a list, each for itself.
    Nested,
}

impl FieldKind {
    /// The type's name in mappings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Keyword => "keyword",
            Self::Integer => "long",
            Self::Float => "double",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Ip => "ip",
            Self::Object => "object",
            Self::Nested => "nested",
        }
    }

    fn of_mapping(name: &str) -> Option<Self> {
        Some(match name {
            "text" | "match_only_text" | "annotated_text" | "search_as_you_type" => Self::Text,
            "keyword" | "constant_keyword" | "wildcard" | "version" | "flattened" => Self::Keyword,
            "long" | "integer" | "short" | "byte" | "unsigned_long" | "token_count" => {
                Self::Integer
            }
            "double" | "float" | "half_float" | "scaled_float" => Self::Float,
            "boolean" => Self::Boolean,
            "date" | "date_nanos" => Self::Date,
            "ip" => Self::Ip,
            "object" => Self::Object,
            "nested" => Self::Nested,
            _ => return None,
        })
    }
}

/// A field that was asked for.
#[derive(Debug, Clone)]
pub struct Field {
    /// As asked.
    pub name: String,
    /// Where its values are stored.
    pub path: String,
    /// What they are taken for.
    pub kind: FieldKind,
    /// How its dates are written.
    pub format: Arc<DateFormat>,
    /// Whether any document or mapping has it.
    pub is_known: bool,
    /// Whether a mapping says so, and not only the values.
    pub is_mapped: bool,
}

#[derive(Debug, Clone)]
struct Mapped {
    path: String,
    kind: FieldKind,
    format: Arc<DateFormat>,
}

/// What is known of the fields of some indices.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    mapped: BTreeMap<String, Mapped>,
    /// Fields that documents have: kinds of values, how many.
    found: BTreeMap<String, Vec<(LogColumnKind, u64)>>,
    /// Fields of text whose values are dates.
    dates: std::collections::BTreeSet<String>,
    strings_are_keywords: bool,
    format: Arc<DateFormat>,
}

/// The field with a document's time.
const TIME_FIELD: &str = "@timestamp";
/// How deep mappings may be nested.
const DEPTH_MAX: usize = 20;

impl Schema {
    /// Knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is known: no mapping and no document.
    pub fn is_empty(&self) -> bool {
        self.mapped.is_empty() && self.found.is_empty()
    }

    /// Adds the mappings of an index: `{"properties": ..., "dynamic_templates": ...}`.
    pub fn add_mappings(&mut self, mappings: &Map<String, Value>) {
        if let Some(properties) = mappings.get("properties").and_then(Value::as_object) {
            self.add_properties("", properties, 0);
        }
        let templates = mappings.get("dynamic_templates").and_then(Value::as_array);
        for template in templates.into_iter().flatten() {
            let rules = template.as_object().into_iter().flat_map(Map::values);
            for rule in rules {
                let is_for_all = rule.get("match").and_then(Value::as_str).is_none_or(|m| m == "*")
                    && rule.get("path_match").and_then(Value::as_str).is_none_or(|m| m == "*")
                    && rule.get("unmatch").is_none();
                let strings = rule.get("match_mapping_type").and_then(Value::as_str);
                let kind = rule.get("mapping").and_then(|m| m.get("type")).and_then(Value::as_str);
                if is_for_all && matches!(strings, Some("string" | "*")) && kind == Some("keyword")
                {
                    self.strings_are_keywords = true;
                }
            }
        }
    }

    fn add_properties(&mut self, prefix: &str, properties: &Map<String, Value>, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        for (name, definition) in properties {
            let path = format!("{prefix}{name}");
            if let Some(inner) = definition.get("properties").and_then(Value::as_object) {
                self.add_properties(&format!("{path}."), inner, depth + 1);
            }
            let kind = definition.get("type").and_then(Value::as_str);
            if kind == Some("alias") {
                let target = definition.get("path").and_then(Value::as_str).unwrap_or_default();
                if let Some(known) = self.mapped.get(target).cloned() {
                    self.mapped.insert(path, known);
                }
                continue;
            }
            let kind = match kind {
                Some(kind) => FieldKind::of_mapping(kind),
                None => Some(FieldKind::Object),
            };
            let Some(kind) = kind else { continue };
            let format = definition.get("format").and_then(Value::as_str);
            let format = format.and_then(|format| DateFormat::parse(format).ok()).map(Arc::new);
            let format = format.unwrap_or_else(|| Arc::clone(&self.format));
            self.mapped.insert(path.clone(), Mapped { path: path.clone(), kind, format });
            let fields = definition.get("fields").and_then(Value::as_object);
            for (name, definition) in fields.into_iter().flatten() {
                let kind = definition.get("type").and_then(Value::as_str);
                let Some(kind) = kind.and_then(FieldKind::of_mapping) else { continue };
                let format = Arc::clone(&self.format);
                self.mapped
                    .insert(format!("{path}.{name}"), Mapped { path: path.clone(), kind, format });
            }
        }
    }

    /// Adds a field that documents have; `is_date` when its texts are dates.
    pub fn add_found(&mut self, path: &str, kind: LogColumnKind, values: u64, is_date: bool) {
        if is_date {
            self.dates.insert(path.to_owned());
        }
        let kinds = self.found.entry(path.to_owned()).or_default();
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += values,
            None => kinds.push((kind, values)),
        }
    }

    /// What `name` is.
    pub fn field(&self, name: &str) -> Field {
        let make = |path: &str, kind, is_known, is_mapped| Field {
            name: name.to_owned(),
            path: path.to_owned(),
            kind,
            format: Arc::clone(&self.format),
            is_known,
            is_mapped,
        };
        if let Some(mapped) = self.mapped.get(name) {
            return Field {
                format: Arc::clone(&mapped.format),
                ..make(&mapped.path, mapped.kind, true, true)
            };
        }
        if let Some(kind) = self.kind_of_values(name) {
            return make(name, kind, true, false);
        }
        // Elasticsearch gives every dynamic text a field `keyword` beneath it.
        if let Some(base) = name.strip_suffix(".keyword").or(name.strip_suffix(".raw"))
            && (self.found.contains_key(base) || self.mapped.contains_key(base))
        {
            let kind = match self.field(base).kind {
                FieldKind::Text => FieldKind::Keyword,
                kind => kind,
            };
            return make(base, kind, true, false);
        }
        let prefix = format!("{name}.");
        let has_children = |found: Option<&String>| found.is_some_and(|f| f.starts_with(&prefix));
        let below = self.found.range(prefix.clone()..).next().map(|(path, _)| path);
        let mapped_below = self.mapped.range(prefix.clone()..).next().map(|(path, _)| path);
        if has_children(below) || has_children(mapped_below) {
            return make(name, FieldKind::Object, true, false);
        }
        make(name, FieldKind::Keyword, false, false)
    }

    fn kind_of_values(&self, path: &str) -> Option<FieldKind> {
        let kinds = self.found.get(path)?;
        // The documents' own time is one however it was written: as text, or as milliseconds.
        if path == TIME_FIELD {
            return Some(FieldKind::Date);
        }
        let lists_of = |kind: LogColumnKind| kind != LogColumnKind::List;
        let most = kinds.iter().filter(|(kind, _)| lists_of(*kind)).max_by_key(|(_, count)| *count);
        Some(match most.or(kinds.first())?.0 {
            LogColumnKind::Number => FieldKind::Float,
            LogColumnKind::Boolean => FieldKind::Boolean,
            LogColumnKind::Time => FieldKind::Date,
            LogColumnKind::Raw => FieldKind::Object,
            LogColumnKind::Text | LogColumnKind::List if self.dates.contains(path) => {
                FieldKind::Date
            }
            LogColumnKind::Text | LogColumnKind::List if self.strings_are_keywords => {
                FieldKind::Keyword
            }
            LogColumnKind::Text | LogColumnKind::List => FieldKind::Text,
        })
    }

    /// Whether a field is the time of documents, so that a range of it is a range of time.
    pub(crate) fn is_time(&self, path: &str) -> bool {
        self.found
            .get(path)
            .is_some_and(|kinds| kinds.iter().any(|(kind, _)| *kind == LogColumnKind::Time))
            && self.is_only_time(path)
    }

    /// Whether all values of a field are the times of their documents.
    pub(crate) fn is_only_time(&self, path: &str) -> bool {
        self.found
            .get(path)
            .is_some_and(|kinds| kinds.iter().all(|(kind, _)| *kind == LogColumnKind::Time))
    }

    /// Names of fields that match a pattern (`*` only) and hold values.
    pub fn expand(&self, pattern: &str) -> Vec<String> {
        if !pattern.contains('*') {
            return vec![pattern.to_owned()];
        }
        let pattern = Pattern::parse_name(pattern);
        self.names().into_iter().filter(|name| pattern.matches(name)).collect()
    }

    /// All fields that hold values, by name.
    pub fn names(&self) -> Vec<String> {
        let is_leaf = |kind| !matches!(kind, FieldKind::Object | FieldKind::Nested);
        let mapped = self.mapped.iter().filter(|(_, m)| is_leaf(m.kind)).map(|(name, _)| name);
        let found = self.found.keys();
        let mut names: Vec<String> = mapped.chain(found).cloned().collect();
        names.sort();
        names.dedup();
        names
    }

    /// Fields in which words are looked for when a query names none.
    pub fn searched(&self) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| {
            let field = self.field(name);
            // A multi-field says again what its base says.
            field.path == *name && !matches!(field.kind, FieldKind::Object | FieldKind::Nested)
        });
        names
    }

    /// The mappings of the dynamic fields, as an index shows them: a tree of `properties`.
    pub fn dynamic_properties(&self) -> Map<String, Value> {
        let mut root = Map::new();
        for path in self.found.keys() {
            let field = self.field(path);
            if matches!(field.kind, FieldKind::Object | FieldKind::Nested) {
                continue;
            }
            let mut definition = Map::new();
            definition.insert("type".into(), field.kind.name().into());
            if field.kind == FieldKind::Text && !field.is_mapped {
                let keyword =
                    serde_json::json!({"keyword": {"type": "keyword", "ignore_above": 256}});
                definition.insert("fields".into(), keyword);
            }
            insert_property(&mut root, path, definition);
        }
        root
    }
}

fn insert_property(root: &mut Map<String, Value>, path: &str, definition: Map<String, Value>) {
    let mut level = root;
    let mut parts = path.split('.').take(DEPTH_MAX).peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            level.entry(part).or_insert(Value::Object(definition));
            return;
        }
        let entry = level.entry(part).or_insert_with(|| serde_json::json!({"properties": {}}));
        let Some(entry) = entry.as_object_mut() else { return };
        let inner = entry.entry("properties").or_insert_with(|| Value::Object(Map::new()));
        let Some(inner) = inner.as_object_mut() else { return };
        level = inner;
    }
}
