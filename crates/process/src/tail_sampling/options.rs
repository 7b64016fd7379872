//! The configuration: the keys of the OpenTelemetry collector's processor `tail_sampling`.

use std::time::Duration;

use serde_json::{Map, Value};
use vigie_language::logql::parse_duration_ns;
use vigie_model::pattern;
use vigie_model::span::StatusCode;

use super::facts::{SpanTest, TESTS_MAX};
use super::policy::{Composite, Limit, NamedPolicy, Part, Policies, Policy};
use crate::ProcessError;

/// Policies within policies.
const DEPTH_MAX: usize = 8;
/// Policies at the top, or in one policy.
const POLICIES_MAX: usize = 200;
/// What the collector hashes before a trace's id, unless a salt is given.
const DEFAULT_SALT: &str = "default-hash-seed";
/// Traces that wait at most, whatever the configuration says.
const TRACES_MAX: u64 = 10_000_000;

/// How traces are sampled when they are complete.
#[derive(Debug, Clone)]
pub struct TailSamplingOptions {
    /// From the first span of a trace to its decision.
    pub(super) decision_wait: Duration,
    /// From the root span of a trace to its decision.
    pub(super) wait_after_root: Option<Duration>,
    /// Traces that wait for their decision; when there are more the oldest are decided early.
    pub(super) traces_max: usize,
    /// Decisions to keep that are remembered.
    pub(super) kept_max: usize,
    /// Decisions against that are remembered.
    pub(super) away_max: usize,
    /// The first policy that samples decides.
    pub(super) first_match: bool,
    /// What waits when the process ends is not kept.
    pub(super) drops_pending: bool,
    pub(super) policies: Policies,
}

impl TailSamplingOptions {
    /// Reads the keys of the collector's processor. Errors say where.
    pub fn parse(value: &Value) -> Result<Self, ProcessError> {
        read(value).map_err(ProcessError::TailSampling)
    }

    /// Finds the block in a collector's configuration (`processors`, `tail_sampling` or
    /// `tail_sampling/NAME`), or takes the file for the block itself.
    pub fn parse_file(file: &Value) -> Result<Self, ProcessError> {
        let wrong = |message: &str| Err(ProcessError::TailSampling(message.to_owned()));
        let Some(processors) = file.get("processors") else {
            return Self::parse(file.get("tail_sampling").unwrap_or(file));
        };
        let named = |key: &str| key == "tail_sampling" || key.starts_with("tail_sampling/");
        let mut found = processors
            .as_object()
            .into_iter()
            .flat_map(|processors| processors.iter().filter(|(key, _)| named(key)));
        match (found.next(), found.next()) {
            (Some((_, block)), None) => Self::parse(block),
            (None, _) => wrong("processors: there is no `tail_sampling`"),
            (Some(_), Some(_)) => wrong("processors: there is more than one `tail_sampling`"),
        }
    }

    /// Names of the policies, in their order.
    pub fn policy_names(&self) -> impl Iterator<Item = &str> {
        self.policies.top.iter().map(|policy| policy.name.as_str())
    }
}

fn read(value: &Value) -> Result<TailSamplingOptions, String> {
    let block = Block::new(value, "")?;
    block.only(&[
        "decision_wait",
        "decision_wait_after_root_received",
        "num_traces",
        "expected_new_traces_per_sec",
        "decision_cache",
        "sample_on_first_match",
        "drop_pending_traces_on_shutdown",
        "block_on_overflow",
        "policies",
    ])?;
    let traces_max = block.count("num_traces")?.unwrap_or(50_000).clamp(1, TRACES_MAX);
    let (mut kept_max, mut away_max) = (traces_max, traces_max);
    if let Some(cache) = block.fields.get("decision_cache") {
        let cache = Block::new(cache, "decision_cache")?;
        cache.only(&["sampled_cache_size", "non_sampled_cache_size"])?;
        // The collector remembers what its `num_traces` traces were at least.
        kept_max = cache.count("sampled_cache_size")?.unwrap_or(0).clamp(traces_max, TRACES_MAX);
        away_max =
            cache.count("non_sampled_cache_size")?.unwrap_or(0).clamp(traces_max, TRACES_MAX);
    }
    // Known, and of no use here: tables grow as they must, and what does not fit is decided early.
    block.count("expected_new_traces_per_sec")?;
    block.flag("block_on_overflow")?;
    let mut reader = Reader::default();
    let top = reader.list(&block, "policies", 0)?;
    Ok(TailSamplingOptions {
        decision_wait: block.duration("decision_wait")?.unwrap_or(Duration::from_secs(30)),
        wait_after_root: block
            .duration("decision_wait_after_root_received")?
            .filter(|wait| !wait.is_zero()),
        traces_max: traces_max as usize,
        kept_max: kept_max as usize,
        away_max: away_max as usize,
        first_match: block.flag("sample_on_first_match")?.unwrap_or(false),
        drops_pending: block.flag("drop_pending_traces_on_shutdown")?.unwrap_or(false),
        policies: reader.finish(top),
    })
}

