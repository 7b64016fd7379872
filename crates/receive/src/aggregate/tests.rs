//! Rules from their text, on samples given by hand and a clock that is moved.

use std::path::Path;

use vigie_model::WriteReport;

use super::*;

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<String>>);

impl MetricSink for Kept {
    fn write(&self, _tenant: &TenantId, batch: MetricBatch, _ack: Acknowledge) -> WriteFuture<'_> {
        let mut kept = self.0.lock();
        for series in batch.series() {
            for row in series.samples.clone() {
                let value = batch.values[row as usize];
                let time = batch.timestamps_ms[row as usize];
                kept.push(format!("{} {value} {time}", batch.labels(series)));
            }
        }
        Box::pin(async { Ok(WriteReport::default()) })
    }
}

/// Samples of two intervals: name, labels, time, value.
type Sample = (&'static str, &'static [(&'static str, &'static str)], i64, f64);

const A: &[(&str, &str)] = &[("app", "a"), ("host", "1")];
const B: &[(&str, &str)] = &[("app", "a"), ("host", "2")];

/// What the rules make of samples: outputs of one interval after the other.
fn outputs(yaml: &str, intervals: &[&[Sample]]) -> Vec<Vec<String>> {
    let configs = read(yaml, Path::new("rules.yml")).unwrap();
    let rule = Rule::compile(&configs[0], -1_000_000).unwrap();
    let tenant = TenantId::default_tenant();
    let mut all = Vec::new();
    for (at, samples) in intervals.iter().enumerate() {
        for (name, labels, time_ms, value) in *samples {
            let mut labels = Labels::from_pairs(labels.iter().copied());
            let mut builder = vigie_model::LabelsBuilder::from_labels(&labels);
            builder.set("__name__", name);
            labels = builder.build();
            if rule.matches(&labels) {
                rule.push(&tenant, &labels, std::iter::once((*time_ms, *value)), *time_ms);
            }
        }
        let end_ms = (at as i64 + 1) * 60_000;
        let mut given = Vec::new();
        for (_, batch) in rule.flush(end_ms) {
            for series in batch.series() {
                let row = series.samples.start as usize;
                given.push(format!("{} {}", batch.labels(series), batch.values[row]));
            }
        }
        given.sort_unstable();
        all.push(given);
    }
    all
}

const FIRST: &[Sample] =
    &[("c", A, 1_000, 10.0), ("c", B, 2_000, 5.0), ("c", A, 31_000, 16.0), ("d", A, 1_000, 1.0)];
// Host 2 was restarted.
const SECOND: &[Sample] = &[("c", A, 61_000, 20.0), ("c", B, 62_000, 3.0)];

#[test]
fn counters_over_hosts() {
    let yaml = "- match: c\n  interval: 1m\n  by: [app]\n  outputs: [total, increase, total_prometheus, increase_prometheus, rate_sum]\n";
    let given = outputs(yaml, &[FIRST, SECOND, &[]]);
    let name = |output| format!("c:1m_by_app_{output}{{app=\"a\"}}");
    // The first samples count from 0: 10 + 5, then 6 more; without them only 6.
    assert!(given[0].contains(&format!("{} 21", name("total"))), "{given:?}");
    assert!(given[0].contains(&format!("{} 21", name("increase"))));
    assert!(given[0].contains(&format!("{} 6", name("increase_prometheus"))));
    assert!(given[0].contains(&format!("{} 0.2", name("rate_sum"))), "{given:?}");
    // 4 more of host 1, and 3 since the restart of host 2.
    assert!(given[1].contains(&format!("{} 28", name("total"))), "{given:?}");
    assert!(given[1].contains(&format!("{} 7", name("increase"))));
    assert!(given[1].contains(&format!("{} 13", name("total_prometheus"))));
    // Nothing came: a total stays, an increase is none, a rate is unknown.
    assert!(given[2].contains(&format!("{} 28", name("total"))));
    assert!(given[2].contains(&format!("{} 0", name("increase"))));
    assert_eq!(given[2].len(), 4, "{given:?}");
}

