//! Kubernetes discovery against a small API server.

mod roles;
mod seed;
mod server;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use vigie_world::World;

use crate::config::{self, Source};
use crate::discovery::tests::targets_of;
use crate::discovery::{DiscoveryState, RunningDiscovery, start};
use server::ApiServer;
use vigie_dial::HttpEnvironment;

const PODS: &str = "/api/v1/pods";
const NODES: &str = "/api/v1/nodes";

fn discover(yaml: &str) -> RunningDiscovery {
    let text =
        format!("scrape_configs:\n- job_name: a\n  kubernetes_sd_configs:\n  - {{{yaml}}}\n");
    let loaded = config::parse(&text, &Source::default(), &|_| None).unwrap();
    let (environment, changed) = (HttpEnvironment::default(), Arc::new(Notify::new()));
    start(&loaded.jobs[0].discovery, &environment, &World::real(), &changed).remove(0)
}

async fn wait_for(state: &DiscoveryState, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
    for _ in 0..3_000 {
        let targets = targets_of(state);
        if wanted(&targets) {
            return targets;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came; last error: {:?}, targets: {:?}", state.last_error(), targets_of(state));
}

async fn wait_for_error(state: &DiscoveryState, part: &str) {
    for _ in 0..3_000 {
        let error = state.last_error().0;
        if if part.is_empty() { error.is_empty() } else { error.contains(part) } {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{part:?} never came: {:?}", state.last_error());
}

fn names(targets: &[String], label: &str) -> Vec<String> {
    let values = targets.iter().map(|target| {
        let mut pairs = target.split(' ');
        pairs.find_map(|pair| pair.strip_prefix(&format!("{label}="))).unwrap_or("").to_owned()
    });
    values.collect()
}

fn pods(targets: &[String]) -> Vec<String> {
    names(targets, "__meta_kubernetes_pod_name")
}

fn pod(namespace: &str, name: &str, ip: &str) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": name, "uid": format!("uid-{name}")},
        "spec": {"nodeName": "n1", "containers": [
            {"name": "c", "image": "i:1", "ports": [
                {"name": "web", "containerPort": 8080, "protocol": "TCP"}]}]},
        "status": {"podIP": ip, "hostIP": "192.0.2.1", "phase": "Running"},
    })
}

fn node(name: &str, ip: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/arch": "amd64", "zone": ""}},
        "spec": {"providerID": "aws:///x"},
        "status": {
            "addresses": [
                {"type": "Hostname", "address": name},
                {"type": "InternalIP", "address": ip},
                {"type": "InternalIP", "address": "10.9.9.9"}],
            "conditions": [{"type": "MemoryPressure", "status": "False"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}},
    })
}

#[tokio::test]
async fn nodes_have_the_labels_that_prometheus_gives_them() {
    let server = ApiServer::start();
    server.put(NODES, node("n1", "fd00::1"));
    let running = discover(&format!("role: node, api_server: '{}'", server.url()));
    let targets = wait_for(&running.state, |targets| !targets.is_empty()).await;
    let expected = "__address__=[fd00::1]:10250 \
        __meta_kubernetes_node_address_Hostname=n1 \
        __meta_kubernetes_node_address_InternalIP=fd00::1 instance=n1 \
        __meta_kubernetes_node_condition_memorypressure=false \
        __meta_kubernetes_node_label_kubernetes_io_arch=amd64 \
        __meta_kubernetes_node_labelpresent_kubernetes_io_arch=true \
        __meta_kubernetes_node_labelpresent_zone=true __meta_kubernetes_node_name=n1 \
        __meta_kubernetes_node_provider_id=aws:///x";
    assert_eq!(targets, [expected]);
    let mut without = node("n1", "");
    without["status"]["addresses"] = json!([]);
    server.put(NODES, without);
    server.put(NODES, node("n2", "10.0.0.2"));
    let targets = wait_for(&running.state, |targets| targets.len() == 2).await;
    assert_eq!(targets[0], expected, "a node without an address stays as it was");
    server.delete(NODES, "n1");
    wait_for(&running.state, |targets| targets.len() == 1).await;
}

