//! Grafana's API on the page's port: who may do what, and what stays after a kill.

use reqwest::StatusCode;
use serde_json::{Value, json};
use vigie_testkit::{Server, client, shared};

use crate::vigie;

/// Somebody who asks: nobody known, a name with a password, a token, or a cookie.
#[derive(Clone)]
enum Who {
    Nobody,
    Name(&'static str, &'static str),
    Token(String),
    Cookie(String),
}

async fn ask(
    server: &Server,
    who: &Who,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let url = format!("{}{path}", server.page);
    let mut request = client().unwrap().request(method.parse().unwrap(), url);
    request = match who {
        Who::Nobody => request,
        Who::Name(name, password) => request.basic_auth(name, Some(password)),
        Who::Token(token) => request.bearer_auth(token),
        Who::Cookie(cookie) => request.header("cookie", cookie),
    };
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn sign_in(server: &Server, user: &str, password: &str) -> Result<Who, StatusCode> {
    let url = format!("{}/login", server.page);
    let body = json!({"user": user, "password": password});
    let answer = client().unwrap().post(url).json(&body).send().await.unwrap();
    if !answer.status().is_success() {
        return Err(answer.status());
    }
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite"), "{cookie}");
    Ok(Who::Cookie(cookie.split(';').next().unwrap().to_owned()))
}

const ADMIN: Who = Who::Name("admin", "a long password");

async fn server(sign_in: &str) -> Server {
    let builder = vigie()
        .environment("GF_SECURITY_ADMIN_PASSWORD", "a long password")
        .settings(&format!("[users]\nsign_in = \"{sign_in}\"\n"));
    builder.start().await.unwrap()
}

fn dashboard(title: &str, version: Option<u64>) -> Value {
    let mut dashboard =
        json!({"uid": "shop", "title": title, "panels": [{"id": 1, "type": "stat"}]});
    if let Some(version) = version {
        dashboard["version"] = json!(version);
    }
    json!({"dashboard": dashboard, "overwrite": false, "message": "by a test"})
}

#[tokio::test]
async fn on_this_machine_reading_is_open_and_changing_is_not() {
    let mut server = server("auto").await;
    let nobody = Who::Nobody;
    for path in ["/", "/api/health", "/api/v1/query?query=1", "/api/search", "/api/folders"] {
        assert_eq!(ask(&server, &nobody, "GET", path, None).await.0, 200, "{path}");
    }
    let first = dashboard("Shop", None);
    let save = "/api/dashboards/db";
    assert_eq!(ask(&server, &nobody, "POST", save, Some(&first)).await.0, 401);
    assert_eq!(ask(&server, &nobody, "GET", "/api/users", None).await.0, 401);
    assert_eq!(ask(&server, &Who::Name("admin", "admin"), "POST", save, Some(&first)).await.0, 401);
    let (status, saved) = ask(&server, &ADMIN, "POST", save, Some(&first)).await;
    assert_eq!((status, &saved["version"]), (200, &json!(1)), "{saved}");
    // Somebody else saved in between.
    let second = dashboard("Shop, again", Some(1));
    assert_eq!(ask(&server, &ADMIN, "POST", save, Some(&second)).await.0, 200);
    let (status, refused) = ask(&server, &ADMIN, "POST", save, Some(&second)).await;
    assert_eq!((status, &refused["status"]), (412, &json!("version-mismatch")), "{refused}");
    // A viewer's token looks and does not change.
    let account = json!({"name": "looker", "role": "Viewer"});
    let (status, account) =
        ask(&server, &ADMIN, "POST", "/api/serviceaccounts", Some(&account)).await;
    assert_eq!(status, 201, "{account}");
    let path = format!("/api/serviceaccounts/{}/tokens", account["id"]);
    let (_, token) = ask(&server, &ADMIN, "POST", &path, Some(&json!({"name": "one"}))).await;
    let viewer = Who::Token(token["key"].as_str().unwrap().to_owned());
    assert_eq!(ask(&server, &viewer, "GET", "/api/dashboards/uid/shop", None).await.0, 200);
    assert_eq!(ask(&server, &viewer, "POST", save, Some(&second)).await.0, 403);
    assert_eq!(ask(&server, &viewer, "DELETE", "/api/dashboards/uid/shop", None).await.0, 403);
    // What was answered is there after kill -9: the dashboard, its versions, the session.
    let session = sign_in(&server, "admin", "a long password").await.unwrap();
    server.kill().unwrap();
    server.launch().await.unwrap();
    let (status, found) = ask(&server, &nobody, "GET", "/api/dashboards/uid/shop", None).await;
    assert_eq!((status, &found["dashboard"]["title"]), (200, &json!("Shop, again")), "{found}");
    assert_eq!(found["dashboard"]["panels"], json!([{"id": 1, "type": "stat"}]));
    let (_, versions) =
        ask(&server, &session, "GET", "/api/dashboards/uid/shop/versions", None).await;
    let versions = versions.get("versions").unwrap_or(&versions);
    assert_eq!(versions.as_array().map(Vec::len), Some(2), "{versions}");
    let (status, user) = ask(&server, &session, "GET", "/api/user", None).await;
    assert_eq!((status, &user["login"]), (200, &json!("admin")), "{user}");
}

#[tokio::test]
async fn where_it_is_asked_the_page_needs_a_name_and_the_other_ports_do_not() {
    let server = server("always").await;
    for path in [
        "/api/search",
        "/api/v1/query?query=1",
        "/elasticsearch/_cluster/health",
        "/jaeger/api/services",
    ] {
        assert_eq!(ask(&server, &Who::Nobody, "GET", path, None).await.0, 401, "{path}");
        let known = ask(&server, &ADMIN, "GET", path, None).await.0;
        assert!(known == 200 || known == 404, "{path}: {known}");
    }
    // The form and the page's files are for everybody.
    for path in ["/", "/login", "/api/health"] {
        assert_eq!(ask(&server, &Who::Nobody, "GET", path, None).await.0, 200, "{path}");
    }
    for url in [
        format!("{}/api/v1/query?query=1", server.api),
        format!("{}/", server.elasticsearch),
        format!("{}/ready", server.loki),
    ] {
        assert_eq!(client().unwrap().get(&url).send().await.unwrap().status(), 200, "{url}");
    }
}

#[tokio::test]
async fn guessing_passwords_comes_to_an_end() {
    let server = server("auto").await;
    let mut last = StatusCode::OK;
    for _ in 0..6 {
        last = sign_in(&server, "admin", "a guess").await.err().unwrap();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    // The right one waits too, and other names do not.
    let right = sign_in(&server, "admin", "a long password").await;
    assert_eq!(right.err(), Some(StatusCode::TOO_MANY_REQUESTS));
    let other = sign_in(&server, "somebody", "a guess").await;
    assert_eq!(other.err(), Some(StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn a_dashboard_of_grafana_comes_back_as_it_is() {
    const NAME: &str = "a_dashboard_of_grafana_comes_back_as_it_is";
    let Some(file) = shared(NAME, "data/dashboards/node-exporter-full.json") else { return };
    let mut sent: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let server = server("auto").await;
    sent["id"] = Value::Null;
    let body = json!({"dashboard": sent, "overwrite": true, "inputs": [
        {"name": "DS_PROMETHEUS", "type": "datasource", "pluginId": "prometheus", "value": "vigie"},
    ]});
    let (status, imported) =
        ask(&server, &ADMIN, "POST", "/api/dashboards/import", Some(&body)).await;
    assert_eq!(status, 200, "{imported}");
    let path = format!("/api/dashboards/uid/{}", sent["uid"].as_str().unwrap());
    let (status, found) = ask(&server, &Who::Nobody, "GET", &path, None).await;
    assert_eq!(status, 200, "{found}");
    let found = &found["dashboard"];
    for field in ["title", "panels", "templating", "links", "time"] {
        assert_eq!(found[field], sent[field], "{field}");
    }
    let (_, listed) = ask(&server, &Who::Nobody, "GET", "/api/search?query=node", None).await;
    assert_eq!(listed[0]["uid"], sent["uid"], "{listed}");
}
