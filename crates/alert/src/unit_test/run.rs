//! Runs one test: from minute to minute, as a server would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vigie_language::promql::{
    SeriesValue, format_duration_ms, go_quote, parse_metric, parse_series, parse_values,
};
use vigie_model::{
    Acknowledge, Alert, AlertSink, HistogramPoint, Labels, MetricBatch, MetricSink, TenantId,
};
use vigie_query::{Engine, EngineOptions, SampleValue};
use vigie_store::Store;

use super::UnitTestOptions;
use super::file::{ExpectedAlert, ExpressionTest, TestFile, TestGroup};
use super::histogram::test_expression;
use super::report::{self, Sample, go_duration, indented};
use crate::group::Group;
use crate::instance::ALERT_NAME;
use crate::{
    AlertState, GroupDefinition, ManagerOptions, ManagerParts, ReadOptions, RuleExpression,
    RuleManager, RuleSource, StoreSource, parse_rule_file,
};

/// Evaluations of one test.
const EVALUATIONS_MAX: i64 = 1_000_000;

/// Alerts of a test reach nobody.
#[derive(Debug)]
struct Nobody;

impl AlertSink for Nobody {
    fn send(&self, _tenant: &TenantId, _alerts: Vec<Alert>) {}
}

/// A series of the test and how far it has been loaded.
struct Input {
    labels: Labels,
    values: Vec<SeriesValue>,
    loaded: usize,
}

struct Bench<'a> {
    file: &'a TestFile,
    test: &'a TestGroup,
    store: Arc<Store>,
    source: Arc<StoreSource>,
    tenant: TenantId,
    inputs: Vec<Input>,
    groups: Vec<Arc<Group>>,
}

/// Runs `test`; what was not as expected.
pub(super) async fn run(
    file: &TestFile,
    test: &TestGroup,
    options: &UnitTestOptions<'_>,
) -> Vec<String> {
    match Bench::new(file, test, options).await {
        Ok(mut bench) => {
            let failures = bench.run().await;
            // Nothing is on a disk that closing could fail to write.
            bench.store.close().await.ok();
            failures
        }
        Err(errors) => errors,
    }
}

impl<'a> Bench<'a> {
    async fn new(
        file: &'a TestFile,
        test: &'a TestGroup,
        options: &UnitTestOptions<'_>,
    ) -> Result<Self, Vec<String>> {
        let inputs = inputs(test).map_err(|error| vec![error])?;
        let definitions = definitions(file, test, options)?;
        if let Some(nameless) = test.alerts.iter().find(|alert| alert.alert_name.is_empty()) {
            let within = match test.name.as_str() {
                "" => String::new(),
                name => format!(" (in TestGroup {name})"),
            };
            return Err(vec![format!(
                "an item under alert_rule_test misses required attribute alertname at eval_time \
                 {}{within}",
                format_duration_ms(nameless.eval_time_ms)
            )]);
        }
        let store = Store::open_in_memory().await.map_err(|error| vec![error.to_string()])?;
        let tenant = TenantId::default_tenant();
        let engine = Arc::new(Engine::new(EngineOptions {
            subquery_step_ms: file.evaluation_interval_ms,
            ..EngineOptions::default()
        }));
        let source = Arc::new(StoreSource::new(Arc::clone(&store), engine, tenant.clone()));
        let manager = RuleManager::new(
            ManagerParts {
                world: options.world.clone(),
                tenant: tenant.clone(),
                source: Arc::clone(&source) as _,
                sink: Arc::clone(&store) as _,
                alerts: Arc::new(Nobody),
                expander: Arc::clone(&options.expander),
            },
            ManagerOptions { external_url: test.external_url.clone(), ..ManagerOptions::default() },
        );
        manager.set_surroundings(test.external_labels.clone(), 0);
        let group = |definition: GroupDefinition| {
            let environment = Arc::clone(manager.environment());
            let group = Arc::new(Group::new(Arc::new(definition), environment, false));
            group.skip_restore();
            group
        };
        let groups = definitions.into_iter().map(group).collect();
        Ok(Self { file, test, store, source, tenant, inputs, groups })
    }

