//! Mattermost.

use std::path::PathBuf;

use vigie_dial::HttpConfig;
use vigie_language::section;

use crate::config::url::SecretUrl;

section! {
    /// Tells in Mattermost.
    pub struct MattermostConfig("config.plain", check = check) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// The incoming webhook.
        webhook_url: Option<SecretUrl> = None,
        /// File of the webhook.
        webhook_url_file: PathBuf = PathBuf::new(),
        /// The channel.
        channel: String = String::new(),
        /// Who speaks.
        username: String = "{{ template \"mattermost.default.username\" . }}".to_owned(),
        /// Text.
        text: String = "{{ template \"mattermost.default.text\" . }}".to_owned(),
        /// Where attachments cannot be shown.
        fallback: String = "{{ template \"mattermost.default.fallback\" . }}".to_owned(),
        /// Colour of the bar.
        color: String = "{{ template \"mattermost.default.color\" . }}".to_owned(),
        /// Above the attachment.
        pretext: String = String::new(),
        /// Author.
        author_name: String = String::new(),
        /// Link of the author.
        author_link: String = String::new(),
        /// Picture of the author.
        author_icon: String = String::new(),
        /// Title.
        title: String = "{{ template \"mattermost.default.title\" . }}".to_owned(),
        /// Where the title leads.
        title_link: String = "{{ template \"mattermost.default.titlelink\" . }}".to_owned(),
        /// Fields.
        fields: Vec<MattermostField> = Vec::new(),
        /// A small picture.
        thumb_url: String = String::new(),
        /// Below the attachment.
        footer: String = String::new(),
        /// Picture beside the footer.
        footer_icon: String = String::new(),
        /// A picture.
        image_url: String = String::new(),
        /// Picture of who speaks.
        icon_url: String = String::new(),
        /// Picture of who speaks.
        icon_emoji: String = String::new(),
        /// Attachments of one's own.
        attachments: Vec<MattermostAttachment> = Vec::new(),
        /// Type of the post.
        kind as "type": String = String::new(),
        /// Properties.
        props: Option<MattermostProps> = None,
        /// Priority.
        priority: Option<MattermostPriority> = None,
    }
}

section! {
    /// A field of an attachment.
    pub struct MattermostField("config.plain", check = check_field) {
        /// Title.
        title: String = String::new(),
        /// Value.
        value: String = String::new(),
        /// Whether it stands beside others.
        short: Option<bool> = None,
    }
}

section! {
    /// An attachment.
    pub struct MattermostAttachment("config.plain") {
        /// Where attachments cannot be shown.
        fallback: String = String::new(),
        /// Colour of the bar.
        color: String = String::new(),
        /// Above the attachment.
        pretext: String = String::new(),
        /// Text.
        text: String = String::new(),
        /// Author.
        author_name: String = String::new(),
        /// Link of the author.
        author_link: String = String::new(),
        /// Picture of the author.
        author_icon: String = String::new(),
        /// Title.
        title: String = String::new(),
        /// Where the title leads.
        title_link: String = String::new(),
        /// Fields.
        fields: Vec<MattermostField> = Vec::new(),
        /// A small picture.
        thumb_url: String = String::new(),
        /// Below the attachment.
        footer: String = String::new(),
        /// Picture beside the footer.
        footer_icon: String = String::new(),
        /// A picture.
        image_url: String = String::new(),
    }
}

section! {
    /// Properties of a post.
    pub struct MattermostProps("mattermost.MattermostProps") {
        /// A card.
        card: String = String::new(),
    }
}

section! {
    /// Priority of a post.
    pub struct MattermostPriority("mattermost.MattermostPriority") {
        /// `important` or `urgent`.
        priority: String = String::new(),
        /// Whether people should say that they have seen it.
        requested_ack: bool = false,
        /// Whether it is repeated until they do.
        persistent_notifications: bool = false,
    }
}

fn check(config: &mut MattermostConfig) -> Result<(), String> {
    super::not_both("webhook_url", config.webhook_url.is_some(), &config.webhook_url_file)
}

fn check_field(field: &mut MattermostField) -> Result<(), String> {
    for (name, value) in [("title", &field.title), ("value", &field.value)] {
        if value.is_empty() {
            return Err(format!("missing {name} in Mattermost field configuration"));
        }
    }
    Ok(())
}
