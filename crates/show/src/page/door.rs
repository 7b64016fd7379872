//! Ports of the replaced tools' own pages: whoever opens one in a browser is led to the same
//! question on the page's port. The part behind `#` of an address stays with the browser, which
//! keeps it through the redirection.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header, uri::Authority};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

/// Where a door leads.
#[derive(Debug, Clone, Copy)]
pub struct PageDoor {
    /// The page's port.
    pub port: u16,
    /// Where its `/` leads.
    pub home: &'static str,
}

/// Paths that are no page of any of the replaced tools.
const API_PATHS: [&str; 4] = ["/api", "/-/", "/metrics", "/static"];

impl PageDoor {
    /// The routes of `router`, and for browsers the way to the page.
    pub fn wrap(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, lead))
    }

    /// A port that has nothing but the way to the page.
    pub fn router(self) -> Router {
        self.wrap(Router::new().fallback(async || StatusCode::NOT_FOUND))
    }

    fn target(self, request: &Request) -> Option<HeaderValue> {
        let path = request.uri().path();
        let is_page = !API_PATHS.iter().any(|prefix| path.starts_with(prefix));
        if *request.method() != Method::GET || !is_page || !takes_html(request.headers()) {
            return None;
        }
        let host = request.headers().get(header::HOST)?.to_str().ok()?;
        let authority: Authority = host.parse().ok()?;
        let path = if path == "/" { self.home } else { path };
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        // Without a scheme it stays the one that was asked with.
        let target = format!("//{}:{}{path}{query}", authority.host(), self.port);
        HeaderValue::from_str(&target).ok()
    }
}

fn takes_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

async fn lead(State(door): State<PageDoor>, request: Request, next: Next) -> Response {
    match door.target(&request) {
        Some(target) => (StatusCode::FOUND, [(header::LOCATION, target)]).into_response(),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(path: &str, accept: &str) -> (StatusCode, Option<String>) {
        let door = PageDoor { port: 3000, home: "/explore/traces" };
        let request = Request::builder()
            .uri(path)
            .header(header::HOST, "vigie.example:16686")
            .header(header::ACCEPT, accept)
            .body(Body::empty())
            .unwrap();
        let response = door.router().oneshot(request).await.unwrap();
        let target = response.headers().get(header::LOCATION);
        (response.status(), target.map(|target| target.to_str().unwrap().to_owned()))
    }

    #[tokio::test]
    async fn browsers_are_led_to_the_page_and_clients_are_not() {
        let html = "text/html,application/xhtml+xml";
        for (path, target) in [
            ("/", "//vigie.example:3000/explore/traces"),
            ("/trace/0123?uiFind=x", "//vigie.example:3000/trace/0123?uiFind=x"),
            ("/search?service=shop", "//vigie.example:3000/search?service=shop"),
        ] {
            assert_eq!(ask(path, html).await, (StatusCode::FOUND, Some(target.to_owned())));
        }
        assert_eq!(ask("/api/traces", html).await.0, StatusCode::NOT_FOUND);
        assert_eq!(ask("/", "*/*").await.0, StatusCode::NOT_FOUND);
    }
}
