//! A store with a few lines, for tests.

use std::convert::Infallible;

use vigie_model::{
    Acknowledge, LINE_FIELD, LogAction, LogBatch, LogSink as _, STREAM_FIELD, Scalar, TenantId,
    TimeFormat, parse_stream_text,
};
use vigie_store::logs::LogSnapshot;
use vigie_store::{Store, StoreOptions};
use vigie_world::World;

/// Lines as Loki's push leaves them: seconds since the epoch, labels of the stream, the line. What
/// the snapshot reads stays readable when the store's folder is gone.
pub(super) async fn snapshot(lines: &[(i64, &str, &str)]) -> LogSnapshot {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreOptions::new(folder.path()), World::real()).await.unwrap();
    let mut batch = LogBatch::new();
    let index = batch.index("loki");
    for (seconds, stream, line) in lines {
        let pushed: Result<(), Infallible> = batch.push(LogAction::Create, index, None, |writer| {
            writer.time("@timestamp", TimeFormat::from_code(9).unwrap_or_default());
            writer.string(LINE_FIELD, line);
            for (name, value) in &parse_stream_text(stream).unwrap() {
                writer.string(name, value);
            }
            writer.begin_hidden(STREAM_FIELD);
            writer.item(Scalar::String(stream));
            writer.end_list();
            Ok(seconds * 1_000_000_000)
        });
        pushed.unwrap();
    }
    let tenant = TenantId::default_tenant();
    store.write_logs(&tenant, batch, Acknowledge::Durable).await.unwrap();
    store.log_snapshot(&tenant)
}