#[test]
fn gauges_without_a_label() {
    let yaml = "- match: ['c', 'none']\n  interval: 1m\n  without: [host]\n  outputs: [sum_samples, count_samples, count_series, avg, min, max, last, stddev, unique_samples, 'quantiles(0, 0.5, 1)']\n";
    let given = outputs(yaml, &[FIRST]).remove(0);
    let name = |output: &str| format!("c:1m_without_host_{output}{{app=\"a\"}}");
    for (output, value) in [
        ("sum_samples", "31"),
        ("count_samples", "3"),
        ("count_series", "2"),
        ("avg", "10.333333333333334"),
        ("min", "5"),
        ("max", "16"),
        ("last", "16"),
        ("unique_samples", "3"),
    ] {
        let line = format!("{} {value}", name(output));
        assert!(given.contains(&line), "{line} is not in {given:?}");
    }
    for (phi, value) in [("0", "5"), ("0.5", "10"), ("1", "16")] {
        let line = format!("c:1m_without_host_quantiles{{app=\"a\", quantile=\"{phi}\"}} {value}");
        assert!(given.contains(&line), "{line} is not in {given:?}");
    }
    assert_eq!(given.len(), 12);
}

#[test]
fn names_and_labels_are_changed_on_request() {
    let yaml = "- interval: 1m\n  by: [app]\n  keep_metric_names: true\n  outputs: [sum_samples]\n  drop_input_labels: [host]\n  input_relabel_configs: [{source_labels: [__name__], regex: d, action: drop}]\n  output_relabel_configs: [{target_label: from, replacement: here}]\n";
    assert_eq!(outputs(yaml, &[FIRST])[0], ["c{app=\"a\", from=\"here\"} 31"]);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (yaml, expected) in [
        ("- outputs: [total]\n", "interval must be at least 1s"),
        ("- interval: 1m\n", "outputs list must contain"),
        ("- interval: 1m\n  outputs: [mode]\n", "unsupported output \"mode\""),
        ("- interval: 1m\n  outputs: ['quantiles(2)']\n", "quantiles are numbers from 0 to 1"),
        ("- interval: 1m\n  outputs: [avg]\n  by: [a]\n  without: [b]\n", "simultaneously"),
        ("- interval: 1m\n  outputs: [avg]\n  match: '{'\n", "match:"),
        ("- interval: 1m\n  outputs: [avg]\n  dedup_interval: 5s\n", "not there yet"),
        ("- interval: 1m\n  output: [avg]\n", "output"),
    ] {
        let error = read(yaml, Path::new("rules.yml")).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("rules.yml"), "{yaml}: {error}");
    }
}

#[tokio::test]
async fn matched_samples_go_no_further_and_outputs_are_written() {
    for inputs in [Inputs::DropMatched, Inputs::KeepAll, Inputs::DropAll] {
        let yaml = "- match: c\n  interval: 1s\n  outputs: [sum_samples]\n  no_align_flush_to_interval: true\n";
        let kept = Arc::new(Kept::default());
        let inner: Arc<dyn MetricSink> = Arc::<Kept>::clone(&kept);
        let configs = read(yaml, Path::new("rules.yml")).unwrap();
        let sink = AggregatingSink::new(inner, &configs, inputs, World::real()).unwrap();
        sink.start().await;
        let mut batch = MetricBatch::new();
        batch.push_series(&Labels::from_pairs([("__name__", "c")])).sample(1, 2.0).sample(2, 3.0);
        batch.push_series(&Labels::from_pairs([("__name__", "d")])).sample(1, 4.0);
        sink.write(&TenantId::default_tenant(), batch, Acknowledge::Logged).await.unwrap();
        for _ in 0..3_000 {
            if kept.0.lock().iter().any(|line| line.starts_with("c:1s_sum_samples 5 ")) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sink.stop().await;
        let has = |start: &str| kept.0.lock().iter().any(|line| line.starts_with(start));
        assert!(has("c:1s_sum_samples 5 "), "{:?}", kept.0.lock());
        assert_eq!(has("c 2 1"), inputs == Inputs::KeepAll);
        assert_eq!(has("d 4 1"), inputs != Inputs::DropAll);
    }
}
