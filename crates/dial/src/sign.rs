//! Hashes and signatures: AWS' requests, CRAM-MD5, keys of groups.

use sha2::{Digest, Sha256};

/// SHA-256 in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// HMAC (RFC 2104) over a hash with blocks of 64 bytes: SHA-256 and MD5.
pub fn hmac<D: Digest>(key: &[u8], message: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let mut block = if key.len() > BLOCK { D::digest(key).to_vec() } else { key.to_vec() };
    block.resize(BLOCK, 0);
    let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = D::new().chain_update(pad(0x36)).chain_update(message).finalize();
    D::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

/// What AWS' signature, version 4, is made with.
#[derive(Debug)]
pub struct AwsRequest<'a> {
    /// `POST`
    pub method: &'a str,
    /// Host and, where it is not the scheme's own, port.
    pub host: &'a str,
    /// The path, as it is sent.
    pub path: &'a str,
    /// What follows the question mark, sorted by name.
    pub query: &'a str,
    /// `eu-west-1`
    pub region: &'a str,
    /// `sns`, `aps`, `sts`
    pub service: &'a str,
    /// Who signs.
    pub access_key: &'a str,
    /// And with what.
    pub secret_key: &'a str,
    /// Of temporary keys.
    pub token: Option<&'a str>,
    /// `20230205T150405Z`.
    pub time: &'a str,
    /// A `content-type` that is signed too.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// The type of a form, as AWS takes it.
pub const AWS_FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

impl AwsRequest<'_> {
    /// The headers that the signed request has besides its own.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let content_type = self.content_type.map(|text| ("content-type", text.to_owned()));
        let mut headers: Vec<(&'static str, String)> = content_type.into_iter().collect();
        headers.push(("host", self.host.to_owned()));
        headers.push(("x-amz-date", self.time.to_owned()));
        if let Some(token) = self.token {
            headers.push(("x-amz-security-token", token.to_owned()));
        }
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let canonical: String =
            headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let body = sha256_hex(self.body);
        let (method, path, query) = (self.method, self.path, self.query);
        let request = format!("{method}\n{path}\n{query}\n{canonical}\n{names}\n{body}");
        let day = self.time.get(..8).unwrap_or(self.time);
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let hash = sha256_hex(request.as_bytes());
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", self.time);
        let signature = hex(&hmac::<Sha256>(&self.key(day), to_sign.as_bytes()));
        let credential = format!("{}/{scope}", self.access_key);
        headers.retain(|(name, _)| *name != "host");
        headers.push((
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, \
                 Signature={signature}"
            ),
        ));
        headers
    }

    fn key(&self, day: &str) -> Vec<u8> {
        let secret = format!("AWS4{}", self.secret_key);
        let mut key = hmac::<Sha256>(secret.as_bytes(), day.as_bytes());
        for part in [self.region, self.service, "aws4_request"] {
            key = hmac::<Sha256>(&key, part.as_bytes());
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, case 2, and RFC 2202's for MD5.
    #[test]
    fn hmacs_are_those_of_the_standards() {
        let (key, message) = (b"Jefe".as_slice(), b"what do ya want for nothing?".as_slice());
        let sha = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&hmac::<Sha256>(key, message)), sha);
        assert_eq!(hex(&hmac::<md5::Md5>(key, message)), "750c783e6ab0b503eaa86e310a5db738");
    }

    /// The derived key of the example in AWS' documentation of the signing process.
    #[test]
    fn the_signing_key_is_that_of_the_documentation() {
        let request = AwsRequest {
            method: "POST",
            host: "",
            path: "/",
            query: "",
            region: "us-east-1",
            service: "iam",
            access_key: "",
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            token: None,
            time: "20120215T000000Z",
            content_type: None,
            body: b"",
        };
        let key = "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d";
        assert_eq!(hex(&request.key("20120215")), key);
    }

    /// The example of AWS' documentation of how a request is signed: ListUsers of IAM.
    #[test]
    fn a_signed_request_is_that_of_the_documentation() {
        let request = AwsRequest {
            method: "GET",
            host: "iam.amazonaws.com",
            path: "/",
            query: "Action=ListUsers&Version=2010-05-08",
            region: "us-east-1",
            service: "iam",
            access_key: "AKIDEXAMPLE",
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            token: None,
            time: "20150830T123600Z",
            content_type: Some(AWS_FORM),
            body: b"",
        };
        let headers = request.headers();
        let (_, authorization) = headers.iter().find(|(name, _)| *name == "authorization").unwrap();
        let wanted = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
            SignedHeaders=content-type;host;x-amz-date, \
            Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        assert_eq!(authorization, wanted);
    }
}
