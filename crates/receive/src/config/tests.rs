//! Tests of the configuration, as data.

use std::path::PathBuf;

use super::*;

fn source() -> Source {
    Source { file: Some(PathBuf::from("/etc/p/prometheus.yml")), folder: "/etc/p".into() }
}

fn read(text: &str) -> Result<LoadedConfig, ConfigError> {
    parse(text, &source(), &|name| (name == "REGION").then(|| "eu".to_owned()))
}

#[test]
fn an_empty_file_is_the_default_configuration() {
    let loaded = read("").unwrap();
    assert_eq!(loaded.config.global.scrape_interval, DurationMs::seconds(60));
    assert_eq!(loaded.config.global.scrape_timeout, DurationMs::seconds(10));
    assert!(loaded.jobs.is_empty());
}

#[test]
fn jobs_inherit_from_global() {
    let loaded = read(
        "global: {scrape_interval: 5s, sample_limit: 7}\n\
         scrape_configs:\n  - job_name: a\n    static_configs: [{targets: ['x:1']}]\n",
    )
    .unwrap();
    let job = &loaded.jobs[0];
    assert_eq!(job.scrape_interval, DurationMs::seconds(5));
    assert_eq!(job.scrape_timeout, DurationMs::seconds(5), "never longer than the interval");
    assert_eq!(job.sample_limit, 7);
    assert_eq!(job.metrics_path, "/metrics");
    assert!(job.honor_timestamps && job.http.follow_redirects && job.enable_compression);
    assert_eq!(job.scrape_protocols[0], "OpenMetricsText1.0.0");
}

#[test]
fn errors_say_where_and_what() {
    let cases = [
        (
            "global:\n  scrape_intervl: 5s\n",
            "line 2, column 3: field scrape_intervl not found in type config.plain",
        ),
        (
            "scrape_configs:\n- job_name: a\n  metrics_pth: /x\n",
            "line 3, column 3: field metrics_pth not found in type config.ScrapeConfig",
        ),
        ("scrape_configs:\n- job_name: ''\n", "job_name is empty"),
        (
            "scrape_configs:\n- job_name: a\n- job_name: a\n",
            "found multiple scrape configs with job name \"a\"",
        ),
        (
            "scrape_configs:\n- job_name: a\n  scrape_interval: 5s\n  scrape_timeout: 6s\n",
            "scrape timeout greater than scrape interval for scrape config with job name \"a\"",
        ),
        ("global: {scrape_interval: 5x}", "not a valid duration string: \"5x\""),
        (
            "global: {scrape_interval: 5s, scrape_timeout: 6s}",
            "global scrape timeout greater than scrape interval",
        ),
        (
            "scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['http://x:1/m']}]\n",
            "\"http://x:1/m\" is not a valid hostname",
        ),
        ("a: 1\na: 2\n", "key \"a\" already set in map"),
        ("scrape_configs:\n-\n", "empty or null"),
        (
            "scrape_configs:\n- job_name: a\n  kubernetes_sd_configs: [{role: pods}]\n",
            "unknown Kubernetes SD role \"pods\"",
        ),
        (
            "scrape_configs:\n- kubernetes_sd_configs: [{role: pod, bearer_token: x}]\n  job_name: a\n",
            "please provide the 'api_server' URL explicitly",
        ),
        (
            "scrape_configs:\n- job_name: a\n  kubernetes_sd_configs: [{role: pod, api_server: 'http://a', namespaces: {own_namespace: true}}]\n",
            "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously",
        ),
        (
            "scrape_configs:\n- job_name: a\n  kubernetes_sd_configs: [{role: endpoints, selectors: [{role: node}]}]\n",
            "endpoints role supports only pod, service, endpoints selectors",
        ),
        (
            "scrape_configs:\n- job_name: a\n  kubernetes_sd_configs: [{role: pod, selectors: [{role: pod}, {role: pod}]}]\n",
            "duplicated selector role: pod",
        ),
        (
            "scrape_configs:\n- job_name: a\n  bearer_token: x\n  basic_auth: {username: u}\n",
            "at most one of basic_auth",
        ),
        ("global: [1\n", "yaml:"),
    ];
    for (text, expected) in cases {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with("/etc/p/prometheus.yml: line "), "{text}: {error}");
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn paths_belong_to_the_files_folder() {
    let loaded = read(
        "rule_files: [rules/*.yml, /abs/r.yml]\n\
         scrape_configs:\n- job_name: a\n  basic_auth: {username: u, password_file: pw}\n",
    )
    .unwrap();
    let paths: Vec<_> = loaded.config.rule_files.iter().map(|p| p.to_str().unwrap()).collect();
    assert_eq!(paths, ["/etc/p/rules/*.yml", "/abs/r.yml"]);
    let auth = loaded.jobs[0].http.basic_auth.as_ref().unwrap();
    assert_eq!(auth.password_file, PathBuf::from("/etc/p/pw"));
}

#[test]
fn variables_are_expanded_in_external_labels_only() {
    let loaded = read(
        "global: {external_labels: {a: '${REGION}-$REGION', b: '$$x', c: '$NONE'}}\n\
         scrape_configs: [{job_name: '${REGION}'}]\n",
    )
    .unwrap();
    let labels = &loaded.config.global.external_labels;
    assert_eq!(labels["a"], "eu-eu");
    assert_eq!(labels["b"], "$x");
    assert_eq!(labels["c"], "");
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(loaded.jobs[0].job_name, "${REGION}");
}

#[test]
fn secrets_are_never_shown() {
    let text = "scrape_configs:\n- job_name: a\n  basic_auth: {username: u, password: hunter2}\n\
                remote_write:\n- url: http://x/\n  sigv4: {access_key: AKID, secret_key: hunter2, region: r}\n";
    let loaded = read(text).unwrap();
    let shown = format!("{}{:?}", loaded.config.to_yaml(), loaded.jobs);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("<secret>"));
    assert_eq!(loaded.jobs[0].http.basic_auth.as_ref().unwrap().password.reveal(), "hunter2");
}