    async fn run(&mut self) -> Vec<String> {
        let mut failures = Vec::new();
        let start_ms = self.test.start_ms;
        let interval_ms = self.file.evaluation_interval_ms.max(1);
        let alert_times = self.test.alerts.iter().map(|test| test.eval_time_ms);
        let times = alert_times.chain(self.test.expressions.iter().map(|e| e.eval_time_ms));
        let last_ms = times.max().unwrap_or(0);
        if last_ms / interval_ms > EVALUATIONS_MAX {
            return vec![format!("the test has more than {EVALUATIONS_MAX} evaluations")];
        }
        let mut pending: BTreeSet<i64> =
            self.test.alerts.iter().map(|test| test.eval_time_ms).collect();
        let mut since_ms = 0;
        while since_ms <= last_ms {
            let at_ms = start_ms + since_ms;
            if let Err(error) = self.load_until(at_ms).await {
                failures.push(error);
            }
            let errors = self.evaluate(at_ms).await;
            if !errors.is_empty() {
                failures.extend(errors);
                return failures;
            }
            // What is asked between two evaluations is as of the first of them.
            while let Some(time_ms) = pending.first().copied()
                && time_ms < since_ms + interval_ms
            {
                pending.pop_first();
                failures.extend(self.check_alerts(time_ms));
            }
            since_ms += interval_ms;
        }
        for test in &self.test.expressions {
            failures.extend(self.check_expression(test).await);
        }
        failures
    }

