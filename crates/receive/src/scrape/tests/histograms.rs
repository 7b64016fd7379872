//! What the settings of a job make of histograms, of `_created` series, and of failures.

use vigie_formats::exposition::write_protobuf::{FamilyWriter, MetricValue};
use vigie_model::{Histogram, Span};

use super::*;

const PROTOBUF: [(&str, &str); 1] = [(
    "content-type",
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
)];
const OPENMETRICS: [(&str, &str); 1] = [("content-type", "application/openmetrics-text")];

/// A native histogram of schema 2 with four buckets, two of which join in schema 1.
fn native() -> Vec<u8> {
    let histogram = Histogram {
        schema: 2,
        count: 10.0,
        sum: 12.0,
        positive_spans: vec![Span { offset: 1, length: 4 }],
        positive_buckets: vec![1.0, 2.0, 3.0, 4.0],
        ..Histogram::default()
    };
    let value = MetricValue::Histogram(&histogram);
    let mut family = FamilyWriter::new("h", value.kind());
    family.metric(&Vec::new(), value, 0);
    let mut body = Vec::new();
    family.finish(&mut body);
    body
}

const CLASSIC: &str = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"2\"} 3\n\
    h_bucket{le=\"+Inf\"} 6\nh_sum 9\nh_count 6\n# TYPE a gauge\na 1\n";

async fn address() -> String {
    let router = Router::new()
        .route("/native", get(|| async { (PROTOBUF, native()) }))
        .route("/classic", get(|| async { (TEXT, CLASSIC) }));
    serve(router).await
}

#[tokio::test]
async fn settings_of_histograms_are_honoured() {
    let address = address().await;
    let labels = format!("instance=\"{address}\", job=\"j\"");
    let native = "scrape_native_histograms: true";
    let convert = "convert_classic_histograms_to_nhcb: true";
    let cases = [
        ("native", String::new(), format!("h_count{{{labels}}} 10"), "h{"),
        ("native", native.into(), format!("h{{{labels}}} 2 10 [1.0, 2.0, 3.0, 4.0]"), "h_count"),
        (
            "native",
            format!("{native}\n  native_histogram_bucket_limit: 3"),
            format!("h{{{labels}}} 1 10 [3.0, 7.0]"),
            "h_count",
        ),
        (
            "native",
            format!("{native}\n  native_histogram_min_bucket_factor: 2"),
            format!("h{{{labels}}} 0 10 [10.0]"),
            "h_count",
        ),
        ("classic", convert.into(), format!("h{{{labels}}} -53 6 [1.0, 2.0, 3.0]"), "h_count"),
        (
            "classic",
            format!("{convert}\n  always_scrape_classic_histograms: true"),
            format!("h_count{{{labels}}} 6"),
            "none",
        ),
        ("classic", native.into(), format!("h_count{{{labels}}} 6"), "h{"),
    ];
    for (path, settings, expected, absent) in cases {
        let kept = Arc::new(Kept::default());
        let manager = manager(&kept, LocalTargets::new());
        let yaml = format!(
            "- job_name: j\n  metrics_path: /{path}\n  {settings}\n  static_configs: [{{targets: ['{address}']}}]\n"
        );
        manager.apply(&jobs(&yaml)).await.unwrap();
        kept.wait_for(&expected).await;
        assert!(!kept.has(absent), "{path}, {settings}: {absent} is there");
        manager.stop().await;
    }
}

#[tokio::test]
async fn custom_buckets_over_the_limit_fail_the_scrape_and_the_failure_is_logged() {
    let address = address().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("failures.json");
    let kept = Arc::new(Kept::default());
    let manager = manager(&kept, LocalTargets::new());
    let yaml = format!(
        "- job_name: j\n  metrics_path: /classic\n  convert_classic_histograms_to_nhcb: true\n  native_histogram_bucket_limit: 2\n  scrape_failure_log_file: {}\n  static_configs: [{{targets: ['{address}']}}]\n",
        log.display()
    );
    manager.apply(&jobs(&yaml)).await.unwrap();
    kept.wait_for(&format!("up{{instance=\"{address}\", job=\"j\"}} 0")).await;
    manager.stop().await;
    let text = String::from_utf8(World::real().disk.read(&log).unwrap()).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(line["msg"], "histogram bucket limit exceeded");
    assert_eq!(line["target"], format!("http://{address}/classic"));
    let elsewhere = yaml.replace("failures.json", "no/such/folder");
    let error = manager.apply(&jobs(&elsewhere)).await.unwrap_err();
    assert!(error.contains("can't create json log file"), "{error}");
}

#[tokio::test]
async fn created_series_stay_unless_they_shall_be_start_timestamps() {
    let body = "# TYPE c counter\nc_total 5\nc_created 1.5\n# EOF\n";
    let router = Router::new().route("/metrics", get(move || async move { (OPENMETRICS, body) }));
    let address = serve(router).await;
    let yaml = format!("- job_name: j\n  static_configs: [{{targets: ['{address}']}}]\n");
    let labels = format!("instance=\"{address}\", job=\"j\"");
    for created_as_start in [false, true] {
        let kept = Arc::new(Kept::default());
        let manager = manager(&kept, LocalTargets::new()).with_created_as_start(created_as_start);
        manager.apply(&jobs(&yaml)).await.unwrap();
        kept.wait_for(&format!("c_total{{{labels}}} 5")).await;
        assert_eq!(kept.has("c_created"), !created_as_start);
        assert_eq!(kept.has(&format!("c_total{{{labels}}} since 1500")), created_as_start);
        manager.stop().await;
    }
}