/// An object, and where it is.
struct Block<'a> {
    fields: &'a Map<String, Value>,
    place: String,
}

impl<'a> Block<'a> {
    fn new(value: &'a Value, place: &str) -> Result<Self, String> {
        let place = if place.is_empty() { "tail_sampling" } else { place };
        let fields = value.as_object().ok_or_else(|| format!("{place}: expected an object"))?;
        Ok(Self { fields, place: place.to_owned() })
    }

    fn wrong<T>(&self, key: &str, expected: &str) -> Result<T, String> {
        Err(format!("{}: `{key}`: expected {expected}", self.place))
    }

    fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.fields.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(format!("{}: `{key}` is not known", self.place)),
            None => Ok(()),
        }
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    fn number(&self, key: &str) -> Result<Option<f64>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            // YAML of the collector has `100_000`.
            Some(Value::String(text)) => match text.replace('_', "").parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => self.wrong(key, "a number"),
            },
            Some(_) => self.wrong(key, "a number"),
        }
    }

    fn count(&self, key: &str) -> Result<Option<u64>, String> {
        match self.number(key)? {
            None => Ok(None),
            Some(number) if number >= 0.0 && number.fract() == 0.0 => Ok(Some(number as u64)),
            Some(_) => self.wrong(key, "a whole number, not negative"),
        }
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => self.wrong(key, "true or false"),
        }
    }

    fn duration(&self, key: &str) -> Result<Option<Duration>, String> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let read = value.as_str().and_then(parse_duration_ns);
        match read.and_then(|ns| u64::try_from(ns).ok()) {
            Some(ns) => Ok(Some(Duration::from_nanos(ns))),
            None => self.wrong(key, "a duration such as 10s"),
        }
    }

    fn text(&self, key: &str) -> Result<&'a str, String> {
        match self.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()) {
            Some(text) => Ok(text),
            None => self.wrong(key, "a text"),
        }
    }

    fn texts(&self, key: &str) -> Result<Vec<String>, String> {
        let Some(Value::Array(list)) = self.get(key) else {
            return self.wrong(key, "a list of texts");
        };
        let texts = list.iter().map(|value| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
            _ => self.wrong(key, "a list of texts"),
        });
        texts.collect()
    }
}

/// Numbers what policies share while they are read.
#[derive(Default)]
struct Reader {
    tests: Vec<SpanTest>,
    salts: Vec<String>,
    limits: Vec<Limit>,
}

impl Reader {
    fn finish(self, top: Vec<NamedPolicy>) -> Policies {
        Policies::new(top, self.tests, self.salts, self.limits)
    }

    fn list(
        &mut self,
        block: &Block<'_>,
        key: &str,
        depth: usize,
    ) -> Result<Vec<NamedPolicy>, String> {
        let Some(Value::Array(list)) = block.get(key) else {
            return block.wrong(key, "a list of policies");
        };
        if list.is_empty() || list.len() > POLICIES_MAX {
            return block.wrong(key, &format!("1 to {POLICIES_MAX} policies"));
        }
        let place = |at: usize| format!("{}: {key}[{at}]", block.place);
        list.iter().enumerate().map(|(at, one)| self.policy(one, &place(at), depth)).collect()
    }

    fn policy(&mut self, value: &Value, place: &str, depth: usize) -> Result<NamedPolicy, String> {
        if depth > DEPTH_MAX {
            return Err(format!("{place}: policies are nested more than {DEPTH_MAX} deep"));
        }
        let outer = Block::new(value, place)?;
        let (name, kind) = (outer.text("name")?, outer.text("type")?);
        outer.only(&["name", "type", kind])?;
        let empty = Value::Object(Map::new());
        let inner = outer.get(kind).unwrap_or(&empty);
        let inner = Block::new(inner, &format!("{place} ({name}): {kind}"))?;
        let policy = self.policy_of(kind, &inner, depth)?;
        Ok(NamedPolicy { name: name.to_owned(), policy })
    }

