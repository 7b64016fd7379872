//! Services, endpoints, slices and ingresses.

use super::*;

const SERVICES: &str = "/api/v1/services";
const ENDPOINTS: &str = "/api/v1/endpoints";
const SLICES: &str = "/apis/discovery.k8s.io/v1/endpointslices";
const INGRESSES: &str = "/apis/networking.k8s.io/v1/ingresses";

fn service(name: &str, spec: &Value) -> Value {
    json!({
        "metadata": {"namespace": "web", "name": name, "labels": {"app": "x"}},
        "spec": spec,
    })
}

/// A target with what its group has in common left out, and without the prefix of names.
fn own_labels(state: &DiscoveryState) -> Vec<String> {
    let mut lines = Vec::new();
    for group in state.groups() {
        for target in &group.targets {
            let pairs = target.iter().map(|(name, value)| {
                format!("{}={value}", name.strip_prefix("__meta_kubernetes_").unwrap_or(name))
            });
            lines.push(pairs.collect::<Vec<_>>().join(" "));
        }
    }
    lines
}

fn group_labels(state: &DiscoveryState) -> String {
    let groups = state.groups();
    let pairs = groups[0].labels.iter().map(|(name, value)| {
        format!("{}={value}", name.strip_prefix("__meta_kubernetes_").unwrap_or(name))
    });
    pairs.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn services() {
    let server = ApiServer::start();
    let ports = json!([{"name": "http", "port": 80, "protocol": "TCP"}]);
    server.put(
        SERVICES,
        service("a", &json!({"type": "ClusterIP", "clusterIP": "10.1.0.1", "ports": ports})),
    );
    server.put(
        SERVICES,
        service("b", &json!({"type": "ExternalName", "externalName": "e.org", "ports": ports})),
    );
    let mut balanced = service(
        "c",
        &json!({"type": "LoadBalancer", "clusterIP": "10.1.0.2", "loadBalancerIP": "1.1.1.1", "ports": ports}),
    );
    server.put(SERVICES, balanced.clone());
    let running = discover(&format!("role: service, api_server: '{}'", server.url()));
    wait_for(&running.state, |targets| targets.len() == 3).await;
    let port =
        "service_port_name=http service_port_number=80 service_port_protocol=TCP service_type=";
    assert_eq!(
        own_labels(&running.state),
        [
            format!("__address__=a.web.svc:80 service_cluster_ip=10.1.0.1 {port}ClusterIP"),
            format!("__address__=b.web.svc:80 service_external_name=e.org {port}ExternalName"),
            format!(
                "__address__=c.web.svc:80 service_cluster_ip=10.1.0.2 service_loadbalancer_ip=1.1.1.1 {port}LoadBalancer"
            ),
        ]
    );
    assert_eq!(
        group_labels(&running.state),
        "namespace=web service_label_app=x service_labelpresent_app=true service_name=a"
    );
    balanced["status"] = json!({"loadBalancer": {"ingress": [
        {"ip": "2.2.2.2"}, {"hostname": "h"}, {"ip": "3.3.3.3"}]}});
    server.put(SERVICES, balanced);
    wait_for(&running.state, |targets| {
        targets.iter().any(|one| one.contains("loadbalancer_ip=2.2.2.2,3.3.3.3"))
    })
    .await;
}

#[tokio::test]
async fn ingresses() {
    let server = ApiServer::start();
    server.put(
        INGRESSES,
        json!({
            "metadata": {"namespace": "web", "name": "i"},
            "spec": {
                "ingressClassName": "nginx",
                "tls": [{"hosts": ["*.example.org", "plain.org"]}],
                "rules": [
                    {"host": "a.example.org", "http": {"paths": [{"path": "/x"}, {}]}},
                    {"host": "a.b.example.org"},
                    {"host": "plain.org"}]},
        }),
    );
    let running = discover(&format!("role: ingress, api_server: '{}'", server.url()));
    wait_for(&running.state, |targets| targets.len() == 4).await;
    let line = |host: &str, path: &str, scheme: &str| {
        format!(
            "__address__={host} ingress_host={host} ingress_path={path} ingress_scheme={scheme}"
        )
    };
    assert_eq!(
        own_labels(&running.state),
        [
            line("a.example.org", "/x", "https"),
            line("a.example.org", "/", "https"),
            line("a.b.example.org", "/", "http"),
            line("plain.org", "/", "https"),
        ]
    );
    assert_eq!(
        group_labels(&running.state),
        "ingress_class_name=nginx ingress_name=i namespace=web"
    );
}

fn pod_with_two_ports() -> Value {
    let mut pod = pod("web", "p", "10.0.0.1");
    pod["spec"]["containers"][0]["ports"] = json!([
        {"name": "http", "containerPort": 8080, "protocol": "TCP"},
        {"name": "debug", "containerPort": 6060, "protocol": "TCP"}]);
    pod
}

const CONTAINER: &str =
    "pod_container_image=i:1 pod_container_init=false pod_container_name=c pod_container_port_name";
const POD: &str = "pod_host_ip=192.0.2.1 pod_ip=10.0.0.1 pod_name=p pod_node_name=n1 pod_phase=Running pod_ready=unknown pod_uid=uid-p";

#[tokio::test]
async fn endpoints_are_joined_with_pods_and_services() {
    let server = ApiServer::start();
    server.put(PODS, pod_with_two_ports());
    server.put(
        ENDPOINTS,
        json!({
            "metadata": {"namespace": "web", "name": "s", "labels": {"e": "1"}},
            "subsets": [{
                "addresses": [{"ip": "10.0.0.1", "nodeName": "n1",
                    "targetRef": {"kind": "Pod", "namespace": "web", "name": "p"}}],
                "notReadyAddresses": [{"ip": "10.0.0.2", "hostname": "h"}],
                "ports": [{"name": "http", "port": 8080, "protocol": "UDP"}]}],
        }),
    );
    let running = discover(&format!(
        "role: endpoints, api_server: '{}', attach_metadata: {{node: true}}",
        server.url()
    ));
    let state = &running.state;
    wait_for(state, |targets| targets.len() == 3).await;
    let expected = [
        format!(
            "__address__=10.0.0.1:8080 endpoint_address_target_kind=Pod endpoint_address_target_name=p endpoint_node_name=n1 endpoint_port_name=http endpoint_port_protocol=UDP endpoint_ready=true {CONTAINER}=http pod_container_port_number=8080 pod_container_port_protocol=UDP {POD}"
        ),
        "__address__=10.0.0.2:8080 endpoint_hostname=h endpoint_port_name=http endpoint_port_protocol=UDP endpoint_ready=false".to_owned(),
        format!(
            "__address__=10.0.0.1:6060 {CONTAINER}=debug pod_container_port_number=6060 pod_container_port_protocol=TCP {POD}"
        ),
    ];
    assert_eq!(own_labels(state), expected);
    let common = "endpoints_label_e=1 endpoints_labelpresent_e=true endpoints_name=s namespace=web";
    assert_eq!(group_labels(state), common);
    server.put(SERVICES, service("s", &json!({})));
    let with = |targets: &[String], part: &str| targets.iter().any(|one| one.contains(part));
    wait_for(state, |targets| with(targets, "service_label_app=x")).await;
    server.put(NODES, node("n1", "10.9.0.1"));
    wait_for(state, |targets| with(targets, "node_label_kubernetes_io_arch=amd64")).await;
    let mut ready = pod_with_two_ports();
    ready["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
    server.put(PODS, ready);
    wait_for(state, |targets| with(targets, "pod_ready=true")).await;
    server.delete(PODS, "web/p");
    wait_for(state, |targets| targets.len() == 2).await;
    server.delete(SERVICES, "web/s");
    wait_for(state, |targets| !with(targets, "service_label_app=x")).await;
}

#[tokio::test]
async fn slices_are_joined_with_pods_and_services() {
    let server = ApiServer::start();
    server.put(PODS, pod_with_two_ports());
    let slice = |name: &str, family: &str| {
        json!({
            "metadata": {"namespace": "web", "name": name,
                "labels": {"kubernetes.io/service-name": "s"}},
            "addressType": family,
            "endpoints": [
                {"addresses": ["10.0.0.1"], "nodeName": "n1", "zone": "z", "hostname": "h",
                    "conditions": {"ready": true, "serving": true, "terminating": false},
                    "deprecatedTopology": {"a.b": "c"},
                    "targetRef": {"kind": "Pod", "namespace": "web", "name": "p"}},
                {"addresses": ["10.0.0.2"], "conditions": null}],
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "h2c"},
                {"port": null}],
        })
    };
    server.put(SLICES, slice("four", "IPv4"));
    let running = discover(&format!("role: endpointslice, api_server: '{}'", server.url()));
    let state = &running.state;
    wait_for(state, |targets| targets.len() == 5).await;
    let end = "endpointslice_address_target_kind=Pod endpointslice_address_target_name=p endpointslice_endpoint_conditions_ready=true endpointslice_endpoint_conditions_serving=true endpointslice_endpoint_conditions_terminating=false endpointslice_endpoint_hostname=h endpointslice_endpoint_node_name=n1 endpointslice_endpoint_topology_a_b=c endpointslice_endpoint_topology_present_a_b=true endpointslice_endpoint_zone=z";
    let port = "endpointslice_port=8080 endpointslice_port_app_protocol=h2c endpointslice_port_name=http endpointslice_port_protocol=TCP";
    assert_eq!(
        own_labels(state),
        [
            format!(
                "__address__=10.0.0.1:8080 {end} {port} {CONTAINER}=http pod_container_port_number=8080 pod_container_port_protocol=TCP {POD}"
            ),
            format!("__address__=10.0.0.1 {end} {POD}"),
            format!("__address__=10.0.0.2:8080 {port}"),
            "__address__=10.0.0.2".to_owned(),
            format!(
                "__address__=10.0.0.1:6060 {CONTAINER}=debug pod_container_port_number=6060 pod_container_port_protocol=TCP {POD}"
            ),
        ]
    );
    assert_eq!(
        group_labels(state),
        "endpointslice_address_type=IPv4 endpointslice_label_kubernetes_io_service_name=s endpointslice_labelpresent_kubernetes_io_service_name=true endpointslice_name=four namespace=web"
    );
    server.put(SLICES, slice("six", "IPv6"));
    wait_for(state, |targets| targets.len() == 10).await;
    let dual = json!({"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"]});
    server.put(SERVICES, service("s", &dual));
    wait_for(state, |targets| targets.len() == 5).await;
    assert!(group_labels(state).ends_with("service_name=s"));
}
