//! Embeds the page: every file of `web/dist`, compressed ahead of time, when it was built.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let dist = manifest.join("../../web/dist");
    // Cargo runs this again at every build while a watched folder is missing, and with it
    // compiles the crate again; an empty one costs nothing and is seen when it fills.
    if fs::create_dir_all(&dist).is_ok() {
        println!("cargo::rerun-if-changed={}", dist.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    let mut list = String::from("&[\n");
    let mut files = Vec::new();
    collect(&dist, &mut files)?;
    files.sort();
    for (at, file) in files.iter().enumerate() {
        let bytes = fs::read(file)?;
        let stored = out.join(format!("page-{at}.gz"));
        let mut encoder =
            flate2::write::GzEncoder::new(fs::File::create(&stored)?, flate2::Compression::best());
        encoder.write_all(&bytes)?;
        encoder.finish()?;
        let name = file.strip_prefix(&dist).unwrap_or(file).to_string_lossy().replace('\\', "/");
        let tag = format!("{:016x}", fingerprint(&bytes));
        let stored = stored.to_string_lossy();
        let gzip = format!("include_bytes!({stored:?})");
        let entry = format!("    EmbeddedFile {{ path: {name:?}, tag: {tag:?}, gzip: {gzip} }},\n");
        list.push_str(&entry);
    }
    list.push(']');
    fs::write(out.join("page_files.rs"), list)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// FNV-1a: only has to differ when a file does.
fn fingerprint(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
