//! Random PromQL over the random series.
//!
//! Queries are well typed nearly always, so that most of them have an answer; those that have an
//! error must have it on both sides.

use super::data::{SAMPLES, START_MS};
use super::peer::Level;
use super::random::Random;

/// When a query is asked for, milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
}

/// A query and its time.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) text: String,
    pub(super) when: When,
}

impl Query {
    /// The API's path and parameters.
    pub(super) fn request(&self) -> (&'static str, Vec<(&'static str, String)>) {
        let seconds = |ms: i64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
        let query = ("query", self.text.clone());
        match self.when {
            When::Instant(at) => ("/api/v1/query", vec![query, ("time", seconds(at))]),
            When::Range { start, end, step } => (
                "/api/v1/query_range",
                vec![
                    query,
                    ("start", seconds(start)),
                    ("end", seconds(end)),
                    ("step", seconds(step)),
                ],
            ),
        }
    }
}

/// Makes queries, always the same for the same seed.
pub(super) struct Generator {
    random: Random,
    level: Level,
}

const LABELS: [&str; 4] = ["job", "instance", "code", "le"];

impl Generator {
    pub(super) const fn new(seed: u64, level: Level) -> Self {
        Self { random: Random::new(seed), level }
    }

    pub(super) fn query(&mut self) -> Query {
        let depth = self.random.below(4);
        let text = match self.random.below(12) {
            0 => self.scalar(depth),
            1 => {
                let inner = self.vector(depth);
                format!("{}({inner})", self.random.pick(&["sort", "sort_desc"]))
            }
            _ => self.vector(depth),
        };
        Query { text, when: self.when() }
    }

    fn when(&mut self) -> When {
        let span_ms = SAMPLES as i64 * 15_000 + 600_000;
        let steps = (span_ms / 60_000) as u64;
        // Seven seconds past the minute: never a sample's time, nor a subquery's.
        let past_ms = match self.level {
            Level::Old => 7_000,
            Level::New if self.random.one_in(2) => 0,
            Level::New => self.random.below(60_000) as i64,
        };
        let at = START_MS + self.random.below(steps) as i64 * 60_000 + past_ms;
        if self.random.one_in(2) {
            return When::Instant(at);
        }
        let step = [15_000, 30_000, 60_000, 300_000][self.random.below(4) as usize];
        let points = 1 + self.random.below(40) as i64;
        When::Range { start: at - step * (points / 2), end: at + step * (points / 2), step }
    }

    fn is_new(&self) -> bool {
        self.level == Level::New
    }

    fn number(&mut self) -> String {
        let fixed =
            ["0", "1", "2", "-1", "0.5", "10", "100", "NaN", "Inf", "-Inf", "1e3", "0x1f", "-0"];
        match self.random.below(3) {
            0 => format!("{}", (self.random.unit() * 100.0).round() / 10.0),
            _ => self.random.pick(&fixed).to_owned(),
        }
    }