    fn policy_of(&mut self, kind: &str, of: &Block<'_>, depth: usize) -> Result<Policy, String> {
        Ok(match kind {
            "always_sample" => {
                of.only(&[])?;
                Policy::Always
            }
            "latency" => {
                of.only(&["threshold_ms", "upper_threshold_ms"])?;
                Policy::Latency {
                    above_ms: of.count("threshold_ms")?.unwrap_or(0),
                    upto_ms: of.count("upper_threshold_ms")?.filter(|most| *most > 0),
                }
            }
            "span_count" => {
                of.only(&["min_spans", "max_spans"])?;
                Policy::SpanCount {
                    least: of.count("min_spans")?.unwrap_or(0),
                    most: of.count("max_spans")?.filter(|most| *most > 0),
                }
            }
            "probabilistic" => self.chance(of)?,
            "rate_limiting" => {
                of.only(&["spans_per_second"])?;
                let Some(most) = of.count("spans_per_second")? else {
                    return of.wrong("spans_per_second", "a number");
                };
                self.limit(Limit::spans(most))
            }
            "bytes_limiting" => {
                of.only(&["bytes_per_second", "burst_capacity"])?;
                let Some(rate) = of.count("bytes_per_second")? else {
                    return of.wrong("bytes_per_second", "a number");
                };
                let burst = of.count("burst_capacity")?.filter(|burst| *burst > 0);
                self.limit(Limit::bytes(rate, burst.unwrap_or(rate.saturating_mul(2))))
            }
            "and" => {
                of.only(&["and_sub_policy"])?;
                Policy::All(plain(self.list(of, "and_sub_policy", depth + 1)?))
            }
            "drop" => {
                of.only(&["drop_sub_policy"])?;
                Policy::Drop(plain(self.list(of, "drop_sub_policy", depth + 1)?))
            }
            "not" => {
                of.only(&["not_sub_policy"])?;
                let Some(inner) = of.get("not_sub_policy") else {
                    return of.wrong("not_sub_policy", "a policy");
                };
                let place = format!("{}: not_sub_policy", of.place);
                Policy::Not(Box::new(self.policy(inner, &place, depth + 1)?.policy))
            }
            "composite" => self.composite(of, depth)?,
            "ottl_condition" => {
                return Err(format!(
                    "{}: conditions in OTTL are not supported; attributes, status and latency \
                     have policies of their own, and `and` and `not` put them together",
                    of.place
                ));
            }
            _ => self.test(kind, of)?,
        })
    }

    /// A policy that looks for a span.
    fn test(&mut self, kind: &str, of: &Block<'_>) -> Result<Policy, String> {
        let mut inverts = false;
        let test = match kind {
            "numeric_attribute" => {
                of.only(&["key", "min_value", "max_value", "invert_match"])?;
                inverts = of.flag("invert_match")?.unwrap_or(false);
                SpanTest::Number {
                    key: of.text("key")?.to_owned(),
                    least: of.number("min_value")?.unwrap_or(f64::NEG_INFINITY),
                    most: of.number("max_value")?.unwrap_or(f64::INFINITY),
                }
            }
            "boolean_attribute" => {
                of.only(&["key", "value", "invert_match"])?;
                inverts = of.flag("invert_match")?.unwrap_or(false);
                let value = of.flag("value")?.unwrap_or(false);
                SpanTest::Flag { key: of.text("key")?.to_owned(), value }
            }
            "string_attribute" => {
                let known =
                    ["key", "values", "enabled_regex_matching", "cache_max_size", "invert_match"];
                of.only(&known)?;
                inverts = of.flag("invert_match")?.unwrap_or(false);
                of.count("cache_max_size")?;
                let (key, values) = (of.text("key")?.to_owned(), of.texts("values")?);
                if of.flag("enabled_regex_matching")?.unwrap_or(false) {
                    let compiled = values.iter().map(|text| {
                        pattern::compile(text).map_err(|e| format!("{}: `values`: {e}", of.place))
                    });
                    SpanTest::Pattern { key, patterns: compiled.collect::<Result<_, _>>()? }
                } else {
                    SpanTest::Text { key, values }
                }
            }
            "status_code" => {
                of.only(&["status_codes"])?;
                let codes = of.texts("status_codes")?;
                let code = |name: &String| match name.as_str() {
                    "OK" => Ok(StatusCode::Ok),
                    "ERROR" => Ok(StatusCode::Error),
                    "UNSET" => Ok(StatusCode::Unset),
                    _ => of.wrong("status_codes", "OK, ERROR or UNSET"),
                };
                SpanTest::Status(codes.iter().map(code).collect::<Result<_, _>>()?)
            }
            "trace_state" => {
                of.only(&["key", "values"])?;
                SpanTest::State { key: of.text("key")?.to_owned(), values: of.texts("values")? }
            }
            "trace_flags" => {
                of.only(&[])?;
                SpanTest::SampledFlag
            }
            other => return Err(format!("{}: the type `{other}` is not known", of.place)),
        };
        if self.tests.len() >= TESTS_MAX {
            return Err(format!("{}: more than {TESTS_MAX} policies look at spans", of.place));
        }
        self.tests.push(test);
        Ok(Policy::Found { test: self.tests.len() - 1, inverts })
    }

