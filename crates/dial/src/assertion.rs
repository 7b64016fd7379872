//! RFC 7523: an assertion that is signed with a key, in place of a secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Map, Value, json};
use vigie_world::World;

use crate::HttpError;
use crate::config::OAuth2;

/// How long an assertion counts.
const LIFETIME_S: i64 = 3_600;

/// The signed assertion of `oauth2`; `key` is its key, PEM.
pub(super) fn signed(oauth2: &OAuth2, key: &str, world: &World) -> Result<String, HttpError> {
    let wrong =
        |error: String| HttpError::Setup(format!("oauth2: client_certificate_key: {error}"));
    let (name, encoding) = match oauth2.signature_algorithm.as_str() {
        "RS384" => ("RS384", &RSA_PKCS1_SHA384),
        "RS512" => ("RS512", &RSA_PKCS1_SHA512),
        _ => ("RS256", &RSA_PKCS1_SHA256),
    };
    let der =
        PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    let pair = match &der {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return Err(wrong("it is no RSA key".to_owned())),
    };
    let pair = pair.map_err(|error| wrong(error.to_string()))?;
    let mut header = Map::new();
    header.insert("alg".to_owned(), name.into());
    header.insert("typ".to_owned(), "JWT".into());
    if !oauth2.client_certificate_key_id.is_empty() {
        header.insert("kid".to_owned(), oauth2.client_certificate_key_id.clone().into());
    }
    let part = |value: &Value| BASE64URL.encode(value.to_string());
    let mut text = format!("{}.{}", part(&Value::Object(header)), part(&claims(oauth2, world)));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|error| wrong(error.to_string()))?;
    text.push('.');
    text.push_str(&BASE64URL.encode(&signature));
    Ok(text)
}

fn claims(oauth2: &OAuth2, world: &World) -> Value {
    let or = |text: &str, default: &str| {
        if text.is_empty() { default.to_owned() } else { text.to_owned() }
    };
    let now_s = world.clock.now_ms() / 1_000;
    let bits = (u128::from(world.random.next_u64()) << 64) | u128::from(world.random.next_u64());
    let mut claims = json!({
        "iss": or(&oauth2.iss, &oauth2.client_id),
        "sub": oauth2.client_id,
        "aud": or(&oauth2.audience, &oauth2.token_url),
        "iat": now_s,
        "exp": now_s + LIFETIME_S,
        "jti": format!("{bits:032x}"),
    });
    if let Value::Object(all) = &mut claims {
        if !oauth2.scopes.is_empty() {
            all.insert("scope".to_owned(), oauth2.scopes.join(" ").into());
        }
        for (name, value) in &oauth2.claims {
            all.insert(name.clone(), value.clone().into());
        }
    }
    claims
}
