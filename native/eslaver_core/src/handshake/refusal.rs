//! Why a master does not accept this replica.

use super::step::{Step, is_tls_alert};

/// Characters of the master's words that a refusal shows.
const MAX_SHOWN: usize = 200;

/// Why a handshake has failed. Each carries the master's own words, cut to 200 characters, without
/// the password should they repeat it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It accepts no connection from another machine.
    #[error(
        "the master is in protected mode: it accepts connections from its own machine only, until \
         you set a password or 'protected-mode no' ({text})"
    )]
    ProtectedMode {
        /// The master's words.
        text: String,
    },
    /// It is loading its own data.
    #[error("the master is loading its data ({text})")]
    Loading {
        /// The master's words.
        text: String,
    },
    /// It is a replica that has lost its master and does not serve stale data.
    #[error("the master is a replica whose own master is down ({text})")]
    MasterDown {
        /// The master's words.
        text: String,
    },
    /// It is a replica without a link to its own master.
    #[error("the master is a replica without a link to its own master ({text})")]
    NoMasterLink {
        /// The master's words.
        text: String,
    },
    /// It cannot save its data, and refuses commands until it can.
    #[error("the master cannot save its data to disk ({text})")]
    Misconf {
        /// The master's words.
        text: String,
    },
    /// It is a node of a cluster that is down while slots have no owner.
    #[error("the master's cluster is down: every slot needs a node that is up ({text})")]
    ClusterDown {
        /// The master's words.
        text: String,
    },
    /// A script or a module keeps it busy.
    #[error("the master is busy ({text})")]
    Busy {
        /// The master's words.
        text: String,
    },
    /// It asks to be asked again.
    #[error("the master asks to try again ({text})")]
    TryAgain {
        /// The master's words.
        text: String,
    },
    /// It has reached its limit of clients.
    #[error("the master accepts no more clients ({text})")]
    TooManyClients {
        /// The master's words.
        text: String,
    },
    /// The password, or the user, is wrong.
    #[error("the master rejects this user and password ({text})")]
    WrongPassword {
        /// The master's words.
        text: String,
    },
    /// It requires a password, and none is configured or `AUTH` was not enough.
    #[error("the master requires a password, and has accepted none ({text})")]
    PasswordNeeded {
        /// The master's words.
        text: String,
    },
    /// A password is configured here, and none there: a real replica stops here, too.
    #[error("a password is configured, but the master has none set ({text})")]
    PasswordNotSet {
        /// The master's words.
        text: String,
    },
    /// A user is configured, and the master is older than users.
    #[error("a user is configured, but the master knows no users: it is older than 6.0 ({text})")]
    NoUsers {
        /// The master's words.
        text: String,
    },
    /// The ACL user may not do what a replica does.
    #[error(
        "the master's user may not {asked}: a replica's user needs +psync +replconf +ping ({text})"
    )]
    NoPermission {
        /// What it may not do.
        asked: String,
        /// The master's words.
        text: String,
    },
    /// It accepts neither `PSYNC` nor the older `SYNC`.
    #[error(
        "the master accepts no replicas: it answered {asked} with '{text}', and SYNC with '{sync}'. If \
         PSYNC is renamed there, set the option psync_command; some managed services do not offer it"
    )]
    NoSync {
        /// `PSYNC`, or the master's name for it.
        asked: String,
        /// The master's words to that.
        text: String,
        /// The master's words to `SYNC`.
        sync: String,
    },
    /// It is a Sentinel, which knows where the master is.
    #[error(
        "this is a Sentinel, not a master: instead of master_host and master_port set the options \
         sentinels, to its address, and master_name, to that of a group ({text})"
    )]
    Sentinel {
        /// What it monitors.
        text: String,
    },
    /// It is a replica, and masters are to be followed.
    #[error(
        "this is a replica of {text}, and read_from is master: to follow a replica, set read_from to \
         prefer_replica or replica"
    )]
    Replica {
        /// The address of its master.
        text: String,
    },
    /// It is a master, and replicas are to be followed.
    #[error(
        "this is a master, and read_from is replica: to follow a master, too, set read_from to \
         prefer_replica ({text})"
    )]
    Master {
        /// Its role.
        text: String,
    },
    /// It is another node of the cluster than the one expected at its address.
    #[error(
        "this is another node of the cluster: expected {expected}, found {text}. The cluster is asked \
         where its nodes are; if its answer is wrong as seen from here, set the option addresses"
    )]
    OtherNode {
        /// The id expected.
        expected: String,
        /// The id found.
        text: String,
    },
    /// It is a replica that has not got as far yet as the data here.
    #[error("this replica is behind the data here, and is waited for ({text})")]
    Behind {
        /// Where it is.
        text: String,
    },
    /// It has no keys, and does not know the history of the data that there is: it may have lost
    /// them.
    #[error(
        "the master has no keys, and not the history of the data here, which is kept: it is followed \
         if this is still so after empty_master_delay ({text})"
    )]
    EmptyMaster {
        /// The id of its history.
        text: String,
    },
    /// A port for TLS, and this link is without.
    #[error("this is a port for TLS: set the option tls (its answer to {asked}: {text})")]
    SpeaksTls {
        /// What was sent.
        asked: String,
        /// What was answered.
        text: String,
    },
    /// An answer to `PSYNC` that was not asked for.
    #[error("the master answered {text}, which is not supported")]
    Unsupported {
        /// The master's words.
        text: String,
    },
    /// An answer that cannot be read.
    #[error("the master's answer to {asked} cannot be read: {text}")]
    Malformed {
        /// What was sent.
        asked: String,
        /// The master's words, or, if these were no line, what was expected.
        text: String,
    },
    /// Not a Redis server.
    #[error("this is not a Redis server: its answer to {asked} begins with: {text}")]
    NotRedis {
        /// What was sent.
        asked: String,
        /// What was answered.
        text: String,
    },
    /// A line after the handshake's end: a mistake of the caller's.
    #[error("a line came after the end of the handshake: {text}")]
    Unexpected {
        /// The line.
        text: String,
    },
    /// Any other error.
    #[error("the master answered {asked} with an error: {text}")]
    Error {
        /// What was sent.
        asked: String,
        /// The master's words.
        text: String,
    },
}

