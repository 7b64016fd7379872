//! Sampling strategies, as Jaeger's agent serves them to SDKs on 5778.
//!
//! Every service is told to sample everything. Strategies of a file, and sampling after the fact,
//! are not there yet.

use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::parameters::Pairs;

/// Answers at any path, as the agent did.
pub fn router() -> Router {
    Router::new().fallback(strategy)
}

async fn strategy(Query(pairs): Query<Pairs>) -> Response {
    let services = pairs.iter().filter(|(name, _)| name == "service").count();
    if services != 1 {
        let text = "'service' parameter must be provided once\n";
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    let json = HeaderValue::from_static("application/json");
    let body = r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":1}}"#;
    ([(header::CONTENT_TYPE, json)], body).into_response()
}