#[tokio::test]
async fn pods_have_the_labels_that_prometheus_gives_them() {
    let server = ApiServer::start();
    let mut one = pod("web", "p1", "10.0.0.1");
    one["metadata"]["annotations"] = json!({"prometheus.io/scrape": "true"});
    one["metadata"]["ownerReferences"] = json!([
        {"kind": "Other", "name": "o"},
        {"kind": "ReplicaSet", "name": "rs", "controller": true}]);
    one["spec"]["containers"][0]["ports"][0]["name"] = Value::Null;
    one["spec"]["initContainers"] = json!([{"name": "init", "image": "i:2", "ports": null}]);
    one["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
    one["status"]["containerStatuses"] = json!([{"name": "c", "containerID": "docker://1"}]);
    server.put(PODS, one);
    server.put(PODS, pod("web", "starting", ""));
    server.put("/api/v1/nodes", node("n1", "10.0.0.9"));
    server.put("/api/v1/namespaces", json!({"metadata": {"name": "web", "labels": {"team": "a"}}}));
    server.put(
        "/apis/apps/v1/replicasets",
        json!({"metadata": {"namespace": "web", "name": "rs", "ownerReferences": [
            {"kind": "Deployment", "name": "front", "controller": true}]}}),
    );
    let running = discover(&format!(
        "role: pod, api_server: '{}', attach_metadata: {{node: true, namespace: true, deployment: true}}",
        server.url()
    ));
    let targets = wait_for(&running.state, |targets| targets.len() == 2).await;
    let group = "__meta_kubernetes_namespace=web \
        __meta_kubernetes_namespace_label_team=a \
        __meta_kubernetes_namespace_labelpresent_team=true \
        __meta_kubernetes_node_label_kubernetes_io_arch=amd64 \
        __meta_kubernetes_node_labelpresent_kubernetes_io_arch=true \
        __meta_kubernetes_node_labelpresent_zone=true __meta_kubernetes_node_name=n1 \
        __meta_kubernetes_pod_annotation_prometheus_io_scrape=true \
        __meta_kubernetes_pod_annotationpresent_prometheus_io_scrape=true \
        __meta_kubernetes_pod_controller_kind=ReplicaSet \
        __meta_kubernetes_pod_controller_name=rs __meta_kubernetes_pod_deployment_name=front \
        __meta_kubernetes_pod_host_ip=192.0.2.1 __meta_kubernetes_pod_ip=10.0.0.1 \
        __meta_kubernetes_pod_name=p1 __meta_kubernetes_pod_node_name=n1 \
        __meta_kubernetes_pod_phase=Running __meta_kubernetes_pod_ready=true \
        __meta_kubernetes_pod_uid=uid-p1";
    let with_port = "__address__=10.0.0.1:8080 __meta_kubernetes_pod_container_id=docker://1 \
        __meta_kubernetes_pod_container_image=i:1 __meta_kubernetes_pod_container_init=false \
        __meta_kubernetes_pod_container_name=c __meta_kubernetes_pod_container_port_number=8080 \
        __meta_kubernetes_pod_container_port_protocol=TCP";
    let without_port = "__address__=10.0.0.1 __meta_kubernetes_pod_container_image=i:2 \
        __meta_kubernetes_pod_container_init=true __meta_kubernetes_pod_container_name=init";
    assert_eq!(targets, [format!("{with_port} {group}"), format!("{without_port} {group}")]);
    let mut changed = node("n1", "10.0.0.9");
    changed["metadata"]["labels"]["zone"] = json!("b");
    server.put("/api/v1/nodes", changed);
    wait_for(&running.state, |targets| targets.iter().all(|one| one.contains("label_zone=b")))
        .await;
    server.delete("/api/v1/nodes", "n1");
    wait_for(&running.state, <[String]>::is_empty).await;
}

#[tokio::test]
async fn pages_are_put_together_and_changes_followed() {
    let server = ApiServer::start();
    for index in 0..5 {
        server.put(PODS, pod("a", &format!("p{index}"), "10.0.0.1"));
    }
    server.expire_pages(1);
    let running = discover(&format!("role: pod, api_server: '{}/'", server.url()));
    let state = &running.state;
    let targets = wait_for(state, |targets| !targets.is_empty()).await;
    assert_eq!(pods(&targets), ["p0", "p1", "p2", "p3", "p4"], "no part of a list is shown");
    assert!(server.requests("limit=")[0].contains("limit=500"));
    server.put(PODS, pod("a", "p5", "10.0.0.5"));
    wait_for(state, |targets| targets.len() == 6).await;
    server.put(PODS, pod("a", "p0", "10.0.0.77"));
    wait_for(state, |targets| targets[0].contains("10.0.0.77:8080")).await;
    server.delete(PODS, "a/p1");
    let targets = wait_for(state, |targets| targets.len() == 5).await;
    assert_eq!(pods(&targets), ["p0", "p2", "p3", "p4", "p5"]);
    assert_eq!(state.last_error().0, "");
}

#[tokio::test]
async fn a_restarted_server_is_asked_from_the_last_bookmark() {
    let mut server = ApiServer::start();
    server.put(PODS, pod("a", "p0", "10.0.0.1"));
    let running = discover(&format!("role: pod, api_server: '{}'", server.url()));
    let state = &running.state;
    wait_for(state, |targets| targets.len() == 1).await;
    server.put(PODS, pod("a", "p1", "10.0.0.1"));
    wait_for(state, |targets| targets.len() == 2).await;
    server.bookmark(PODS);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let lists = server.requests("limit=").len();
    server.forget();
    server.stop();
    wait_for_error(state, "failed to watch pods: Get \"http").await;
    assert_eq!(targets_of(state).len(), 2, "what was known stays");
    server.put(PODS, pod("a", "p2", "10.0.0.1"));
    server.start_again();
    wait_for(state, |targets| targets.len() == 3).await;
    wait_for_error(state, "").await;
    assert_eq!(server.requests("limit=").len(), lists, "listed once only");
}

#[tokio::test]
async fn what_the_server_forgot_is_listed_again() {
    let mut server = ApiServer::start();
    server.put(PODS, pod("a", "p0", "10.0.0.1"));
    server.put(PODS, pod("a", "p1", "10.0.0.1"));
    let running = discover(&format!("role: pod, api_server: '{}'", server.url()));
    let state = &running.state;
    wait_for(state, |targets| targets.len() == 2).await;
    server.stop();
    server.delete(PODS, "a/p0");
    server.put(PODS, pod("a", "p2", "10.0.0.1"));
    server.forget();
    server.start_again();
    let targets = wait_for(state, |targets| pods(targets) == ["p1", "p2"]).await;
    assert_eq!(targets.len(), 2);
    // The same, told by an event.
    let lists = server.requests("limit=").len();
    server.put(PODS, pod("a", "p3", "10.0.0.1"));
    wait_for(state, |targets| targets.len() == 3).await;
    server.error(PODS, 410, "too old resource version");
    server.put(PODS, pod("a", "p4", "10.0.0.1"));
    wait_for(state, |targets| targets.len() == 4).await;
    assert!(server.requests("limit=").len() > lists);
    assert_eq!(state.last_error().0, "");
    server.error(PODS, 500, "storage is (re)initializing");
    wait_for_error(state, "failed to watch pods: storage is (re)initializing").await;
    wait_for_error(state, "").await;
}

#[tokio::test]
async fn a_namespace_that_is_forbidden_does_not_hide_another() {
    let server = ApiServer::start();
    server.put(PODS, pod("a", "p0", "10.0.0.1"));
    server.put(PODS, pod("b", "p1", "10.0.0.1"));
    server.put(PODS, pod("c", "p2", "10.0.0.1"));
    let forbidden = "/api/v1/namespaces/b/pods";
    server.forbid(&[forbidden]);
    let running = discover(&format!(
        "role: pod, api_server: '{}', namespaces: {{names: [a, b]}}, selectors: [{{role: pod, label: 'x in (a,b)', field: 'spec.nodeName=n1'}}]",
        server.url()
    ));
    let state = &running.state;
    wait_for(state, |targets| pods(targets) == ["p0"]).await;
    wait_for_error(
        state,
        "failed to list pods in namespace \"b\": server returned HTTP status 403 Forbidden: pods is forbidden",
    )
    .await;
    server.put(PODS, pod("a", "p3", "10.0.0.1"));
    wait_for(state, |targets| targets.len() == 2).await;
    assert!(state.last_error().0.contains("forbidden"), "another's success hides nothing");
    server.forbid(&[]);
    wait_for(state, |targets| pods(targets) == ["p0", "p3", "p1"]).await;
    wait_for_error(state, "").await;
    let query = "labelSelector=x+in+%28a%2Cb%29&fieldSelector=spec.nodeName%3Dn1";
    assert!(server.requests(query).len() >= 4, "{:?}", server.requests(""));
}

#[tokio::test]
async fn outside_of_a_cluster_it_says_what_is_missing() {
    let running = discover("role: node");
    wait_for_error(&running.state, "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined").await;
}

#[test]
fn inside_of_a_cluster_a_pod_has_all_it_needs() {
    let folder = Path::new("/var/run/secrets/kubernetes.io/serviceaccount");
    let disk = vigie_world::SimDisk::from_seed(1);
    let world = World { disk: Arc::new(disk), ..World::real() };
    let variable = |name: &str| match name {
        "KUBERNETES_SERVICE_HOST" => Some("fd00::1".to_owned()),
        "KUBERNETES_SERVICE_PORT" => Some("443".to_owned()),
        _ => None,
    };
    let environment =
        HttpEnvironment { variable: Arc::new(variable), ..HttpEnvironment::default() };
    let missing = super::connect::in_cluster(&environment, &world).unwrap_err();
    assert!(missing.contains("serviceaccount/token"), "{missing}");
    world.disk.create_folder(folder).unwrap();
    for name in ["token", "ca.crt"] {
        world.disk.write_atomic(&folder.join(name), b"x").unwrap();
    }
    let server = super::connect::in_cluster(&environment, &world).unwrap();
    assert_eq!(server.address, "https://[fd00::1]:443");
    assert_eq!(server.http.tls_config.ca_file, folder.join("ca.crt"));
    assert_eq!(server.http.authorization.unwrap().credentials_file, folder.join("token"));
}

#[test]
fn what_is_watched() {
    let cases: [(&str, &[&str]); 5] = [
        ("role: node, attach_metadata: {namespace: true}", &["nodes in *"]),
        ("role: pod, attach_metadata: {job: true}", &["pods in *"]),
        (
            "role: pod, namespaces: {own_namespace: true, names: [b, own, b]}, attach_metadata: {node: true}",
            &["nodes in *", "pods in b", "pods in own"],
        ),
        (
            "role: endpointslice, namespaces: {names: [a]}",
            &["endpointslices in a", "services in a", "pods in a"],
        ),
        (
            "role: endpoints, attach_metadata: {deployment: true, cronjob: true}",
            &["endpoints in *", "services in *", "pods in *", "replicasets in *", "jobs in *"],
        ),
    ];
    for (yaml, expected) in cases {
        let text =
            format!("scrape_configs:\n- job_name: a\n  kubernetes_sd_configs:\n  - {{{yaml}}}\n");
        let loaded = config::parse(&text, &Source::default(), &|_| None).unwrap();
        let config = &loaded.jobs[0].discovery.kubernetes[0];
        let scopes = super::plan::scopes(config, Some("own"));
        let names = scopes.iter().map(|scope| {
            let namespace = scope.namespace.as_deref().unwrap_or("*");
            format!("{} in {namespace}", scope.kind.path().1)
        });
        assert_eq!(names.collect::<Vec<_>>(), expected, "{yaml}");
    }
}

#[test]
fn kubeconfigs() {
    let text = "
apiVersion: v1
kind: Config
current-context: b
clusters:
- {name: ca, cluster: {server: 'https://a:6443', certificate-authority-data: Q0E=}}
- {name: cb, cluster: {server: 'https://b:6443', certificate-authority: ca.pem, tls-server-name: s}}
contexts:
- {name: a, context: {cluster: ca, user: ua, namespace: x}}
- {name: b, context: {cluster: cb, user: ub}}
- {name: c, context: {cluster: none, user: ub}}
- {name: d, context: {cluster: cb, user: uc}}
users:
- {name: ua, user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}}
- {name: ub, user: {tokenFile: /t, token: x}}
- {name: uc, user: {exec: {command: aws}}}
";
    let parse = |context: &str| {
        let text = text.replace("current-context: b", &format!("current-context: {context}"));
        super::kubeconfig::parse(&text, Path::new("/folder"))
    };
    let server = parse("b").unwrap();
    assert_eq!(server.address, "https://b:6443");
    assert_eq!(server.http.tls_config.ca_file, Path::new("/folder/ca.pem"));
    assert_eq!(server.http.tls_config.server_name, "s");
    let authorization = server.http.authorization.unwrap();
    assert_eq!(authorization.credentials_file, Path::new("/t"));
    assert!(authorization.credentials.is_empty());
    let server = parse("a").unwrap();
    assert_eq!(server.http.tls_config.ca, "CA");
    assert_eq!(server.http.tls_config.cert, "CERT");
    assert_eq!(server.http.tls_config.key.reveal(), "KEY");
    for (context, wrong) in [
        ("c", "cluster \"none\" does not exist"),
        ("d", "exec and auth-provider are not there yet"),
        ("e", "context \"e\" does not exist"),
    ] {
        assert!(parse(context).unwrap_err().contains(wrong), "{context}");
    }
}