impl Refusal {
    /// The variant's name for programs.
    pub fn tag(&self) -> &'static str {
        match self {
            Self::ProtectedMode { .. } => "protected_mode",
            Self::Loading { .. } => "loading",
            Self::MasterDown { .. } => "master_down",
            Self::NoMasterLink { .. } => "no_master_link",
            Self::Misconf { .. } => "misconf",
            Self::ClusterDown { .. } => "cluster_down",
            Self::Busy { .. } => "busy",
            Self::TryAgain { .. } => "try_again",
            Self::TooManyClients { .. } => "too_many_clients",
            Self::WrongPassword { .. } => "wrong_password",
            Self::PasswordNeeded { .. } => "password_needed",
            Self::PasswordNotSet { .. } => "password_not_set",
            Self::NoUsers { .. } => "no_users",
            Self::NoPermission { .. } => "no_permission",
            Self::NoSync { .. } => "no_sync",
            Self::Sentinel { .. } => "sentinel",
            Self::Replica { .. } => "replica",
            Self::Master { .. } => "master",
            Self::OtherNode { .. } => "other_node",
            Self::Behind { .. } => "behind",
            Self::EmptyMaster { .. } => "empty_master",
            Self::SpeaksTls { .. } => "tls",
            Self::Unsupported { .. } => "unsupported",
            Self::Malformed { .. } => "malformed",
            Self::NotRedis { .. } => "not_redis",
            Self::Unexpected { .. } => "unexpected",
            Self::Error { .. } => "error",
        }
    }

    /// Whether trying again soon may help. A refusal that needs a change of configuration does not
    /// heal.
    pub fn heals(&self) -> bool {
        self.passes()
            || matches!(
                self,
                Self::TooManyClients { .. }
                    | Self::Replica { .. }
                    | Self::Master { .. }
                    | Self::OtherNode { .. }
                    | Self::Behind { .. }
                    | Self::EmptyMaster { .. }
                    | Self::Error { .. }
            )
    }

    /// Whether it is ours, because of what the node says that it is.
    pub fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::Sentinel { .. }
                | Self::Replica { .. }
                | Self::Master { .. }
                | Self::OtherNode { .. }
                | Self::Behind { .. }
                | Self::EmptyMaster { .. }
        )
    }

    /// Whether the master says that it will accept replicas later.
    pub(super) fn passes(&self) -> bool {
        matches!(
            self,
            Self::Loading { .. }
                | Self::MasterDown { .. }
                | Self::NoMasterLink { .. }
                | Self::Misconf { .. }
                | Self::ClusterDown { .. }
                | Self::Busy { .. }
                | Self::TryAgain { .. }
        )
    }

    /// Whether it is about the connection, which the master then closes, and no answer.
    pub(super) fn closes(&self) -> bool {
        matches!(self, Self::ProtectedMode { .. } | Self::TooManyClients { .. })
    }

    /// Joins this refusal of `PSYNC`, under the name `asked`, with one of `SYNC`.
    pub(super) fn and_of_sync(self, asked: String, sync: &Self) -> Self {
        let both = |text| format!("{text}; to SYNC: {}", sync.text());
        match self {
            Self::NoPermission { asked, text } => Self::NoPermission { asked, text: both(text) },
            Self::PasswordNeeded { text } => Self::PasswordNeeded { text: both(text) },
            other => {
                Self::NoSync { asked, text: other.text().to_owned(), sync: sync.text().to_owned() }
            }
        }
    }

    /// The master's words.
    pub fn text(&self) -> &str {
        match self {
            Self::ProtectedMode { text }
            | Self::Loading { text }
            | Self::MasterDown { text }
            | Self::NoMasterLink { text }
            | Self::Misconf { text }
            | Self::ClusterDown { text }
            | Self::Busy { text }
            | Self::TryAgain { text }
            | Self::TooManyClients { text }
            | Self::WrongPassword { text }
            | Self::PasswordNeeded { text }
            | Self::PasswordNotSet { text }
            | Self::NoUsers { text }
            | Self::NoPermission { text, .. }
            | Self::NoSync { text, .. }
            | Self::Sentinel { text }
            | Self::Replica { text }
            | Self::Master { text }
            | Self::OtherNode { text, .. }
            | Self::Behind { text }
            | Self::EmptyMaster { text }
            | Self::SpeaksTls { text, .. }
            | Self::Unsupported { text }
            | Self::Malformed { text, .. }
            | Self::NotRedis { text, .. }
            | Self::Unexpected { text }
            | Self::Error { text, .. } => text,
        }
    }

    /// Whether it ends the handshake as an answer to `REPLCONF`. Old masters know fewer of its
    /// options. But a user without the right to it cannot acknowledge either: the master answers
    /// each
    /// `REPLCONF ACK` with an error and drops the link.
    pub(super) fn is_lasting_for_replconf(&self) -> bool {
        self.closes() || matches!(self, Self::PasswordNeeded { .. } | Self::NoPermission { .. })
    }
}

