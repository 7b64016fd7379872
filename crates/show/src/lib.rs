//! Tells: the HTTP APIs, the front door of every listener, the embedded page