#[test]
fn what_is_written_is_read_again() {
    let text = "global: {scrape_interval: 15s}\nscrape_configs:\n- job_name: a\n  honor_timestamps: false\n  params: {m: [x, 'y: z']}\n  static_configs: [{targets: ['x:1'], labels: {a: '1', b: 'true'}}]\n  kubernetes_sd_configs: [{role: node}]\n  relabel_configs: [{action: labelmap, regex: '__meta_(.+)'}]\n";
    let first = read(text).unwrap();
    let second = read(&first.config.to_yaml()).unwrap();
    assert_eq!(first.config, second.config, "{}", first.config.to_yaml());
}

#[test]
fn mechanisms_of_later_are_named() {
    let loaded = read("tracing: {endpoint: 'x:4317'}\nscrape_configs:\n- job_name: a\n  ec2_sd_configs: [{region: x}]\n  consul_sd_configs: [{server: 'x:1'}]\n  docker_sd_configs: [{host: 'unix:///x'}]\n").unwrap();
    let sections: Vec<_> =
        loaded.not_yet_served.iter().map(|n| (n.section.as_str(), n.line.unwrap())).collect();
    assert_eq!(sections, [("tracing", 1), ("scrape_configs[ec2_sd_configs]", 4),]);
}

#[test]
fn durations_and_sizes_read_and_print_as_prometheus_does() {
    for (text, ms, printed) in [
        ("1h30m", 5_400_000, "1h30m"),
        ("90m", 5_400_000, "1h30m"),
        ("15s", 15_000, "15s"),
        ("1d", 86_400_000, "1d"),
        ("36h", 129_600_000, "36h"),
        ("500ms", 500, "500ms"),
        ("0", 0, "0s"),
    ] {
        let duration = DurationMs::parse(text).unwrap();
        assert_eq!((duration.0, duration.to_string().as_str()), (ms, printed), "{text}");
    }
    for wrong in ["", "5", "5x", "1m1h", "s", "-1s", "1.5s", "999999999y"] {
        assert_eq!(DurationMs::parse(wrong), None, "{wrong}");
    }
    assert_eq!(ByteSize::parse("10MB"), Some(ByteSize(10 << 20)));
    assert_eq!(ByteSize::parse("1KiB"), Some(ByteSize(1024)));
    assert_eq!(ByteSize(10 << 20).to_string(), "10MiB");
}

#[test]
fn anchors_and_merges_are_expanded_and_bombs_refused() {
    let text = "x: &a\n  job_name: a\n";
    assert!(read(text).unwrap_err().message.contains("field x not found"));
    let merged =
        "scrape_configs:\n- &one {job_name: a, metrics_path: /x}\n- {<<: *one, job_name: b}\n";
    assert_eq!(read(merged).unwrap().jobs[1].metrics_path, "/x");
    let mut bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned();
    for level in 1..9 {
        let references = vec![format!("*a{}", level - 1); 10].join(",");
        bomb = format!("{bomb}a{level}: &a{level} [{references}]\n");
    }
    assert!(read(&bomb).unwrap_err().message.contains("more than"));
}

#[test]
fn the_seed_is_read_verbatim() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = root.join("seed/prometheus.yml");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: the_seed_is_read_verbatim needs shared/seed/prometheus.yml");
        return;
    };
    let loaded = read(&text).unwrap();
    assert_eq!(loaded.jobs.len(), 6);
    assert_eq!(loaded.jobs[2].scrape_interval, DurationMs::seconds(5));
    assert_eq!(loaded.jobs[5].discovery.kubernetes[0].role, "pod");
}
