//! Rocket.Chat.

use std::path::PathBuf;

use vigie_dial::HttpConfig;
use vigie_language::section;
use vigie_language::yaml::Secret;

use crate::config::url::Url;

section! {
    /// Tells in Rocket.Chat.
    pub struct RocketchatConfig("config.plain", check = check) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = false,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// Where it is.
        api_url: Option<Url> = None,
        /// The token's id.
        token_id: Secret = Secret::default(),
        /// File of the token's id.
        token_id_file: PathBuf = PathBuf::new(),
        /// The token.
        token: Secret = Secret::default(),
        /// File of the token.
        token_file: PathBuf = PathBuf::new(),
        /// The channel.
        channel: String = String::new(),
        /// Colour of the bar.
        color: String = "{{ if eq .Status \"firing\" }}red{{ else }}green{{ end }}".to_owned(),
        /// Title.
        title: String = "{{ template \"rocketchat.default.title\" . }}".to_owned(),
        /// Where the title leads.
        title_link: String = "{{ template \"rocketchat.default.titlelink\" . }}".to_owned(),
        /// Text.
        text: String = "{{ template \"rocketchat.default.text\" . }}".to_owned(),
        /// Fields.
        fields: Vec<RocketchatField> = Vec::new(),
        /// Whether fields stand side by side.
        short_fields: bool = false,
        /// Picture of who speaks.
        emoji: String = "{{ template \"rocketchat.default.emoji\" . }}".to_owned(),
        /// Picture of who speaks.
        icon_url: String = "{{ template \"rocketchat.default.iconurl\" . }}".to_owned(),
        /// A picture.
        image_url: String = String::new(),
        /// A small picture.
        thumb_url: String = String::new(),
        /// Whether names become links.
        link_names: bool = false,
        /// Buttons.
        actions: Vec<RocketchatAction> = Vec::new(),
    }
}

section! {
    /// A field of an attachment.
    pub struct RocketchatField("rocketchat.RocketchatAttachmentField") {
        /// Whether it stands beside others.
        short: Option<bool> = None,
        /// Title.
        title: String = String::new(),
        /// Value.
        value: String = String::new(),
    }
}

// Alertmanager's struct has no YAML names, so that the parser takes the fields' names in lower
// case: `imageurl`, not `image_url`. Both are read.
section! {
    /// A button.
    pub struct RocketchatAction("rocketchat.RocketchatAttachmentAction") {
        /// Kind.
        kind as "type": String = String::new(),
        /// Text.
        text: String = String::new(),
        /// Where it leads.
        url: String = String::new(),
        /// Picture.
        imageurl: String = String::new(),
        /// Picture.
        image_url: String = String::new(),
        /// Whether it opens inside.
        iswebview: bool = false,
        /// Height of what opens inside.
        webviewheightratio: String = String::new(),
        /// What it says.
        msg: String = String::new(),
        /// Whether it says it in the window.
        msginchatwindow: bool = false,
        /// `sendMessage` or `respondWithMessage`.
        msgprocessingtype: String = String::new(),
    }
}

fn check(config: &mut RocketchatConfig) -> Result<(), String> {
    super::not_both("token", !config.token.is_empty(), &config.token_file)?;
    super::not_both("token_id", !config.token_id.is_empty(), &config.token_id_file)
}
