//! Requests and the answers that Prometheus gives to them.

use reqwest::Method;
use vigie_show::FrontDoorOptions;
use vigie_show::prometheus::PrometheusOptions;

use crate::server::{self, Server};

/// What is sent, the status, and the answer: exact, or what it begins with when it ends in `…`.
struct Case(&'static str, u16, &'static str);

async fn check(server: &Server, cases: &[Case]) {
    let client = Server::client();
    let mut failed = Vec::new();
    for Case(request, status, expected) in cases {
        let (method, rest) = request.split_once(' ').unwrap();
        let (path, form) = rest.split_once(" < ").unwrap_or((rest, ""));
        let mut sent =
            client.request(Method::from_bytes(method.as_bytes()).unwrap(), server.url(path));
        if !form.is_empty() {
            sent = sent
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form.to_owned());
        }
        let answer = sent.send().await.unwrap();
        let got_status = answer.status().as_u16();
        let got = answer.text().await.unwrap();
        let is_as_expected = match expected.strip_suffix('…') {
            Some(beginning) => got.starts_with(beginning),
            None => got == *expected,
        };
        if got_status != *status || !is_as_expected {
            failed.push(format!(
                "{request}\n  expected {status} {expected}\n  got      {got_status} {got}"
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test]
async fn series_labels_and_values() {
    let server = server::start_filled().await;
    check(
        &server,
        &[
            Case(
                "GET /api/v1/series?match[]=up",
                200,
                r#"{"status":"success","data":[{"__name__":"up","http.status":"200","job":"a"},{"__name__":"up","http.status":"200","job":"b"}]}"#,
            ),
            Case(
                "POST /api/v1/series < match[]=up&limit=1",
                200,
                r#"{"status":"success","data":[{"__name__":"up","http.status":"200","job":"a"}],"warnings":["results truncated due to limit"]}"#,
            ),
            Case(
                "GET /api/v1/series",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"no match[] parameter provided"}"#,
            ),
            Case(
                "GET /api/v1/series?match[]={job=\"\"}",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"match[]\": match[] must contain at least one non-empty matcher"}"#,
            ),
            Case(
                "GET /api/v1/labels",
                200,
                r#"{"status":"success","data":["__name__","http.status","job"]}"#,
            ),
            Case("GET /api/v1/labels?end=1", 200, r#"{"status":"success","data":[]}"#),
            Case(
                "GET /api/v1/labels?start=x",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp"}"#,
            ),
            Case(
                "GET /api/v1/label/job/values",
                200,
                r#"{"status":"success","data":["a","b"]}"#,
            ),
            Case(
                "GET /api/v1/label/U__http_2e_status/values",
                200,
                r#"{"status":"success","data":["200"]}"#,
            ),
            Case(
                "GET /api/v1/label/job/values?limit=1",
                200,
                r#"{"status":"success","data":["a"],"warnings":["results truncated due to limit"]}"#,
            ),
            Case("GET /api/v1/metadata", 200, r#"{"status":"success","data":{}}"#),
            Case(
                "GET /api/v1/metadata?limit=x",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"limit must be a number"}"#,
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn wrong_query_parameters() {
    let server = server::start_filled().await;
    check(
        &server,
        &[
            Case(
                "GET /api/v1/query?query=up&time=x",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp"}"#,
            ),
            Case(
                "GET /api/v1/query?query=up&limit=-1",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"limit\": limit must be non-negative"}"#,
            ),
            Case(
                "GET /api/v1/query?query=up&timeout=x",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"timeout\": cannot parse \"x\" to a valid duration"}"#,
            ),
            Case(
                "GET /api/v1/query_range?query=up&start=1&end=2",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"step\": cannot parse \"\" to a valid duration"}"#,
            ),
            Case(
                "POST /api/v1/query_range < query=up&start=2&end=1&step=1",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"end\": end timestamp must not be before start time"}"#,
            ),
            Case(
                "GET /api/v1/query_range?query=up&start=0&end=1&step=0",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer"}"#,
            ),
            Case(
                "GET /api/v1/query_range?query=up&start=0&end=11001&step=1",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"}"#,
            ),
            Case(
                "GET /api/v1/query?query=up&lookback_delta=x",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"error parsing lookback delta duration: cannot parse \"x\" to a valid duration"}"#,
            ),
            Case("GET /api/v1/nothing", 404, r#"{"status":"error","errorType":"not_found"…"#),
            Case("DELETE /api/v1/query", 405, ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn state_and_status() {
    let server = server::start_filled().await;
    check(
        &server,
        &[
            Case(
                "GET /api/v1/targets",
                200,
                r#"{"status":"success","data":{"activeTargets":[{"discoveredLabels":{"__address__":"localhost:9100"},"labels":{"instance":"localhost:9100","job":"node"},"scrapePool":"node","scrapeUrl":"http://localhost:9100/metrics","globalUrl":"http://machine:9100/metrics","lastError":"connection refused","lastScrape":"2023-11-14T22:13:20Z","lastScrapeDuration":0.25,"health":"down","scrapeInterval":"15s","scrapeTimeout":"10s"}],"droppedTargets":[{"discoveredLabels":{"__address__":"other:1"},"scrapePool":"node"}],"droppedTargetCounts":{"node":1}}}"#,
            ),
            Case(
                "GET /api/v1/targets?state=active&scrapePool=other",
                200,
                r#"{"status":"success","data":{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":null}}"#,
            ),
            Case("GET /api/v1/rules", 200, r#"{"status":"success","data":{"groups":[]}}"#),
            Case(
                "GET /api/v1/rules?type=x",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"type\": not supported value \"x\""}"#,
            ),
            Case("GET /api/v1/alerts", 200, r#"{"status":"success","data":{"alerts":[]}}"#),
            Case(
                "GET /api/v1/alertmanagers",
                200,
                r#"{"status":"success","data":{"activeAlertmanagers":[],"droppedAlertmanagers":[]}}"#,
            ),
            Case(
                "GET /api/v1/status/config",
                200,
                r#"{"status":"success","data":{"yaml":"global: {}\n"}}"#,
            ),
            Case(
                "GET /api/v1/status/flags",
                200,
                r#"{"status":"success","data":{"web.enable-lifecycle":"true"}}"#,
            ),
            Case(
                "GET /api/v1/status/buildinfo",
                200,
                r#"{"status":"success","data":{"version":"3.14.0","revision":…"#,
            ),
            Case(
                "GET /api/v1/status/runtimeinfo",
                200,
                r#"{"status":"success","data":{"startTime":"20…"#,
            ),
            Case(
                "GET /api/v1/status/tsdb",
                200,
                r#"{"status":"success","data":{"headStats":{"numSeries":2,…"#,
            ),
            Case(
                "GET /api/v1/status/tsdb?limit=0",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"limit must be a positive number"}"#,
            ),
            Case(
                "GET /api/v1/status/active_queries",
                200,
                r#"{"status":"success","data":[]}"#,
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn health_reload_and_quit() {
    let server = server::start_filled().await;
    check(
        &server,
        &[
            Case("GET /-/healthy", 200, "Prometheus Server is Healthy.\n"),
            Case("HEAD /-/healthy", 200, ""),
            Case("GET /-/ready", 200, "Prometheus Server is Ready.\n"),
            Case("GET /-/reload", 405, "Only POST or PUT requests allowed"),
            Case("POST /-/reload", 200, ""),
            Case("GET /version", 200, r#"{"version":"3.14.0",…"#),
        ],
    )
    .await;
    server.operator.fails_to_reload.store(true, std::sync::atomic::Ordering::Relaxed);
    let quitting = [
        Case("PUT /-/reload", 500, "failed to reload config: line 3: no\n"),
        Case("POST /-/quit", 200, "Requesting termination... Goodbye!"),
        Case("POST /-/quit", 200, "Termination already in progress."),
        Case("GET /-/ready", 503, "Service Unavailable"),
    ];
    check(&server, &quitting).await;
}

#[tokio::test]
async fn what_is_not_enabled_is_refused() {
    let server = server::start(FrontDoorOptions::default(), PrometheusOptions::default()).await;
    let disabled = r#"{"status":"error","errorType":"unavailable","error":"admin APIs disabled"}"#;
    check(
        &server,
        &[
            Case("POST /-/reload", 403, "Lifecycle API is not enabled."),
            Case("PUT /-/quit", 403, "Lifecycle API is not enabled."),
            Case("POST /api/v1/admin/tsdb/snapshot", 500, disabled),
            Case("POST /api/v1/admin/tsdb/delete_series?match[]=up", 500, disabled),
            Case("PUT /api/v1/admin/tsdb/clean_tombstones", 500, disabled),
        ],
    )
    .await;
}

#[tokio::test]
async fn administration() {
    let server = server::start_filled().await;
    check(
        &server,
        &[
            Case("POST /api/v1/admin/tsdb/delete_series?match[]=up", 204, ""),
            Case("PUT /api/v1/admin/tsdb/clean_tombstones", 204, ""),
            Case("GET /api/v1/admin/tsdb/snapshot", 405, ""),
            Case(
                "POST /api/v1/admin/tsdb/snapshot?skip_head=maybe",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"skip_head\": unable to parse boolean: strconv.ParseBool: parsing \"maybe\": invalid syntax"}"#,
            ),
            Case(
                "POST /api/v1/admin/tsdb/snapshot",
                200,
                r#"{"status":"success","data":{"name":"…"#,
            ),
        ],
    )
    .await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn queries() {
    let server = server::start_filled().await;
    check(
        &server,
        &[
            Case(
                "GET /api/v1/query?query=up{job=\"a\"}&time=1700000000",
                200,
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","http.status":"200","job":"a"},"value":[1700000000,"1"]}]}}"#,
            ),
            Case(
                "POST /api/v1/query < query=sum(up)&time=2023-11-14T22:13:20.5Z",
                200,
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000000.500,"3.5"]}]}}"#,
            ),
            Case(
                "GET /api/v1/query?query=up&time=1700000000&limit=1",
                200,
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","http.status":"200","job":"a"},"value":[1700000000,"1"]}]},"warnings":["results truncated due to limit"]}"#,
            ),
            Case(
                "GET /api/v1/query_range?query=up{job=\"b\"}&start=1699999985&end=1700000000&step=15",
                200,
                r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","http.status":"200","job":"b"},"values":[[1699999985,"2.5"],[1700000000,"2.5"]]}]}}"#,
            ),
            Case(
                "GET /api/v1/query?query=1.5&time=1",
                200,
                r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1.5"]}}"#,
            ),
            Case(
                "GET /api/v1/query?query=\"text\"&time=1",
                200,
                r#"{"status":"success","data":{"resultType":"string","result":[1,"text"]}}"#,
            ),
            Case(
                "GET /api/v1/query?query=1&time=1&stats=all",
                200,
                r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"],"stats":{"timings":{"evalTotalTime":…"#,
            ),
            Case(
                "GET /api/v1/query?query=rate(up)",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"}"#,
            ),
            Case(
                "GET /api/v1/query",
                400,
                r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": unknown position: parse error: no expression found in input"}"#,
            ),
            Case(
                "GET /api/v1/query?query=up*on()up&time=1700000000",
                422,
                r#"{"status":"error","errorType":"execution","error":"found duplicate series for the match group…"#,
            ),
            Case(
                "GET /api/v1/query?query=rate(up[5m])&time=1700000000",
                200,
                r#"{"status":"success","data":{"resultType":"vector","result":[…"#,
            ),
            Case("GET /api/v1/query_exemplars?query=1", 204, ""),
            Case(
                "GET /api/v1/query_exemplars?query=up",
                200,
                r#"{"status":"success","data":[]}"#,
            ),
            Case(
                "GET /api/v1/format_query?query=sum(up)by(job)",
                200,
                r#"{"status":"success","data":"sum by (job) (up)"}"#,
            ),
            Case(
                "GET /api/v1/parse_query?query=up{a=\"b\"}[5m]",
                200,
                r#"{"status":"success","data":{"anchored":false,"matchers":[{"name":"a","type":"=","value":"b"},{"name":"__name__","type":"=","value":"up"}],"name":"up","offset":0,"offsetExpr":null,"range":300000,"rangeExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"matrixSelector"}}"#,
            ),
            Case("GET /federate?match[]=up", 200, ""),
            Case("GET /federate?match[]=up{", 400, "1:4: parse error: unexpected end of input…"),
        ],
    )
    .await;
}

#[tokio::test]
async fn names_and_values_are_searched() {
    let server = server::start_filled().await;
    let at = |rest: &str| format!("{rest}&start=0&end=2000000000");
    let cases = [
        (
            at("metric_names?search[]=u&include_score=1"),
            200,
            "{\"results\":[{\"name\":\"up\",\"score\":1.0}]}\n{\"has_more\":false,\"status\":\"success\"}\n",
        ),
        (
            at("label_names?"),
            200,
            "{\"results\":[{\"name\":\"__name__\"},{\"name\":\"http.status\"},{\"name\":\"job\"}]}\n{\"has_more\":false,\"status\":\"success\"}\n",
        ),
        (
            at("label_values?label=job&sort_by=alpha&sort_dir=dsc&batch_size=1"),
            200,
            "{\"results\":[{\"value\":\"b\"}]}\n{\"results\":[{\"value\":\"a\"}]}\n{\"has_more\":false,\"status\":\"success\"}\n",
        ),
        (
            at("label_values?label=job&limit=1"),
            200,
            "{\"results\":[{\"value\":\"a\"}]}\n{\"has_more\":true,\"status\":\"success\"}\n",
        ),
        (
            at("label_values?label=job&search[]=zz"),
            200,
            "{\"results\":[]}\n{\"has_more\":false,\"status\":\"success\"}\n",
        ),
        (
            at("label_values?"),
            400,
            r#"{"status":"error","errorType":"bad_data","error":"missing required parameter \"label\""}"#,
        ),
        (
            at("metric_names?sort_by=score"),
            400,
            r#"{"status":"error","errorType":"bad_data","error":"sort_by=score requires search[] to be set"}"#,
        ),
        (
            at("metric_names?limit=10001"),
            400,
            r#"{"status":"error","errorType":"bad_data","error":"limit 10001 exceeds the configured maximum (10000, see --web.search.max-limit)"}"#,
        ),
        (
            "metric_names?start=2&end=1".to_owned(),
            400,
            r#"{"status":"error","errorType":"bad_data","error":"end timestamp must not be before start timestamp"}"#,
        ),
    ];
    for (question, status, expected) in &cases {
        let url = server.url(&format!("/api/v1/search/{question}"));
        let answer = Server::client().get(url).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), *status, "{question}");
        assert_eq!(answer.text().await.unwrap(), *expected, "{question}");
    }
}

#[tokio::test]
async fn everything_in_the_description_is_served() {
    let server = server::start_filled().await;
    let client = Server::client();
    let url = server.url("/api/v1/openapi.yaml?openapi_version=3.2");
    let text = client.get(url).send().await.unwrap().text().await.unwrap();
    let described: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(described["openapi"], "3.2.0");
    let paths = described["paths"].as_object().unwrap();
    assert!(paths.len() > 35);
    for (path, operations) in paths {
        // Served by the doors for traces, which this server does not have.
        if path == "/otlp/v1/metrics" {
            continue;
        }
        for method in operations.as_object().unwrap().keys() {
            let url = server.url(&format!("/api/v1{}", path.replace("{name}", "job")));
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let status = client.request(method, url).send().await.unwrap().status().as_u16();
            assert!(!matches!(status, 404 | 405 | 500), "{path}: {status}");
        }
    }
}

#[tokio::test]
async fn own_metrics_are_told_as_json() {
    let server = server::start_filled().await;
    let url = server.url("/api/v1/status/self_metrics?metric_name_pattern=prometheus_tsdb_head_.*");
    let answer = Server::client().get(url).send().await.unwrap();
    let shown: serde_json::Value = answer.json().await.unwrap();
    let families = shown["data"].as_array().unwrap();
    let series = families.iter().find(|family| family["name"] == "prometheus_tsdb_head_series");
    assert_eq!(series.unwrap()["metric"][0]["gauge"]["value"], 2);
    assert!(
        families.iter().all(|family| {
            family["name"].as_str().unwrap().starts_with("prometheus_tsdb_head_")
        })
    );
    let url = server.url("/api/v1/status/self_metrics?metric_name_pattern=(");
    assert_eq!(Server::client().get(url).send().await.unwrap().status(), 400);
}
