//! What was acknowledged is there once, whatever happens to the process.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use vigie_testkit::Server;

use super::ask;
use crate::vigie;

const BATCH: u64 = 50;

/// Sends batches until the server is gone; numbers of the batches that were acknowledged.
async fn send_until_gone(url: String, client: reqwest::Client, first: u64) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    for batch in first.. {
        let mut body = String::new();
        for at in 0..BATCH {
            let number = batch * BATCH + at;
            // Half of them with an id of their own.
            let id = if number % 2 == 0 { format!("\"_id\":\"{number}\"") } else { String::new() };
            body.push_str(&format!(
                "{{\"create\":{{{id}}}}}\n{{\"number\":{number},\"message\":\"line {number}\"}}\n"
            ));
        }
        let Ok(answer) = client.post(&url).body(body).send().await else { break };
        let Ok(answer) = answer.json::<Value>().await else { break };
        assert_eq!(answer["errors"], false, "{answer:.300}");
        acknowledged.push(batch);
    }
    acknowledged
}

/// The numbers of all documents, each as often as it is there.
async fn numbers(server: &Server) -> Vec<u64> {
    let mut found = Vec::new();
    let body = json!({"size": 1_000, "_source": false, "fields": ["number"]});
    let (_, mut page) = ask(server, "POST", "/crash/_search?scroll=1m", &body).await;
    loop {
        let hits = page["hits"]["hits"].as_array().unwrap_or_else(|| panic!("{page:.300}")).clone();
        if hits.is_empty() {
            return found;
        }
        found.extend(hits.iter().map(|hit| hit["fields"]["number"][0].as_u64().unwrap()));
        let next = json!({"scroll": "1m", "scroll_id": page["_scroll_id"]});
        page = ask(server, "POST", "/_search/scroll", &next).await.1;
    }
}

#[tokio::test]
async fn acknowledged_documents_survive_kill_9_once() {
    let mut server = vigie().start().await.unwrap();
    let url = format!("{}/crash/_bulk", server.elasticsearch);
    let mut acknowledged: Vec<u64> = Vec::new();
    for round in 0..3 {
        let first = acknowledged.last().map_or(0, |last| last + 10);
        let sending = tokio::spawn(send_until_gone(url.clone(), server.client.clone(), first));
        tokio::time::sleep(Duration::from_millis(1_200 + 300 * round)).await;
        server.kill().unwrap();
        acknowledged.extend(sending.await.unwrap());
        server.launch().await.unwrap();
        let found = numbers(&server).await;
        let distinct: BTreeSet<u64> = found.iter().copied().collect();
        assert_eq!(distinct.len(), found.len(), "round {round}: documents are there twice");
        for batch in &acknowledged {
            for number in batch * BATCH..(batch + 1) * BATCH {
                assert!(
                    distinct.contains(&number),
                    "round {round}: {number} was acknowledged and is gone"
                );
            }
        }
    }
    assert!(acknowledged.len() > 5, "hardly anything was acknowledged: {acknowledged:?}");
}

#[tokio::test]
async fn what_was_said_of_indices_survives_a_restart() {
    let mut server = vigie().start().await.unwrap();
    let template = json!({"index_patterns": ["kept-*"], "template": {"mappings": {"properties": {"code": {"type": "keyword"}}}, "aliases": {"kept": {}}}});
    assert_eq!(ask(&server, "PUT", "/_index_template/kept", &template).await.0, 200);
    assert_eq!(
        ask(&server, "PUT", "/kept-1/_doc/1?refresh=true", &json!({"code": "A b"})).await.0,
        201
    );
    assert!(server.stop().await.unwrap().success());
    server.launch().await.unwrap();
    let query = json!({"query": {"term": {"code": "A b"}}});
    assert_eq!(ask(&server, "POST", "/kept/_search", &query).await.1["hits"]["total"]["value"], 1);
    assert_eq!(ask(&server, "GET", "/kept-1/_doc/1", &json!({})).await.1["found"], true);
    let (_, mapping) = ask(&server, "GET", "/kept-1/_mapping", &json!({})).await;
    assert_eq!(mapping["kept-1"]["mappings"]["properties"]["code"]["type"], "keyword");
}
