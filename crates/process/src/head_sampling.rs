//! Which part of traces SDKs are told to make: Jaeger's strategies file.
//!
//! The file is that of `--sampling.strategies-file`: a default, strategies of services, and of
//! their operations. An operation can only have a probability, as Jaeger has it: rates of
//! operations are left out, and told.

use serde_json::{Map, Value};

use crate::ProcessError;

/// The largest file.
const FILE_BYTES_MAX: usize = 16 << 20;
/// What Jaeger takes for a service whose operations have strategies and which itself has a rate.
const DEFAULT_PROBABILITY: f64 = 0.001;

/// How a service samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HeadStrategy {
    /// Each trace with this probability.
    Probabilistic(f64),
    /// At most so many traces a second.
    RateLimiting(i32),
}

/// What one service is told.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceStrategy {
    /// For operations that are not named.
    pub strategy: HeadStrategy,
    /// Probabilities of operations, in the order of the file.
    pub operations: Vec<(String, f64)>,
}

impl ServiceStrategy {
    /// The probability of operations that are not named.
    pub const fn default_probability(&self) -> f64 {
        match self.strategy {
            HeadStrategy::Probabilistic(probability) => probability,
            HeadStrategy::RateLimiting(_) => DEFAULT_PROBABILITY,
        }
    }
}

/// The strategies of all services.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadStrategies {
    default: ServiceStrategy,
    services: Vec<(String, ServiceStrategy)>,
    /// What the file says and cannot be: to be told once.
    pub warnings: Vec<String>,
}

