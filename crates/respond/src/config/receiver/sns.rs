//! Amazon SNS.

use std::collections::BTreeMap;

use vigie_dial::HttpConfig;
use vigie_language::section;
use vigie_language::yaml::Secret;

section! {
    /// Tells by SNS.
    pub struct SnsConfig("config.plain", check = check) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// Where it is; by the region when it is empty.
        api_url: String = String::new(),
        /// How requests are signed.
        sigv4: SigV4Config = SigV4Config::default(),
        /// A topic.
        topic_arn: String = String::new(),
        /// A telephone.
        phone_number: String = String::new(),
        /// An endpoint.
        target_arn: String = String::new(),
        /// Subject.
        subject: String = "{{ template \"sns.default.subject\" . }}".to_owned(),
        /// Text.
        message: String = "{{ template \"sns.default.message\" . }}".to_owned(),
        /// Attributes.
        attributes: BTreeMap<String, String> = BTreeMap::new(),
        /// Taken; there is one HTTP client here.
        use_aws_http_client: bool = false,
    }
}

section! {
    /// Amazon's signature, version 4.
    pub struct SigV4Config("sigv4.SigV4Config", check = check_sigv4) {
        /// Region.
        region: String = String::new(),
        /// Id of the key.
        access_key: String = String::new(),
        /// The key.
        secret_key: Secret = Secret::default(),
        /// Profile of the shared configuration.
        profile: String = String::new(),
        /// Role to take.
        role_arn: String = String::new(),
        /// Id that the role asks for.
        external_id: String = String::new(),
        /// Whether FIPS endpoints are used.
        use_fips_sts_endpoint: bool = false,
    }
}

fn check(config: &mut SnsConfig) -> Result<(), String> {
    let targets = [&config.target_arn, &config.topic_arn, &config.phone_number];
    if targets.iter().filter(|target| !target.is_empty()).count() != 1 {
        return Err(
            "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config".into()
        );
    }
    Ok(())
}

fn check_sigv4(config: &mut SigV4Config) -> Result<(), String> {
    if config.access_key.is_empty() != config.secret_key.is_empty() {
        return Err("must provide a AWS SigV4 Access key and Secret Key if credentials are \
                    specified in the SigV4 config"
            .into());
    }
    Ok(())
}
