//! `vigie dead-letters`: what outputs refused for ever, and another try.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use vigie_dial::HttpEnvironment;
use vigie_model::event::{Value, write_object_json};
use vigie_process::{
    BuildOptions, DeadLetterQueue, DeadLetterReader, KeptLetter, OutputContext, build,
};
use vigie_world::World;

use crate::args::{DeadLettersArgs, DeadLettersCommand};
use crate::config::environment;
use crate::log::{say, warn};
use crate::pipelines::{Nowhere, folder_of, read};
use crate::plan::{Source, ecs};

/// Letters that go through the filters together.
const BATCH_LETTERS: usize = 500;

/// Lists or replays.
pub(crate) async fn dead_letters(args: &DeadLettersArgs, world: &World) -> Result<()> {
    let folder = args.data.join("dead_letters");
    let reader = DeadLetterReader::open(&folder, args.all, world.clone());
    let mut reader = reader.with_context(|| format!("reading {}", folder.display()))?;
    match &args.command {
        DeadLettersCommand::List { json } => loop {
            let letters = reader.read(BATCH_LETTERS)?;
            if letters.is_empty() {
                break;
            }
            letters.iter().for_each(|letter| print(letter, *json));
        },
        DeadLettersCommand::Replay { config, ecs_compatibility } => {
            replay(&mut reader, &folder, (config, ecs_compatibility), world).await?;
        }
    }
    if reader.unreadable() > 0 {
        warn(&format!("warning: {} lines are no dead letters", reader.unreadable()));
    }
    Ok(())
}

fn print(kept: &KeptLetter, is_json: bool) {
    let mut out = Vec::new();
    if is_json {
        let mut fields = kept.letter.event.fields.clone();
        fields.insert("@metadata", Value::Object(kept.letter.event.metadata.clone()));
        write_object_json(&fields, &mut out);
        return say(&String::from_utf8_lossy(&out));
    }
    write_object_json(&kept.letter.event.fields, &mut out);
    let event = String::from_utf8_lossy(&out);
    say(&format!("{}  {}  {}  {event}", kept.time, kept.letter.plugin, kept.letter.reason));
}

/// Hands letters on batch by batch, and notes each: a replay that is broken off goes on there.
async fn replay(
    reader: &mut DeadLetterReader,
    folder: &Path,
    (path, ecs_compatibility): (&Path, &str),
    world: &World,
) -> Result<()> {
    // Two at once would hand the same letters on.
    let lock = folder.join("replay.lock");
    let _lock = world
        .disk
        .lock(&lock)
        .with_context(|| format!("another replay runs, or {} cannot be written", lock.display()))?;
    let source = Source::Path(path.to_owned());
    let options = BuildOptions {
        id: "replay".to_owned(),
        ecs: ecs(ecs_compatibility)?,
        geoip_database: None,
        folder: folder_of(&source),
        world: world.clone(),
    };
    // What is refused again comes into a file of its own, which this reader does not see. It has
    // no limit: the letter that it would drop is already noted as replayed.
    let queue = DeadLetterQueue::open(folder, u64::MAX, world.clone());
    let queue = Arc::new(queue.with_context(|| format!("opening {}", folder.display()))?);
    let kept_before = queue.usage().0;
    let outputs = OutputContext {
        own: Arc::new(Nowhere),
        // The store belongs to the process that runs: it is reached by its port, as any other.
        is_own_host: Arc::new(|_| false),
        stdout: Arc::new(crate::log::print),
        dead_letters: Some(Arc::clone(&queue)),
        http: HttpEnvironment { variable: Arc::new(environment), ..HttpEnvironment::default() },
    };
    let built = build(&read(&source, false)?, &options, outputs)
        .with_context(|| format!("{}", path.display()))?;
    for warning in &built.warnings {
        warn(&format!("warning: {} (line {})", warning.message, warning.position.line));
    }
    let mut count = 0;
    loop {
        let letters = reader.read(BATCH_LETTERS)?;
        if letters.is_empty() {
            break;
        }
        let read = letters.len();
        let events = letters.into_iter().map(|kept| kept.letter.event).collect();
        let events = built.pipeline.run(events);
        built.outputs.deliver(events).await.map_err(|refusal| {
            anyhow::anyhow!("after {count} letters: {refusal}; run the command again to go on")
        })?;
        reader.note().with_context(|| format!("noting in {}", folder.display()))?;
        count += read;
    }
    say(&format!("{count} dead letters replayed"));
    if queue.usage().0 > kept_before {
        warn("warning: some were refused again and are dead letters anew");
    }
    Ok(())
}
