//! From `s3://bucket/prefix`, `gs://` and `az://` to an object store.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use url::Url;

use super::Located;
use crate::{StoreError, StoreOptions};

/// A request that got no answer is repeated for so long; what still fails then is tried again by
/// whoever asked (sealing) or shown to whoever waits (a query).
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);
const RETRIES_MAX: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The object store of `url`. Its settings are `object_store`'s keys (`aws_access_key_id`,
/// `google_service_account`, `azure_storage_account_key`, ...). What the environment has besides
/// is passed over; an unknown key among the options is an error.
pub(crate) fn locate(url: &str, options: &StoreOptions) -> Result<Located, StoreError> {
    let invalid = |detail: String| StoreError::Invalid(format!("parts_url {url:?}: {detail}"));
    let parsed = Url::parse(url).map_err(|error| invalid(error.to_string()))?;
    let prefix = Path::from_url_path(parsed.path()).map_err(|error| invalid(error.to_string()))?;
    if parsed.host_str().is_none_or(str::is_empty) {
        return Err(invalid("the name of the bucket is missing".to_owned()));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(invalid("credentials belong into the environment or parts_options".to_owned()));
    }
    let bucket = format!("{}://{}", parsed.scheme(), parsed.host_str().unwrap_or_default());
    let settings = options.parts_environment.iter().chain(&options.parts_options);
    let http = settings.clone().any(|(key, value)| {
        key.to_ascii_lowercase().contains("endpoint") && value.starts_with("http://")
    });
    let client = ClientOptions::new()
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_timeout(REQUEST_TIMEOUT)
        .with_allow_http(http);
    let store = match parsed.scheme() {
        "s3" | "s3a" => amazon(&bucket, options, client),
        "gs" => google(&bucket, options, client),
        "az" | "azure" | "abfs" | "abfss" => azure(&bucket, options, client),
        other => return Err(invalid(format!("{other}:// is not known; use s3, gs or az"))),
    };
    let store = store.map_err(|error| match error {
        Wrong::Option(key) => invalid(format!("parts_options has an unknown key {key:?}")),
        Wrong::Settings(error) => invalid(error.to_string()),
    })?;
    Ok((store, prefix, url.to_owned()))
}

enum Wrong {
    Option(String),
    Settings(object_store::Error),
}

type Built = Result<Arc<dyn ObjectStore>, Wrong>;

fn retry() -> RetryConfig {
    RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() }
}

fn keys<K: FromStr>(options: &StoreOptions) -> Result<Vec<(K, &str)>, Wrong> {
    let parse = |name: &str| K::from_str(&name.to_ascii_lowercase());
    let environment = options.parts_environment.iter();
    let known = environment.filter_map(|(name, value)| Some((parse(name).ok()?, value.as_str())));
    let mut keys: Vec<_> = known.collect();
    for (name, value) in &options.parts_options {
        keys.push((parse(name).map_err(|_| Wrong::Option(name.clone()))?, value.as_str()));
    }
    Ok(keys)
}

fn amazon(bucket: &str, options: &StoreOptions, client: ClientOptions) -> Built {
    let mut builder = AmazonS3Builder::new().with_url(bucket).with_retry(retry());
    builder = builder.with_client_options(client);
    for (key, value) in keys::<AmazonS3ConfigKey>(options)? {
        builder = builder.with_config(key, value);
    }
    builder.build().map(|store| Arc::new(store) as _).map_err(Wrong::Settings)
}

fn google(bucket: &str, options: &StoreOptions, client: ClientOptions) -> Built {
    let mut builder = GoogleCloudStorageBuilder::new().with_url(bucket).with_retry(retry());
    builder = builder.with_client_options(client);
    for (key, value) in keys::<GoogleConfigKey>(options)? {
        builder = builder.with_config(key, value);
    }
    builder.build().map(|store| Arc::new(store) as _).map_err(Wrong::Settings)
}

fn azure(bucket: &str, options: &StoreOptions, client: ClientOptions) -> Built {
    let mut builder = MicrosoftAzureBuilder::new().with_url(bucket).with_retry(retry());
    builder = builder.with_client_options(client);
    for (key, value) in keys::<AzureConfigKey>(options)? {
        builder = builder.with_config(key, value);
    }
    builder.build().map(|store| Arc::new(store) as _).map_err(Wrong::Settings)
}
