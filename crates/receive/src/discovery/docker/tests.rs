//! Against a small daemon on a Unix socket that answers as the Docker Engine API says.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

use crate::discovery::tests::{discoveries, targets_of, wait_for};

type Answers = Arc<Mutex<(Value, Vec<String>)>>;

fn router(answers: Answers) -> Router {
    let containers = |State(answers): State<Answers>,
                      Query(query): Query<HashMap<String, String>>| async move {
        let mut answers = answers.lock();
        answers.1.push(query.get("filters").cloned().unwrap_or_default());
        if answers.0.is_null() {
            let reason = json!({"message": "invalid filter 'x'"});
            return (StatusCode::BAD_REQUEST, Json(reason));
        }
        (StatusCode::OK, Json(answers.0.clone()))
    };
    let networks = || async {
        Json(json!([{
            "Id": "n1", "Name": "bridge", "Scope": "local", "Internal": false, "Ingress": false,
            "Labels": {"com.example/team": "a"},
        }]))
    };
    Router::new()
        .route("/containers/json", get(containers))
        .route("/networks", get(networks))
        .with_state(answers)
}

fn container(id: &str, mode: &str, networks: &Value, ports: &Value) -> Value {
    json!({
        "Id": id, "Names": [format!("/{id}")], "Image": "i", "ImageID": "sha256:1",
        "Labels": {"a.b": "c"}, "Ports": ports, "HostConfig": {"NetworkMode": mode},
        "NetworkSettings": {"Networks": networks},
    })
}

fn containers() -> Value {
    let bridge = json!({"NetworkID": "n1", "IPAddress": "172.17.0.2", "GlobalIPv6Address": ""});
    let six = json!({"NetworkID": "n2", "IPAddress": "", "GlobalIPv6Address": "fd00::2"});
    json!([
        container("web", "bridge", &json!({"bridge": bridge, "second": six}), &json!([
            {"PrivatePort": 80, "PublicPort": 8080, "Type": "tcp", "IP": "0.0.0.0"},
            {"PrivatePort": 53, "Type": "udp"},
        ])),
        container("six", "second", &json!({"second": six, "gone": null}), &Value::Null),
        container("side", "container:web", &json!({}), &json!([])),
        container("host", "host", &json!({"host": {"NetworkID": "n3", "IPAddress": ""}}), &json!([])),
        container("round", "container:round", &Value::Null, &json!([])),
        {"Id": "nameless", "Names": []},
    ])
}

fn short(id: &str, mode: &str) -> String {
    format!(
        "__meta_docker_container_id={id} __meta_docker_container_image=i __meta_docker_container_image_id=sha256:1 __meta_docker_container_label_a_b=c __meta_docker_container_name=/{id} __meta_docker_container_network_mode={mode}"
    )
}

const BRIDGE: &str = "__meta_docker_network_id=n1 __meta_docker_network_ingress=false __meta_docker_network_internal=false __meta_docker_network_ip=172.17.0.2 __meta_docker_network_label_com_example_team=a __meta_docker_network_name=bridge __meta_docker_network_scope=local";

#[tokio::test]
async fn containers_become_targets_over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let answers = Answers::new(Mutex::new((containers(), Vec::new())));
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let router = router(Arc::clone(&answers));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (running, _) = discoveries(&format!(
        "  docker_sd_configs: [{{host: 'unix://{}', port: 9000, host_networking_host: me, refresh_interval: 50ms, filters: [{{name: label, values: [a, b]}}]}}]\n",
        socket.display()
    ));
    let state = &running[0].state;
    let targets = wait_for(state, |targets| !targets.is_empty()).await;
    let expected = [
        format!(
            "__address__=172.17.0.2:80 {} {BRIDGE} __meta_docker_port_private=80 __meta_docker_port_public=8080 __meta_docker_port_public_ip=0.0.0.0",
            short("web", "bridge")
        ),
        format!(
            "__address__=[fd00::2]:9000 {} __meta_docker_network_ip=fd00::2",
            short("six", "second")
        ),
        format!("__address__=172.17.0.2:9000 {} {BRIDGE}", short("side", "container:web")),
        format!("__address__=me {}", short("host", "host")),
    ];
    assert_eq!(targets, expected);
    assert_eq!(answers.lock().1[0], r#"{"label":["a","b"]}"#);
    answers.lock().0 = Value::Null;
    while state.last_error().0.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        state.last_error().0,
        "error while listing containers: server returned HTTP status 400 Bad Request: invalid filter 'x'"
    );
    assert_eq!(targets_of(state).len(), 4, "what was known stays");
    answers.lock().0 = json!([]);
    wait_for(state, <[String]>::is_empty).await;
}

#[tokio::test]
async fn all_networks_count_over_tcp_if_wanted() {
    let answers = Answers::new(Mutex::new((containers(), Vec::new())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = router(Arc::clone(&answers));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (running, _) = discoveries(&format!(
        "  docker_sd_configs: [{{host: 'tcp://{address}', match_first_network: false}}, {{host: 'npipe://x'}}, {{host: 'unix:///nowhere/docker.sock'}}]\n"
    ));
    let targets = wait_for(&running[0].state, |targets| !targets.is_empty()).await;
    let addresses: Vec<_> = targets.iter().map(|one| one.split(' ').next().unwrap()).collect();
    let expected = [
        "172.17.0.2:80",
        "[fd00::2]:80",
        "[fd00::2]:80",
        "172.17.0.2:80",
        "[fd00::2]:80",
        "localhost",
    ];
    assert_eq!(addresses, expected.map(|address| format!("__address__={address}")));
    for (at, expected) in [(1, "is not the address of a Docker daemon"), (2, "No such file")] {
        while running[at].state.last_error().0.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let error = running[at].state.last_error().0;
        assert!(error.contains(expected), "{error}");
    }
}
