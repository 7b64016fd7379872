//! Against a small server that answers blocking queries as the Consul API says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::discovery::tests::{discoveries, targets_of, wait_for};

#[derive(Debug, Default)]
struct Stored {
    index: u64,
    answers: BTreeMap<String, Value>,
    requests: Vec<String>,
}

type Shared = Arc<Mutex<Stored>>;

fn put(stored: &Shared, path: &str, answer: Value) {
    let mut stored = stored.lock();
    stored.index += 1;
    stored.answers.insert(path.to_owned(), answer);
}

async fn answer(State(stored): State<Shared>, request: Request) -> Response {
    let uri = request.uri().clone();
    let token = request.headers().get("x-consul-token").map(|token| token.to_str().unwrap());
    stored.lock().requests.push(format!("{uri} {}", token.unwrap_or_default()));
    let query = uri.query().unwrap_or_default();
    let wanted = query.split('&').find_map(|pair| pair.strip_prefix("index="));
    let wanted: u64 = wanted.map_or(0, |index| index.parse().unwrap());
    loop {
        {
            let stored = stored.lock();
            if stored.index > wanted {
                let index = [("x-consul-index", stored.index.to_string())];
                return match stored.answers.get(uri.path()) {
                    Some(answer) => (index, answer.to_string()).into_response(),
                    None => (StatusCode::FORBIDDEN, "Permission denied").into_response(),
                };
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn serve() -> (Shared, String) {
    let stored = Shared::default();
    let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&stored));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    put(&stored, "/v1/agent/self", json!({"Config": {"Datacenter": "here"}}));
    (stored, address)
}

fn instance(address: &str, checks: &Value) -> Value {
    json!({
        "Node": {"Node": "n", "Address": "10.0.0.1", "Meta": {"os-name": "linux"},
                 "TaggedAddresses": {"lan": "10.0.0.1"}},
        "Service": {"ID": "web-1", "Address": address, "Port": 80, "Tags": ["a", "b"],
                    "Meta": {"v": "1"}},
        "Checks": checks,
    })
}

#[tokio::test]
async fn services_come_and_go() {
    let (stored, address) = serve().await;
    put(&stored, "/v1/catalog/services", json!({"web": ["a", "b"], "db": ["c"], "old": null}));
    let passing = json!([{"CheckID": "x", "Status": "passing"}]);
    put(&stored, "/v1/health/service/web", json!([instance("", &passing)]));
    let (running, _) = discoveries(&format!(
        "  consul_sd_configs: [{{server: '{address}', token: secret, tags: [a], node_meta: {{k: v}}, filter: 'x == 1', health_filter: 'y', namespace: ns, refresh_interval: 10ms}}]\n"
    ));
    let state = &running[0].state;
    let targets = wait_for(state, |targets| !targets.is_empty()).await;
    assert_eq!(
        targets,
        [
            "__address__=10.0.0.1:80 __meta_consul_address=10.0.0.1 __meta_consul_health=passing __meta_consul_metadata_os_name=linux __meta_consul_node=n __meta_consul_service_id=web-1 __meta_consul_service_metadata_v=1 __meta_consul_service_port=80 __meta_consul_tagged_address_lan=10.0.0.1 __meta_consul_tags=,a,b, __meta_consul_dc=here __meta_consul_service=web"
        ]
    );
    let checks = json!([{"CheckID": "_node_maintenance", "Status": "critical"}]);
    put(&stored, "/v1/health/service/web", json!([instance("fd00::1", &checks)]));
    let targets = wait_for(state, |targets| targets[0].contains("health=maintenance")).await;
    assert!(targets[0].starts_with("__address__=[fd00::1]:80 "), "{targets:?}");
    put(&stored, "/v1/catalog/services", json!({"web": ["b"]}));
    wait_for(state, <[String]>::is_empty).await;
    let requests = stored.lock().requests.clone();
    let asked = |start: &str| {
        assert!(requests.iter().any(|one| one.starts_with(start)), "{start}: {requests:?}");
    };
    asked("/v1/agent/self?ns=ns secret");
    asked(
        "/v1/catalog/services?ns=ns&stale=&wait=120000ms&node-meta=k%3Av&filter=x+%3D%3D+1 secret",
    );
    asked(
        "/v1/health/service/web?ns=ns&stale=&wait=120000ms&node-meta=k%3Av&filter=y&tag=a secret",
    );
    asked("/v1/health/service/web?ns=ns&stale=&index=");
    assert!(!requests.iter().any(|one| one.contains("/service/db")), "db lacks the tag");
}

#[tokio::test]
async fn named_services_need_no_catalog_and_errors_are_shown() {
    let (stored, address) = serve().await;
    put(&stored, "/v1/health/service/web", json!([instance("1.2.3.4", &Value::Null)]));
    let (running, _) = discoveries(&format!(
        "  consul_sd_configs: [{{server: 'http://{address}', datacenter: there, services: [web, secret], refresh_interval: 10ms}}]\n"
    ));
    let state = &running[0].state;
    wait_for(state, |targets| !targets.is_empty()).await;
    while state.last_error().0.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        state.last_error().0,
        "error refreshing service \"secret\": server returned HTTP status 403 Forbidden: Permission denied"
    );
    assert_eq!(targets_of(state).len(), 1);
    put(&stored, "/v1/health/service/secret", json!([instance("1.2.3.5", &Value::Null)]));
    wait_for(state, |targets| targets.len() == 2).await;
    assert_eq!(state.last_error().0, "");
    let requests = stored.lock().requests.clone();
    assert!(requests.iter().all(|one| one.starts_with("/v1/health/service/")), "{requests:?}");
}