    fn quantile(&mut self) -> &'static str {
        self.random.pick(&["0", "0.1", "0.5", "0.9", "0.99", "1", "-0.1", "1.1", "NaN"])
    }

    fn matchers(&mut self) -> String {
        let choices = [
            "",
            "",
            "",
            "{job=\"api\"}",
            "{job!=\"db\"}",
            "{job=~\"a.*|w.b\"}",
            "{instance!~\"b:\\\\d\"}",
            "{code=\"\"}",
            "{code=~\".+\"}",
            "{job=\"db\",instance=\"b:1\"}",
            "{le=\"+Inf\"}",
            "{job=\"nothing\"}",
            "{instance=~\"(?i)A:1\"}",
        ];
        self.random.pick(&choices).to_owned()
    }

    fn metric(&mut self) -> &'static str {
        let mut names = vec![
            "requests_total",
            "requests_total",
            "temperature",
            "temperature",
            "odd",
            "level",
            "alone",
            "latency_seconds_bucket",
            "target_info",
            "absent_metric",
        ];
        if self.is_new() {
            names.extend(["size_bytes", "size_now", "mixed"]);
        }
        self.random.pick(&names)
    }

    fn selector(&mut self) -> String {
        format!("{}{}", self.metric(), self.matchers())
    }

    fn modifiers(&mut self) -> String {
        let at = START_MS / 1_000 + self.random.below(60) as i64 * 60 + 7;
        match self.random.below(14) {
            0 => " offset 1m".to_owned(),
            1 => " offset -2m".to_owned(),
            2 => format!(" @ {at}"),
            3 => format!(" @ {at} offset 30s"),
            4 => " @ start()".to_owned(),
            5 => " @ end()".to_owned(),
            _ => String::new(),
        }
    }

    fn range(&mut self) -> String {
        if self.is_new() && self.random.one_in(12) {
            return self
                .random
                .pick(&["1m + step()", "2 * 90s", "max_of(1m, step())", "5m / 2"])
                .to_owned();
        }
        self.random.pick(&["30s", "1m", "2m", "5m", "5m", "7m30s", "15m", "1h"]).to_owned()
    }

    fn matrix(&mut self, depth: u64) -> String {
        if depth == 0 || !self.random.one_in(4) {
            let extension = match self.random.below(20) {
                0 if self.is_new() => " anchored",
                1 if self.is_new() => " smoothed",
                _ => "",
            };
            return format!("{}[{}]{extension}{}", self.selector(), self.range(), self.modifiers());
        }
        // A subquery in a subquery would have its ranges' starts on steps, which versions differ on.
        let inner = if self.is_new() { self.vector(depth - 1) } else { self.plain_vector() };
        let range = self.random.pick(&["1m", "3m", "10m", "20m"]);
        let step = self.random.pick(&["", "10s", "15s", "20s", "30s", "1m"]);
        let modifiers = self.modifiers();
        format!("({inner})[{range}:{step}]{modifiers}")
    }

    fn plain_vector(&mut self) -> String {
        let selector = self.selector();
        match self.random.below(3) {
            0 => format!("rate({selector}[2m])"),
            1 => format!("sum by (job) ({selector})"),
            _ => selector,
        }
    }

    fn over_time(&mut self, depth: u64) -> String {
        let matrix = self.matrix(depth);
        let plain = [
            "rate",
            "rate",
            "increase",
            "delta",
            "irate",
            "idelta",
            "deriv",
            "changes",
            "resets",
            "sum_over_time",
            "avg_over_time",
            "min_over_time",
            "max_over_time",
            "count_over_time",
            "stddev_over_time",
            "stdvar_over_time",
            "last_over_time",
            "present_over_time",
            "absent_over_time",
        ];
        let new = [
            "mad_over_time",
            "ts_of_min_over_time",
            "ts_of_max_over_time",
            "ts_of_last_over_time",
            "ts_of_first_over_time",
            "first_over_time",
            "double_exponential_smoothing",
        ];
        match self.random.below(10) {
            0 => format!("quantile_over_time({}, {matrix})", self.quantile()),
            1 => format!("predict_linear({matrix}, {})", self.random.pick(&["60", "600", "-60"])),
            2 if self.is_new() => match self.random.pick(&new) {
                name @ "double_exponential_smoothing" => format!("{name}({matrix}, 0.5, 0.3)"),
                name => format!("{name}({matrix})"),
            },
            _ => format!("{}({matrix})", self.random.pick(&plain)),
        }
    }

    fn grouping(&mut self) -> String {
        let mut labels: Vec<&str> = LABELS.into_iter().filter(|_| self.random.one_in(3)).collect();
        if self.random.one_in(12) {
            labels.push("nothing");
        }
        match self.random.below(3) {
            0 => String::new(),
            1 => format!(" by ({})", labels.join(", ")),
            _ => format!(" without ({})", labels.join(", ")),
        }
    }

    fn aggregate(&mut self, depth: u64) -> String {
        let (inner, grouping) = (self.vector(depth), self.grouping());
        let plain = ["sum", "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
        match self.random.below(14) {
            0 | 1 => {
                let name = self.random.pick(&["topk", "bottomk"]);
                let count = self.random.pick(&["1", "2", "3", "5", "0", "-1", "2.7", "100"]);
                format!("{name}{grouping} ({count}, {inner})")
            }
            2 => format!("quantile{grouping} ({}, {inner})", self.quantile()),
            3 => format!("count_values{grouping} (\"v\", floor({inner}))"),
            4 if self.is_new() => format!("limitk{grouping} (2, {inner})"),
            5 if self.is_new() => format!("limit_ratio{grouping} (0.5, {inner})"),
            _ => format!("{}{grouping} ({inner})", self.random.pick(&plain)),
        }
    }

    fn matching(&mut self, is_set: bool) -> String {
        let on = match self.random.below(6) {
            0 => " on (job, instance)",
            1 => " on (instance, job, code)",
            2 => " ignoring (code)",
            3 => " ignoring (code, le, unit, version)",
            4 => " on ()",
            _ => "",
        };
        let group = match self.random.below(8) {
            0 if !is_set && !on.is_empty() => " group_left ()",
            1 if !is_set && !on.is_empty() => " group_right ()",
            2 if !is_set && on == " on (job, instance)" => " group_left (version)",
            _ => "",
        };
        let fill = match self.random.below(20) {
            0 if self.is_new() && !is_set => " fill (0)",
            1 if self.is_new() && !is_set && group.is_empty() => " fill_left (1)",
            _ => "",
        };
        format!("{on}{group}{fill}")
    }

    fn binary(&mut self, depth: u64) -> String {
        let arithmetic = ["+", "-", "*", "/", "%", "^", "atan2"];
        let comparison = ["==", "!=", ">", "<", ">=", "<="];
        let (left, right) = (self.vector(depth), self.vector(depth));
        match self.random.below(6) {
            0 => {
                let op = self.random.pick(&["and", "or", "unless"]);
                format!("({left}) {op}{} ({right})", self.matching(true))
            }
            1 => {
                let op = self.random.pick(&comparison);
                let bool_ = self.random.pick(&["", " bool"]);
                format!("({left}) {op}{bool_}{} ({right})", self.matching(false))
            }
            2 => {
                let op = self.random.pick(&comparison);
                let bool_ = self.random.pick(&["", " bool"]);
                let scalar = self.scalar(depth);
                if self.random.one_in(3) {
                    format!("({scalar}) {op}{bool_} ({left})")
                } else {
                    format!("({left}) {op}{bool_} ({scalar})")
                }
            }
            3 => {
                let (op, scalar) = (self.random.pick(&arithmetic), self.scalar(depth));
                if self.random.one_in(3) {
                    format!("({scalar}) {op} ({left})")
                } else {
                    format!("({left}) {op} ({scalar})")
                }
            }
            _ => format!(
                "({left}) {}{} ({right})",
                self.random.pick(&arithmetic),
                self.matching(false)
            ),
        }
    }

    fn scalar(&mut self, depth: u64) -> String {
        match self.random.below(9) {
            0 => "time()".to_owned(),
            1 => "pi()".to_owned(),
            2 if depth > 0 => format!("scalar({})", self.vector(depth - 1)),
            3 if depth > 0 => {
                let (left, right) = (self.scalar(depth - 1), self.scalar(depth - 1));
                format!(
                    "({left}) {} ({right})",
                    self.random.pick(&["+", "-", "*", "/", "%", "^", "== bool", "> bool"])
                )
            }
            4 if depth > 0 => format!("-({})", self.scalar(depth - 1)),
            _ => self.number(),
        }
    }

    fn histogram(&mut self, depth: u64) -> String {
        if self.is_new() && self.random.one_in(2) {
            let name = self.random.pick(&["size_bytes", "size_now", "mixed"]);
            let inner = match self.random.below(4) {
                0 => format!("rate({name}[5m])"),
                1 => format!("sum by (job) ({name})"),
                2 => format!("avg(increase({name}[2m]))"),
                _ => format!("{name}{}", self.modifiers()),
            };
            return match self.random.below(4) {
                0 => format!("histogram_quantile({}, {inner})", self.quantile()),
                1 => format!("histogram_fraction(0.5, 2, {inner})"),
                2 => format!(
                    "({inner}) {} ({})",
                    self.random.pick(&["+", "-", "*", "/", "==", "!=", "</", ">/"]),
                    if self.random.one_in(2) { self.number() } else { inner.clone() }
                ),
                _ => format!(
                    "{}({inner})",
                    self.random.pick(&[
                        "histogram_sum",
                        "histogram_count",
                        "histogram_avg",
                        "histogram_stddev",
                        "histogram_stdvar"
                    ])
                ),
            };
        }
        let quantile = self.quantile();
        let inner = match self.random.below(4) {
            0 => self.vector(depth),
            1 => "latency_seconds_bucket".to_owned(),
            2 => "sum by (le, job) (rate(latency_seconds_bucket[5m]))".to_owned(),
            _ => "rate(latency_seconds_bucket[2m])".to_owned(),
        };
        format!("histogram_quantile({quantile}, {inner})")
    }

    fn labels(&mut self, inner: &str) -> String {
        match self.random.below(5) {
            0 => {
                format!("label_replace({inner}, \"new\", \"$1-x\", \"instance\", \"(.):(\\\\d)\")")
            }
            1 => format!("label_replace({inner}, \"job\", \"$0\", \"code\", \"[25].*\")"),
            2 => format!("label_replace({inner}, \"instance\", \"\", \"job\", \"(?i)API\")"),
            3 => format!(
                "label_join({inner}, \"joined\", \"/\", \"job\", \"instance\", \"nothing\")"
            ),
            _ => format!("label_join({inner}, \"instance\", \"\", \"code\")"),
        }
    }

    fn call(&mut self, inner: &str) -> String {
        let math = [
            "abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round", "deg",
            "rad", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh",
            "acosh", "atanh",
        ];
        let dates = [
            "minute",
            "hour",
            "day_of_week",
            "day_of_month",
            "day_of_year",
            "days_in_month",
            "month",
            "year",
        ];
        match self.random.below(12) {
            0 => format!("clamp({inner}, {}, {})", self.number(), self.number()),
            1 => format!("clamp_min({inner}, {})", self.number()),
            2 => format!("clamp_max({inner}, {})", self.number()),
            3 => format!("round({inner}, {})", self.random.pick(&["1", "0.1", "5", "-2", "0"])),
            4 => format!("{}({inner})", self.random.pick(&dates)),
            5 => format!("timestamp({inner})"),
            6 => format!("absent({inner})"),
            7 => format!("-({inner})"),
            8 => self.labels(inner),
            _ => format!("{}({inner})", self.random.pick(&math)),
        }
    }

    fn vector(&mut self, depth: u64) -> String {
        if depth == 0 {
            return match self.random.below(8) {
                0 => format!("vector({})", self.number()),
                1 | 2 => self.over_time(0),
                _ => format!("{}{}", self.selector(), self.modifiers()),
            };
        }
        let depth = depth - 1;
        match self.random.below(16) {
            0..=3 => self.over_time(depth),
            4..=6 => self.aggregate(depth),
            7..=9 => self.binary(depth),
            10 | 11 => self.histogram(depth),
            12 => format!("vector({})", self.scalar(depth)),
            13 if self.is_new() => format!("info({})", self.selector()),
            _ => {
                let inner = self.vector(depth);
                self.call(&inner)
            }
        }
    }
}
