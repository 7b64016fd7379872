//! What clients of PostgreSQL ask a server about itself.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;
use std::sync::Arc;

/// The version of PostgreSQL whose protocol and dialect are meant.
pub const POSTGRES_VERSION: &str = "16.0";

/// Makes the functions known, under their names in `pg_catalog` too.
pub(crate) fn register(context: &SessionContext) {
    let version = format!("PostgreSQL {POSTGRES_VERSION} (Vigie {})", env!("CARGO_PKG_VERSION"));
    for (name, qualified, value) in [
        ("version", "pg_catalog.version", version.as_str()),
        ("current_schema", "pg_catalog.current_schema", "public"),
        ("current_database", "pg_catalog.current_database", "vigie"),
        ("current_catalog", "pg_catalog.current_catalog", "vigie"),
    ] {
        let answer = ColumnarValue::Scalar(ScalarValue::from(value));
        let call = Arc::new(move |_: &[ColumnarValue]| Ok(answer.clone()));
        let function = create_udf(name, vec![], DataType::Utf8, Volatility::Stable, call);
        context.register_udf(function.with_aliases([qualified]));
    }
}
