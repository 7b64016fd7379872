//! Parts on an object store in memory.

use object_store::memory::InMemory;
use object_store::path::Path;
use vigie_world::{Disk, SimDisk};

use super::*;
use crate::StoreErrorKind;

fn place_on(store: &Arc<InMemory>, catalog: u64, disk: &SimDisk) -> ObjectPlace {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let tails = TailCache::new(Arc::clone(&disk), "/tails".into());
    let located = (Arc::clone(store) as _, Path::from("pre/fix"), "memory://pre/fix".to_owned());
    let cache = Arc::new(PartCache::new(4 << 20));
    ObjectPlace::new(located, catalog, cache, tails, disk).unwrap()
}

/// Bytes of which each range is different.
fn content(length: usize) -> Bytes {
    (0..length).map(|at| (at * at / 251 + at) as u8).collect()
}

#[test]
fn every_range_of_a_part_comes_back() {
    let (store, disk) = (Arc::new(InMemory::new()), SimDisk::from_seed(1));
    let place = place_on(&store, 1, &disk);
    let page = 256 << 10;
    for length in [1, 1000, 64 << 10, page - 1, page, 3 * page + 77, 9 * page] {
        let bytes = content(length);
        let path = place.path_of("a", length as u64, 1);
        place.store(&path, &bytes).unwrap();
        assert_eq!(place.read(&path, length as u64).unwrap(), bytes);
        let source = place.open(&path, length as u64).unwrap();
        let edges = [0, 1, page - 1, page, page + 1, 2 * page + 5, length / 2, length - 1, length];
        for from in edges.into_iter().filter(|at| *at <= length) {
            for to in edges.into_iter().filter(|at| *at <= length && *at >= from) {
                let read = source.read_at(from as u64, to - from).unwrap();
                assert_eq!(read, bytes.slice(from..to), "{from}..{to} of {length}");
            }
        }
        let past = source.read_at(length as u64, 1).unwrap_err();
        assert_eq!(past.kind(), StoreErrorKind::Corrupt);
    }
}

#[test]
fn a_part_is_never_replaced() {
    let (store, disk) = (Arc::new(InMemory::new()), SimDisk::from_seed(1));
    let place = place_on(&store, 1, &disk);
    let path = place.path_of("a", 7, 1);
    place.store(&path, &content(10)).unwrap();
    let error = place.store(&path, &content(11)).unwrap_err();
    assert!(error.to_string().contains("writing part") && error.to_string().contains("memory://"));
    assert_eq!(place.read(&path, 10).unwrap(), content(10));
}

#[test]
fn strangers_go_but_not_those_of_another_catalog() {
    let (store, disk) = (Arc::new(InMemory::new()), SimDisk::from_seed(1));
    let (ours, theirs) = (place_on(&store, 1, &disk), place_on(&store, 2, &disk));
    let paths = [ours.path_of("a", 1, 1), ours.path_of("a", 2, 2), theirs.path_of("a", 1, 1)];
    for path in &paths {
        ours.store(path, &content(10)).unwrap();
    }
    ours.remove_strangers(&[&paths[0]]).unwrap();
    assert!(ours.read(&paths[0], 10).is_ok());
    assert!(ours.read(&paths[1], 10).is_err());
    assert!(theirs.read(&paths[2], 10).is_ok());
}

#[test]
fn tails_are_kept_on_the_local_disk_and_a_damaged_one_is_fetched_again() {
    let (store, disk) = (Arc::new(InMemory::new()), SimDisk::from_seed(1));
    let (length, tail) = (200 << 10, 64 << 10);
    let bytes = content(length);
    let path = place_on(&store, 1, &disk).path_of("a", 1, 1);
    place_on(&store, 1, &disk).store(&path, &bytes).unwrap();
    let read_tail = |from: &Arc<InMemory>| {
        let source = place_on(from, 1, &disk).open(&path, length as u64)?;
        source.read_at((length - tail) as u64, tail)
    };
    let nothing = Arc::new(InMemory::new());
    assert_eq!(read_tail(&nothing).unwrap(), bytes.slice(length - tail..), "no request was needed");
    let file = disk.list(std::path::Path::new("/tails")).unwrap().remove(0).name;
    let mut damaged = disk.open_append(&std::path::Path::new("/tails").join(file)).unwrap();
    damaged.append(b"?").unwrap();
    assert!(read_tail(&nothing).is_err());
    assert_eq!(read_tail(&store).unwrap(), bytes.slice(length - tail..));
    assert_eq!(read_tail(&nothing).unwrap(), bytes.slice(length - tail..), "kept again");
}

#[cfg(feature = "objects")]
#[test]
fn addresses_and_settings_that_are_wrong_are_named() {
    let locate_with = |url: &str, options: &[(&str, &str)]| {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut all = crate::StoreOptions::new("/data");
        all.parts_options = options.iter().map(own).collect();
        all.parts_environment = vec![("AWS_PROFILE".to_owned(), "x".to_owned())];
        locate(url, &all).map(|(store, prefix, _)| (store.to_string(), prefix.to_string()))
    };
    let azure = [("account_name", "a"), ("account_key", "Zm9v")];
    for (url, options, expected) in [
        ("s3://bucket/a/b", &[("region", "eu-west-3")][..], Ok(("AmazonS3(bucket)", "a/b"))),
        ("gs://bucket", &[][..], Ok(("GoogleCloudStorage(bucket)", ""))),
        ("az://box/a", &azure[..], Ok(("MicrosoftAzure { account: a, container: box }", "a"))),
        ("s3://bucket", &[("regoin", "x")][..], Err("unknown key \"regoin\"")),
        ("ftp://bucket", &[][..], Err("ftp:// is not known")),
        ("s3:///a", &[][..], Err("the name of the bucket is missing")),
        ("s3://key:secret@bucket", &[][..], Err("credentials belong")),
        ("az://box", &[][..], Err("Account must be specified")),
    ] {
        match (locate_with(url, options), expected) {
            (Ok((store, prefix)), Ok(wanted)) => {
                assert_eq!((store.as_str(), prefix.as_str()), wanted, "{url}");
            }
            (Err(error), Err(wanted)) => {
                assert!(error.to_string().contains(wanted), "{url}: {error}");
            }
            (found, _) => panic!("{url}: {found:?}"),
        }
    }
}