/// A line of the master, what it answers, and the password to hide in it.
pub(super) struct Answered<'a> {
    pub(super) line: &'a [u8],
    pub(super) step: Step,
    /// What was sent, for messages.
    pub(super) asked: &'a str,
    pub(super) secret: Option<&'a [u8]>,
}

impl Answered<'_> {
    /// What an error line means. The code decides, or the words if an older master sent no code.
    pub(super) fn refusal(&self) -> Refusal {
        let (asked, text) = (self.asked.to_owned(), self.text());
        match self.code() {
            b"DENIED" => Refusal::ProtectedMode { text },
            b"LOADING" => Refusal::Loading { text },
            b"MASTERDOWN" => Refusal::MasterDown { text },
            b"NOMASTERLINK" => Refusal::NoMasterLink { text },
            b"MISCONF" => Refusal::Misconf { text },
            b"CLUSTERDOWN" => Refusal::ClusterDown { text },
            b"BUSY" => Refusal::Busy { text },
            b"TRYAGAIN" => Refusal::TryAgain { text },
            b"WRONGPASS" => Refusal::WrongPassword { text },
            b"NOAUTH" => Refusal::PasswordNeeded { text },
            b"NOPERM" => Refusal::NoPermission { asked, text },
            _ if self.says("operation not permitted") => Refusal::PasswordNeeded { text },
            _ if self.says("invalid password") => Refusal::WrongPassword { text },
            _ if self.says("no password is set") || self.says("without any password") => {
                Refusal::PasswordNotSet { text }
            }
            _ if self.says("max number of clients") => Refusal::TooManyClients { text },
            _ if self.says("can't sync while") => Refusal::NoMasterLink { text },
            _ if self.says("disallowed") || self.says("no permission") => {
                Refusal::NoPermission { asked, text }
            }
            _ if self.step == Step::Auth && self.says("wrong number of arguments") => {
                Refusal::NoUsers { text }
            }
            _ => Refusal::Error { asked, text },
        }
    }

    pub(super) fn not_redis(&self) -> Refusal {
        let (asked, text) = (self.asked.to_owned(), self.text());
        match is_tls_alert(self.line) {
            true => Refusal::SpeaksTls { asked, text },
            false => Refusal::NotRedis { asked, text },
        }
    }

    pub(super) fn malformed(&self) -> Refusal {
        Refusal::Malformed { asked: self.asked.to_owned(), text: self.text() }
    }

    pub(super) fn unsupported(&self) -> Refusal {
        Refusal::Unsupported { text: self.text() }
    }

    pub(super) fn unexpected(&self) -> Refusal {
        Refusal::Unexpected { text: self.text() }
    }

    fn code(&self) -> &[u8] {
        let error = self.line.strip_prefix(b"-").unwrap_or(self.line);
        error.split(|&byte| byte == b' ').next().unwrap_or_default()
    }

    fn says(&self, words: &str) -> bool {
        self.line.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
    }

    /// The line for messages. Servers repeat the arguments of an unknown command. These are cut
    /// off: if
    /// `AUTH` was renamed, one is the password.
    fn text(&self) -> String {
        let line = self.line.strip_prefix(b"-").unwrap_or(self.line);
        let end = memchr::memmem::find(line, b", with args beginning with").unwrap_or(line.len());
        shown(&line[..end], self.secret)
    }
}

/// A node's words for messages: without the password and control characters, and not too long.
pub(super) fn shown(words: &[u8], secret: Option<&[u8]>) -> String {
    let mut text = String::from_utf8_lossy(words).into_owned();
    if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
        text = text.replace(&*String::from_utf8_lossy(secret), "***");
    }
    let mut shown: String = text
        .chars()
        .map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char })
        .take(MAX_SHOWN)
        .collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
