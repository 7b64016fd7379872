//! `file`: events as lines of files whose names may depend on them.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use vigie_language::logstash::{ConfigError, Sprintf};
use vigie_model::event::{DeliverFuture, Event, Refusal, RefusalKind};
use vigie_world::World;

use super::Output;
use crate::build::Context;
use crate::codec::Codec;
use crate::options::Options;
use crate::text;

#[derive(Debug)]
struct File {
    path: Sprintf,
    /// Where events go whose path would lead elsewhere.
    failure_name: String,
    codec: Codec,
    folder: PathBuf,
    world: World,
}

pub(super) fn build(
    options: &Options<'_>,
    context: &Context<'_>,
) -> Result<Box<dyn Output>, ConfigError> {
    let path = options.template(&options.required("path")?)?;
    if options.boolean("gzip", false)? {
        return Err(options.error("gzip is refused: compress files when they are rotated"));
    }
    if options.text("write_behavior")?.is_some_and(|behavior| behavior != "append") {
        return Err(options.error("write_behavior: only append is served"));
    }
    let codec = Codec::build(options, "json_lines")?;
    let failure_name =
        options.text("filename_failure")?.unwrap_or_else(|| "_filepath_failures".to_owned());
    options.ignore(&[
        "flush_interval",
        "create_if_deleted",
        "dir_mode",
        "file_mode",
        "stale_cleanup_interval",
    ]);
    let (folder, world) = (context.options.folder.clone(), context.options.world.clone());
    Ok(Box::new(File { path, failure_name, codec, folder, world }))
}

impl File {
    fn path_of(&self, event: &Event, now_ns: i64) -> PathBuf {
        let rendered = text::render(&self.path, event, now_ns);
        let path = Path::new(&rendered);
        // What an event holds must not lead out of the folder that the configuration names.
        let climbs = path.components().any(|part| part == Component::ParentDir);
        if climbs && self.path.as_literal().is_none() {
            let fixed = self.path.as_str().split("%{").next().unwrap_or_default();
            let root = fixed.rsplit_once('/').map_or("", |(root, _)| root);
            return self.folder.join(format!("{root}/{}", self.failure_name));
        }
        self.folder.join(path)
    }
}

impl Output for File {
    fn write(&self, events: Vec<Event>) -> DeliverFuture<'_> {
        Box::pin(async move {
            let now_ns = self.world.clock.now_ms().saturating_mul(1_000_000);
            let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
            for event in &events {
                let encoded = self.codec.encode(event, now_ns);
                files.entry(self.path_of(event, now_ns)).or_default().push_str(&encoded);
            }
            for (path, lines) in files {
                let disk = &self.world.disk;
                let append = || {
                    if let Some(parent) = path.parent() {
                        disk.create_folder(parent)?;
                    }
                    let mut file = disk.open_append(&path)?;
                    file.append(lines.as_bytes())?;
                    file.sync()
                };
                append().map_err(|error| {
                    let message = format!("writing {}: {error}", path.display());
                    Refusal::new(RefusalKind::Unavailable, message)
                })?;
            }
            Ok(())
        })
    }
}