    fn chance(&mut self, of: &Block<'_>) -> Result<Policy, String> {
        of.only(&["hash_salt", "sampling_percentage"])?;
        let salt = of.get("hash_salt").and_then(Value::as_str).filter(|salt| !salt.is_empty());
        let salt = salt.unwrap_or(DEFAULT_SALT);
        let at = self.salts.iter().position(|known| known == salt).unwrap_or_else(|| {
            self.salts.push(salt.to_owned());
            self.salts.len() - 1
        });
        let ratio = of.number("sampling_percentage")?.unwrap_or(0.0) / 100.0;
        if !(0.0..=f64::MAX).contains(&ratio) {
            return of.wrong("sampling_percentage", "a number from 0 to 100");
        }
        // The largest hash that is sampled; of a whole the float would lose the last bits.
        let upto = if ratio >= 1.0 { u64::MAX } else { (ratio * 2_f64.powi(64)) as u64 };
        Ok(Policy::Chance { salt: at, upto })
    }

    fn limit(&mut self, limit: Limit) -> Policy {
        self.limits.push(limit);
        Policy::Limited(self.limits.len() - 1)
    }

    fn composite(&mut self, of: &Block<'_>, depth: usize) -> Result<Policy, String> {
        of.only(&[
            "max_total_spans_per_second",
            "policy_order",
            "composite_sub_policy",
            "rate_allocation",
        ])?;
        let Some(total) = of.count("max_total_spans_per_second")? else {
            return of.wrong("max_total_spans_per_second", "a number");
        };
        let mut listed = self.list(of, "composite_sub_policy", depth + 1)?;
        let mut shares: Vec<(String, f64)> = Vec::new();
        if let Some(Value::Array(list)) = of.get("rate_allocation") {
            for (at, one) in list.iter().enumerate() {
                let one = Block::new(one, &format!("{}: rate_allocation[{at}]", of.place))?;
                one.only(&["policy", "percent"])?;
                let percent = one.number("percent")?.unwrap_or(0.0);
                if !(0.0..=100.0).contains(&percent) {
                    return one.wrong("percent", "a number from 0 to 100");
                }
                shares.push((one.text("policy")?.to_owned(), percent));
            }
        }
        if of.get("policy_order").is_some() {
            let order = of.texts("policy_order")?;
            if let Some(name) = order.iter().find(|name| listed.iter().all(|p| p.name != **name)) {
                return of.wrong("policy_order", &format!("names of policies; {name:?} is none"));
            }
            let place = |policy: &NamedPolicy| order.iter().position(|name| *name == policy.name);
            listed.sort_by_key(|policy| place(policy).unwrap_or(usize::MAX));
        }
        // What is not given to any policy is for those that were given nothing.
        let given: f64 = shares.iter().map(|(_, percent)| percent).sum();
        let without = listed.iter().filter(|p| shares.iter().all(|(name, _)| *name != p.name));
        let rest = (100.0 - given).max(0.0) / without.count().max(1) as f64;
        let parts = listed.into_iter().map(|policy| {
            let found = shares.iter().find(|(name, _)| *name == policy.name);
            let percent = found.map_or(rest, |(_, percent)| *percent);
            let spans_max = (percent / 100.0 * total as f64) as u64;
            Part { policy: policy.policy, spans_max }
        });
        let parts = parts.collect();
        self.limits.push(Limit::Shares { second: i64::MIN, used: Vec::new() });
        Ok(Policy::Composite(Composite { at: self.limits.len() - 1, total, parts }))
    }
}

fn plain(named: Vec<NamedPolicy>) -> Vec<Policy> {
    named.into_iter().map(|named| named.policy).collect()
}