impl Default for HeadStrategies {
    /// Everything is sampled.
    fn default() -> Self {
        let strategy = HeadStrategy::Probabilistic(1.0);
        Self {
            default: ServiceStrategy { strategy, operations: Vec::new() },
            services: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl HeadStrategies {
    /// Reads a strategies file. Errors say where.
    pub fn parse(text: &str) -> Result<Self, ProcessError> {
        let wrong = ProcessError::Strategies;
        if text.len() > FILE_BYTES_MAX {
            return Err(wrong(format!("the file is larger than {FILE_BYTES_MAX} bytes")));
        }
        let file: Value = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let file = file.as_object().ok_or_else(|| wrong("expected an object".into()))?;
        let mut read = Self::default();
        if let Some(value) = file.get("default_strategy").filter(|value| !value.is_null()) {
            read.default = service(value, "default_strategy", &mut read.warnings)?;
        }
        let services = match file.get("service_strategies") {
            None | Some(Value::Null) => &[],
            Some(Value::Array(services)) => services.as_slice(),
            Some(_) => return Err(wrong("service_strategies: expected a list".into())),
        };
        for (at, value) in services.iter().enumerate() {
            let place = format!("service_strategies[{at}]");
            let name = value.get("service").and_then(Value::as_str);
            let name = name.ok_or_else(|| wrong(format!("{place}: `service` is missing")))?;
            let mut strategy = service(value, &place, &mut read.warnings)?;
            // The default's operations are every service's, unless it says otherwise itself.
            for (operation, probability) in &read.default.operations {
                if !strategy.operations.iter().any(|(known, _)| known == operation) {
                    strategy.operations.push((operation.clone(), *probability));
                }
            }
            read.services.retain(|(known, _)| known != name);
            read.services.push((name.to_owned(), strategy));
        }
        Ok(read)
    }

    /// What `service` is told.
    pub fn of(&self, service: &str) -> &ServiceStrategy {
        let found = self.services.iter().find(|(name, _)| name == service);
        found.map_or(&self.default, |(_, strategy)| strategy)
    }
}

fn service(
    value: &Value,
    place: &str,
    warnings: &mut Vec<String>,
) -> Result<ServiceStrategy, ProcessError> {
    let wrong = |message: String| ProcessError::Strategies(format!("{place}: {message}"));
    let fields = value.as_object().ok_or_else(|| wrong("expected an object".into()))?;
    let strategy = strategy(fields).map_err(wrong)?;
    let mut operations = Vec::new();
    let listed = match fields.get("operation_strategies") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(listed)) => listed.as_slice(),
        Some(_) => return Err(wrong("operation_strategies: expected a list".into())),
    };
    for (at, value) in listed.iter().enumerate() {
        let wrong = |message: String| wrong(format!("operation_strategies[{at}]: {message}"));
        let fields = value.as_object().ok_or_else(|| wrong("expected an object".into()))?;
        let operation = fields.get("operation").and_then(Value::as_str);
        let operation = operation.ok_or_else(|| wrong("`operation` is missing".into()))?;
        match self::strategy(fields).map_err(wrong)? {
            HeadStrategy::Probabilistic(probability) => {
                operations.push((operation.to_owned(), probability));
            }
            HeadStrategy::RateLimiting(_) => warnings.push(format!(
                "{place}: operation {operation:?} has a rate, and clients know only probabilities \
                 of operations: it is left out"
            )),
        }
    }
    Ok(ServiceStrategy { strategy, operations })
}

fn strategy(fields: &Map<String, Value>) -> Result<HeadStrategy, String> {
    let param = fields.get("param").and_then(Value::as_f64);
    let param = param.ok_or("`param`: expected a number")?;
    match fields.get("type").and_then(Value::as_str) {
        Some("probabilistic") if (0.0..=1.0).contains(&param) => {
            Ok(HeadStrategy::Probabilistic(param))
        }
        Some("probabilistic") => Err(format!("`param`: {param} is not between 0 and 1")),
        Some("ratelimiting") if (0.0..=f64::from(i32::MAX)).contains(&param) => {
            Ok(HeadStrategy::RateLimiting(param as i32))
        }
        Some("ratelimiting") => Err(format!("`param`: {param} is no number of traces a second")),
        Some(other) => {
            Err(format!("`type`: {other:?} is neither \"probabilistic\" nor \"ratelimiting\""))
        }
        None => Err("`type` is missing: \"probabilistic\" or \"ratelimiting\"".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_operations_have_their_strategies() {
        let read = HeadStrategies::parse(
            r#"{"service_strategies": [
                  {"service": "shop", "type": "probabilistic", "param": 0.8,
                   "operation_strategies": [
                     {"operation": "pay", "type": "probabilistic", "param": 1},
                     {"operation": "slow", "type": "ratelimiting", "param": 5}]},
                  {"service": "mail", "type": "ratelimiting", "param": 5}],
                "default_strategy": {"type": "probabilistic", "param": 0.5,
                   "operation_strategies": [
                     {"operation": "/health", "type": "probabilistic", "param": 0.0},
                     {"operation": "pay", "type": "probabilistic", "param": 0.1}]}}"#,
        )
        .unwrap();
        let pair = |name: &str, value: f64| (name.to_owned(), value);
        let shop = read.of("shop");
        assert_eq!(shop.strategy, HeadStrategy::Probabilistic(0.8));
        assert_eq!(shop.operations, [pair("pay", 1.0), pair("/health", 0.0)]);
        assert_eq!(read.of("mail").strategy, HeadStrategy::RateLimiting(5));
        assert_eq!(read.of("mail").default_probability(), 0.001);
        assert_eq!(read.of("other").strategy, HeadStrategy::Probabilistic(0.5));
        assert_eq!(read.warnings.len(), 1, "{:?}", read.warnings);
        assert!(read.warnings[0].contains("\"slow\""));
    }

    #[test]
    fn errors_say_where() {
        for (text, expected) in [
            ("[]", "expected an object"),
            ("{", "line 1 column 1"),
            (
                r#"{"default_strategy": {"type": "often", "param": 1}}"#,
                "default_strategy: `type`: \"often\"",
            ),
            (r#"{"default_strategy": {"type": "probabilistic", "param": 2}}"#, "2 is not between"),
            (
                r#"{"service_strategies": [{"type": "probabilistic", "param": 1}]}"#,
                "service_strategies[0]: `service` is missing",
            ),
            (
                r#"{"service_strategies": [{"service": "a", "type": "probabilistic", "param": 1,
                    "operation_strategies": [{"type": "probabilistic", "param": 1}]}]}"#,
                "service_strategies[0]: operation_strategies[0]: `operation` is missing",
            ),
        ] {
            let error = HeadStrategies::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