    /// Puts the input of no later than `at_ms` into the store.
    async fn load_until(&mut self, at_ms: i64) -> Result<(), String> {
        let mut batch = MetricBatch::new();
        let (start_ms, interval_ms) = (self.test.start_ms, self.test.interval_ms);
        for input in &mut self.inputs {
            let from = input.loaded;
            let due = |at: usize| start_ms + at as i64 * interval_ms <= at_ms;
            while input.loaded < input.values.len() && due(input.loaded) {
                input.loaded += 1;
            }
            if from == input.loaded {
                continue;
            }
            let mut builder = batch.push_series(&input.labels);
            for (at, value) in input.values.iter().enumerate().take(input.loaded).skip(from) {
                let timestamp_ms = start_ms + at as i64 * interval_ms;
                match value {
                    SeriesValue::Missing => {}
                    SeriesValue::Float(value) => {
                        builder.sample(timestamp_ms, *value);
                    }
                    SeriesValue::Histogram(histogram) => {
                        let histogram = Arc::clone(histogram);
                        builder.histogram(HistogramPoint {
                            timestamp_ms,
                            start_timestamp_ms: 0,
                            histogram,
                        });
                    }
                }
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        let written = self.store.write(&self.tenant, batch, Acknowledge::Logged).await;
        written.map(drop).map_err(|error| error.message)
    }

    async fn evaluate(&self, at_ms: i64) -> Vec<String> {
        let never = CancellationToken::new();
        let mut errors = Vec::new();
        for group in &self.groups {
            group.evaluate(at_ms, &never).await;
            let status = group.status();
            for (rule, status) in group.definition.rules.iter().zip(&status.rules) {
                if !status.last_error.is_empty() {
                    errors.push(format!(
                        "    rule: {}, time: {}, err: {}",
                        rule.name,
                        go_duration(at_ms),
                        status.last_error
                    ));
                }
            }
        }
        errors
    }

    fn check_alerts(&self, time_ms: i64) -> Vec<String> {
        let mut failures = Vec::new();
        for test in self.test.alerts.iter().filter(|test| test.eval_time_ms == time_ms) {
            let mut got = self.firing(&test.alert_name);
            let mut expected = test.expected.clone();
            for alert in &mut expected {
                alert.labels.insert(ALERT_NAME.to_owned(), test.alert_name.clone());
            }
            got.sort();
            expected.sort();
            if got == expected {
                continue;
            }
            let name = match self.test.name.as_str() {
                "" => String::new(),
                name => format!("    name: {name},\n"),
            };
            let indent = "            ";
            failures.push(format!(
                "{name}    alertname: {}, time: {}, \n        exp:{}, \n        got:{}",
                test.alert_name,
                format_duration_ms(time_ms),
                indented(&report::alerts(&expected), indent),
                indented(&report::alerts(&got), indent),
            ));
        }
        failures
    }

    fn firing(&self, name: &str) -> Vec<ExpectedAlert> {
        let mut found = Vec::new();
        for group in &self.groups {
            let status = group.status();
            let rules = group.definition.rules.iter().zip(&status.rules);
            for (_, status) in rules.filter(|(rule, _)| rule.is_alerting() && rule.name == name) {
                let firing = status.alerts.iter().filter(|a| a.state == AlertState::Firing);
                found.extend(firing.map(|alert| ExpectedAlert {
                    labels: map(&alert.labels),
                    // Go's label sets, which hold annotations there, keep empty values.
                    annotations: alert.annotations.as_ref().clone(),
                }));
            }
        }
        found
    }

    async fn check_expression(&self, test: &ExpressionTest) -> Option<String> {
        let head = format!(
            "    expr: {}, time: {},",
            go_quote(&test.expression),
            format_duration_ms(test.eval_time_ms)
        );
        let expression = match RuleExpression::promql(&test.expression) {
            Ok(expression) => expression,
            Err(error) => return Some(format!("{head} err: {error}")),
        };
        let at_ms = self.test.start_ms + test.eval_time_ms;
        let found = match self.source.query(&expression, at_ms).await {
            Ok(found) => found,
            Err(error) => return Some(format!("{head} err: {error}")),
        };
        let mut got: Vec<Sample> = found
            .iter()
            .map(|sample| {
                let (value, histogram) = match &sample.value {
                    SampleValue::Float(value) => (*value, String::new()),
                    SampleValue::Histogram(histogram) => (0.0, test_expression(histogram)),
                };
                Sample { labels: map(&sample.labels), value, histogram }
            })
            .collect();
        let mut expected = match expected_samples(test) {
            Ok(expected) => expected,
            Err(error) => return Some(format!("{head} err: {error}")),
        };
        got.sort_by(|one, two| one.labels.cmp(&two.labels));
        expected.sort_by(|one, two| one.labels.cmp(&two.labels));
        let is_same = got.len() == expected.len()
            && expected.iter().zip(&got).all(|(e, g)| e.is_same(g, self.file.fuzzy_compare));
        (!is_same).then(|| {
            let (expected, got) = (report::samples(&expected), report::samples(&got));
            format!("{head}\n        exp: {expected}\n        got: {got}")
        })
    }
}

fn map(labels: &Labels) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn expected_samples(test: &ExpressionTest) -> Result<Vec<Sample>, String> {
    let read = |sample: &super::file::ExpectedSample| {
        let labels = parse_metric(&sample.labels)
            .map_err(|error| format!("labels {}: {error}", go_quote(&sample.labels)))?;
        let histogram = match sample.histogram.as_str() {
            "" => String::new(),
            text => {
                let wrong = |error| format!("labels {}: {error}", go_quote(&sample.labels));
                let values = parse_values(text).map_err(wrong)?;
                match values.as_slice() {
                    [SeriesValue::Histogram(histogram)] => test_expression(histogram),
                    [_] => return Err(wrong(format!("expected histogram, got {text}"))),
                    many => return Err(wrong(format!("expected 1 value, got {}", many.len()))),
                }
            }
        };
        Ok(Sample { labels: map(&labels), value: sample.value, histogram })
    };
    test.expected.iter().map(read).collect()
}

fn inputs(test: &TestGroup) -> Result<Vec<Input>, String> {
    let read = |(at, (series, values)): (usize, &(String, String))| {
        let (labels, values) = parse_series(&format!("{series} {values}"))
            .map_err(|error| format!("error in line {}: {error}", at + 2))?;
        Ok(Input { labels, values, loaded: 0 })
    };
    test.input_series.iter().enumerate().map(read).collect()
}

/// The groups of all rule files, in the order in which they are evaluated.
fn definitions(
    file: &TestFile,
    test: &TestGroup,
    options: &UnitTestOptions<'_>,
) -> Result<Vec<GroupDefinition>, Vec<String>> {
    let read_options = ReadOptions {
        default_interval_ms: test.interval_ms,
        ignore_unknown_fields: options.ignore_unknown_fields,
        expander: options.expander.as_ref(),
    };
    let mut groups = Vec::new();
    for path in &file.rule_files {
        let name = path.display().to_string();
        let bytes = options.world.disk.read(path).map_err(|e| vec![format!("{name}: {e}")])?;
        let text = String::from_utf8(bytes).map_err(|_| vec![format!("{name}: not UTF-8")])?;
        let read = parse_rule_file(&text, &name, read_options);
        groups.extend(read.map_err(|errors| {
            errors.iter().map(|error| format!("{name}: {error}")).collect::<Vec<_>>()
        })?);
    }
    let order = |name: &str| file.group_eval_order.iter().position(|other| other == name);
    groups.sort_by_key(|group| order(&group.name).unwrap_or(0));
    Ok(groups)
}
