//! `vigie import`: brings what other systems have kept into a running Vigie.
//!
//! A source gives its series in a fixed order; what is read goes to the server by remote write 2.0,
//! which answers when it is durable. After each answer the place in the source is noted in a file:
//! an import that was ended goes on where it was, and one that is run again finds that nothing is
//! left to do. Samples that came twice nevertheless are one sample to the store.

mod openmetrics;
mod place;
mod progress;
mod send;
mod tsdb;
mod victoria;

use std::path::Path;

use anyhow::{Context, Result};

use crate::args::{ImportArgs, ImportSource};
use crate::log::say;

use self::place::Place;
use self::progress::Progress;
use self::send::Sender;

/// Samples of one request.
const SAMPLES_MAX: usize = 20_000;

/// Runs an import to its end.
pub(crate) async fn import(args: ImportArgs) -> Result<()> {
    let (kind, source) = match &args.source {
        ImportSource::Prometheus(source) => ("prometheus", source),
        ImportSource::Openmetrics(source) => ("openmetrics", source),
        ImportSource::Victoriametrics(source) => ("victoriametrics", source),
    };
    let path = &source.path;
    let name = std::fs::canonicalize(path).with_context(|| format!("{}", path.display()))?;
    let server = source.server.address();
    let tenant = source.server.tenant.as_deref();
    let key = format!("{kind} {} {server} {}", name.display(), tenant.unwrap_or_default());
    let mut place = Place::open(source.state.as_deref(), &key)?;
    let mut sender = Sender::new(&server, tenant)?;
    let mut progress = Progress::start();
    let done = match &args.source {
        ImportSource::Prometheus(_) => {
            tsdb::import(path, &mut place, &mut sender, &mut progress).await
        }
        ImportSource::Openmetrics(_) => {
            openmetrics::import(path, &mut place, &mut sender, &mut progress).await
        }
        ImportSource::Victoriametrics(_) => {
            victoria::import(path, &mut place, &mut sender, &mut progress).await
        }
    };
    progress.end();
    let summary = sender.summary();
    if let Err(error) = done {
        say(&summary);
        let state = place.path().display();
        return Err(error.context(format!("stopped; run it again to go on (state in {state})")));
    }
    say(&summary);
    Ok(())
}

/// Whether a path is a folder with blocks, a block, or neither.
fn is_block(path: &Path) -> bool {
    path.join("meta.json").is_file() && path.join("index").is_file()
}
