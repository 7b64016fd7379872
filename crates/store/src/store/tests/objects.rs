//! A store whose parts are on an object store.

use object_store::memory::InMemory;
use object_store::path::Path;

use super::*;
use crate::catalog::sql::SqliteCatalog;

async fn open_on(folder: &std::path::Path, objects: &Arc<InMemory>) -> Arc<Store> {
    let catalog = Arc::new(SqliteCatalog::open(folder, 99).await.unwrap());
    let objects = Arc::clone(objects) as _;
    let located = (objects, Path::from("vigie"), "memory://vigie".to_owned());
    let options = StoreOptions::new(folder);
    let store = Store::open_at(options, World::real(), catalog, Some(located)).await.unwrap();
    store.replay_log().unwrap();
    store
}

async fn all_values(store: &Store) -> Vec<(Labels, Vec<i64>, Vec<f64>)> {
    let all = read_all(store, &[]).await.into_iter();
    all.map(|(labels, points)| (labels, points.timestamps_ms, points.values)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_on_an_object_store_answer_after_the_local_folder_is_lost() {
    let (folder, objects) = (tempfile::tempdir().unwrap(), Arc::new(InMemory::new()));
    let store = open_on(folder.path(), &objects).await;
    for tick in 0..40 {
        write(&store, batch("up", 5, tick * 1000, tick as f64)).await;
        if tick % 8 == 7 {
            store.flush().await.unwrap();
        }
    }
    store.tidy().await.unwrap();
    assert!(store.parts(&tenant()).len() < 5, "compacted");
    let before = all_values(&store).await;
    assert_eq!(before.iter().map(|(_, times, _)| times.len()).sum::<usize>(), 200);
    let name = store.create_snapshot(false).await.unwrap();
    store.close().await.unwrap();
    forget(store).await;
    for cache in ["parts", "tails"] {
        std::fs::remove_dir_all(folder.path().join(cache)).ok();
    }
    let store = open_on(folder.path(), &objects).await;
    assert_eq!(all_values(&store).await, before);

    // A snapshot is a local store, whatever the parts were.
    let copy = open_options(StoreOptions::new(folder.path().join("snapshots").join(name))).await;
    assert_eq!(all_values(&copy).await, before);

    // What is removed from the catalog goes from the object store.
    let range = TimeRange::ALL;
    store.delete_series(&tenant(), &[vec![Matcher::equal("__name__", "up")]], range).await.unwrap();
    store.clean_tombstones().await.unwrap();
    assert!(store.parts(&tenant()).is_empty());
    for _ in 0..1_500 {
        if objects.to_string_listing().await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("objects stay: {:?}", objects.to_string_listing().await);
}

trait Listing {
    async fn to_string_listing(&self) -> Vec<String>;
}

impl Listing for InMemory {
    async fn to_string_listing(&self) -> Vec<String> {
        use futures::TryStreamExt as _;
        use object_store::ObjectStore as _;
        let all = self.list(None).map_ok(|object| object.location.to_string());
        all.try_collect().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_several_lives_are_found() {
    let (folder, objects) = (tempfile::tempdir().unwrap(), Arc::new(InMemory::new()));
    for life in 0..3 {
        let store = open_on(folder.path(), &objects).await;
        assert_eq!(store.parts(&tenant()).len() as i64, life);
        write(&store, batch("up", 2, life * 1000, life as f64)).await;
        store.close().await.unwrap();
        forget(store).await;
    }
    let store = open_on(folder.path(), &objects).await;
    let all = all_values(&store).await;
    assert_eq!(all[0].1, [0, 1000, 2000]);
}
