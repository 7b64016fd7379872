//! Looks at an input's patterns, and starts following what is new.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vigie_language::filebeat::Input;
use vigie_model::event::EventSink;

use super::event::Shipper;
use super::follow::{self, Place, Shared};
use super::identity::Identity;
use super::lines::Decoding;
use super::patterns::{self, Found, Look};
use super::{FileStats, Files};

/// Runs an input until `stop`, and until what it has read is handed on or given up.
pub(super) async fn run(
    files: Files,
    input: Arc<Input>,
    shipper: Arc<Shipper>,
    sink: Arc<dyn EventSink>,
    stop: CancellationToken,
) {
    let Some(decoding) = Decoding::named(&input.encoding) else {
        tracing::error!(line = input.line, encoding = input.encoding, "unknown encoding");
        return;
    };
    let name = Arc::from(name_of(&input));
    let shared = Shared { files, input, name, shipper, sink, stop, decoding };
    let mut scanner = Scanner {
        shared,
        followed: HashMap::new(),
        tasks: JoinSet::new(),
        told: HashMap::new(),
        is_cut: false,
    };
    scanner.run().await;
}

/// Under which name the registry has an input: its id, or what it reads.
fn name_of(input: &Input) -> String {
    match &input.id {
        Some(id) => format!("{}:{id}", input.kind.as_str()),
        None => format!("{}:{}", input.kind.as_str(), input.files.paths.join(",")),
    }
}

struct Scanner {
    shared: Shared,
    followed: HashMap<Identity, Arc<Place>>,
    tasks: JoinSet<Identity>,
    /// Sizes of files when they were closed: they are opened again when they have another one.
    told: HashMap<Identity, u64>,
    is_cut: bool,
}

impl Scanner {
    async fn run(&mut self) {
        let stop = self.shared.stop.clone();
        let clock = Arc::clone(&self.shared.files.world.clock);
        loop {
            let input = Arc::clone(&self.shared.input);
            let look = tokio::task::spawn_blocking(move || patterns::look(&input.files)).await;
            self.take(look.unwrap_or_default());
            let next = clock.sleep(self.shared.input.files.scan);
            tokio::pin!(next);
            loop {
                tokio::select! {
                    () = stop.cancelled() => {
                        while self.tasks.join_next().await.is_some() {}
                        return;
                    }
                    () = &mut next => break,
                    Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                        if let Ok(identity) = ended {
                            self.closed(identity);
                        }
                    }
                }
            }
        }
    }

    fn closed(&mut self, identity: Identity) {
        self.followed.remove(&identity);
        let known = self.shared.files.registry.get(&self.shared.name, identity);
        self.told.insert(identity, known.map_or(0, |known| known.offset));
    }

    fn take(&mut self, look: Look) {
        let stats: Arc<FileStats> = self.shared.files.stats();
        for error in &look.errors {
            stats.errors.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(error, "a folder cannot be read");
        }
        if look.is_cut && !std::mem::replace(&mut self.is_cut, true) {
            tracing::warn!(line = self.shared.input.line, "an input names too many files");
        }
        let found: HashMap<Identity, &Found> =
            look.files.iter().map(|file| (file.identity, file)).collect();
        for (identity, place) in &self.followed {
            *place.path.lock() = found.get(identity).map(|file| file.path.clone());
        }
        self.told.retain(|identity, _| found.contains_key(identity));
        self.forget(&found);
        for file in &look.files {
            if self.is_to_be_opened(file) {
                self.open(file.identity, file.path.clone());
            }
        }
    }

    fn is_to_be_opened(&self, file: &Found) -> bool {
        let rules = &self.shared.input.files;
        if self.followed.contains_key(&file.identity) {
            return false;
        }
        let most = usize::try_from(rules.open_max).unwrap_or(usize::MAX);
        if most > 0 && self.followed.len() >= most {
            return false;
        }
        if let Some(read) = self.told.get(&file.identity)
            && *read == file.size
        {
            return false;
        }
        let now_ms = u64::try_from(self.shared.files.world.clock.now_ms()).unwrap_or(0);
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms);
        let is_older =
            |age: Duration| now.duration_since(file.modified).is_ok_and(|past| past > age);
        !rules.ignore_older.is_some_and(is_older)
    }

    fn open(&mut self, identity: Identity, path: PathBuf) {
        let place = Arc::new(Place::default());
        *place.path.lock() = Some(path.clone());
        self.followed.insert(identity, Arc::clone(&place));
        let shared = self.shared.clone();
        self.tasks.spawn(async move {
            follow::run(shared, path, identity, place).await;
            identity
        });
    }

    /// Forgets what is known of files that are gone, or that did not change for too long.
    fn forget(&self, found: &HashMap<Identity, &Found>) {
        let (rules, registry) = (&self.shared.input.files, &self.shared.files.registry);
        let now_ms = self.shared.files.world.clock.now_ms();
        for (identity, known) in registry.of(&self.shared.name) {
            if self.followed.contains_key(&identity) {
                continue;
            }
            let is_there = found.contains_key(&identity);
            let is_old = rules.clean_inactive.is_some_and(|age| {
                let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                now_ms.saturating_sub(known.at_ms) > age_ms
            });
            // A file that moved out of the patterns is still there, and may come back.
            let is_gone = !is_there && !std::path::Path::new(&known.path).exists();
            if (is_gone && rules.clean_removed) || (is_old && !is_there) {
                registry.set(&self.shared.name, identity, None);
            }
        }
    }
}
