//! The handshake itself: which step follows which answer.

use std::collections::VecDeque;

use super::answer::{self, Reply};
use super::config::Config;
use super::info;
use super::peer::{Peer, Told};
use super::refusal::{Answered, Refusal, shown};
use super::role;
use super::step::{self, Step};
use crate::lines::Lines;
use crate::reply::{Limits, Replies, ReplyError, Value};

/// Limits of an answer that is a value. That to `COMMAND` takes two megabytes.
const LIMITS: Limits = Limits { memory: 16 << 20, depth: 16 };

/// One handshake with one master, on one link.
#[derive(Debug)]
pub struct Handshake {
    config: Config,
    /// The steps without an answer yet.
    awaited: VecDeque<Step>,
    /// Reads the answer to a step that asks for a value.
    replies: Replies,
    /// What the answers to `ROLE` and to `INFO` tell.
    role: Peer,
    info: Peer,
    /// The answer to `CLUSTER MYID`.
    node: Option<Vec<u8>>,
    /// Both, when all questions have been answered.
    peer: Option<Peer>,
    /// The answer to `COMMAND`.
    commands: Option<Value>,
    /// Why `PSYNC` was refused; or why `AUTH` was, while it is not known whether by a Sentinel.
    refusal: Option<Refusal>,
}

impl Handshake {
    /// A handshake before its first step.
    pub fn new(config: Config) -> Self {
        let replies = Replies::new(LIMITS);
        Self {
            config,
            awaited: VecDeque::new(),
            replies,
            role: Peer::default(),
            info: Peer::default(),
            node: None,
            peer: None,
            commands: None,
            refusal: None,
        }
    }

    /// What to write first.
    pub fn start(&mut self) -> Vec<u8> {
        self.send(vec![Step::Ping])
    }

    /// The step whose answer is awaited.
    pub fn step(&self) -> Step {
        self.awaited.front().copied().unwrap_or(Step::Done)
    }

    /// The command of that step, for messages.
    pub fn asked(&self) -> String {
        self.step().name(&self.config)
    }

    /// Reads the next answer, or returns `None` if it is incomplete. Call it until then.
    ///
    /// # Errors
    /// If the master refuses, or is no Redis server. The handshake is over then.
    pub fn next(&mut self, lines: &mut Lines) -> Result<Option<Reply>, Refusal> {
        let reply = self.read(lines);
        if !matches!(reply, Ok(None | Some(Reply::Send(_) | Reply::Wait))) {
            self.awaited.clear();
        }
        reply
    }

    /// Takes what the node has told of itself, once it is known: before `PSYNC` is sent, or the
    /// node is refused for it.
    pub fn peer(&mut self) -> Option<Peer> {
        self.peer.take()
    }

    /// Takes the answer to `COMMAND`, if the master gave one.
    pub fn commands(&mut self) -> Option<Value> {
        self.commands.take()
    }

    /// Takes what the master has refused so far: the reason, if it answers no more.
    pub fn refused(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }

    fn read(&mut self, lines: &mut Lines) -> Result<Option<Reply>, Refusal> {
        let step = self.step();
        if step.is_question() {
            return self
                .replies
                .next(lines)
                .transpose()
                .map(|value| self.value(step, value))
                .transpose();
        }
        loop {
            let begun = lines.rest();
            // a server whose PSYNC was renamed takes it for SYNC
            if step.awaits_snapshot() && begun.starts_with(b"$") {
                return Ok(Some(Reply::LegacySync));
            }
            // also if the peer never ends a line
            if !step::may_be_line(begun) {
                return Err(self.not_redis(begun));
            }
            match lines.take() {
                Ok(Some([])) if step.awaits_snapshot() => return Ok(Some(Reply::Wait)),
                Ok(Some([])) => {}
                Ok(Some(line)) => return self.line(step, line).map(Some),
                Ok(None) => return Ok(None),
                Err(_) => return Err(self.not_redis(lines.rest())),
            }
        }
    }

    fn line(&mut self, step: Step, line: &[u8]) -> Result<Reply, Refusal> {
        let asked = self.asked();
        let answered = self.answered(&asked, line);
        match line {
            [b'+', status @ ..] if step == Step::Psync => {
                let resuming = self.config.resume.is_some();
                match answer::sync(status, &answered, resuming)? {
                    Some(reply) => Ok(reply),
                    None => {
                        let refusal = answered.unsupported();
                        Ok(self.try_sync(refusal))
                    }
                }
            }
            _ if step == Step::Done => Err(answered.unexpected()),
            [b'+', ..] if step == Step::Sync => {
                let refusal = answered.unsupported();
                Err(self.both_refused(&refusal))
            }
            [b'+', ..] => self.go_on(),
            [b'-', ..] => {
                let refusal = answered.refusal();
                self.error(step, refusal)
            }
            _ => Err(answered.not_redis()),
        }
    }

    fn error(&mut self, step: Step, refusal: Refusal) -> Result<Reply, Refusal> {
        let ends = match (step, &refusal) {
            (Step::Ping, Refusal::PasswordNeeded { .. }) => !self.config.authenticates(),
            (Step::Ping, Refusal::NoPermission { .. }) => false,
            // as a Sentinel does, whose users often give it the master's password
            (Step::Auth, Refusal::PasswordNotSet { .. }) if self.config.questions.role => {
                self.refusal = Some(refusal);
                return self.go_on();
            }
            (Step::ClientName | Step::LibName | Step::LibVersion, refused) => refused.closes(),
            (Step::Psync, refused) if !(refused.passes() || refused.closes()) => {
                return Ok(self.try_sync(refusal));
            }
            (Step::Sync, refused) if !(refused.passes() || refused.closes()) => {
                return Err(self.both_refused(&refusal));
            }
            (Step::Ping | Step::Auth | Step::Psync | Step::Sync | Step::Done, _) => true,
            (_, refused) => refused.is_lasting_for_replconf(),
        };
        if ends { Err(refusal) } else { self.go_on() }
    }

    /// Real replicas do so after a lasting refusal of `PSYNC`.
    fn try_sync(&mut self, refusal: Refusal) -> Reply {
        self.refusal = Some(refusal);
        Reply::Send(self.send(vec![Step::Sync]))
    }

    fn both_refused(&mut self, of_sync: &Refusal) -> Refusal {
        let of_psync = self.refusal.take().unwrap_or_else(|| of_sync.clone());
        of_psync.and_of_sync(Step::Psync.name(&self.config), of_sync)
    }

    /// Takes the answer to a question.
    fn value(&mut self, step: Step, value: Result<Value, ReplyError>) -> Result<Reply, Refusal> {
        let value = value.map_err(|error| Refusal::Malformed {
            asked: step.name(&self.config),
            text: error.to_string(),
        })?;
        match step {
            Step::Role => {
                self.role = self.told(role::read(&value))?;
                if let Some(refusal) = self.refusal.take() {
                    return Err(refusal);
                }
            }
            Step::Info => self.info = self.told(info::read(value.text().unwrap_or_default()))?,
            Step::MyId => self.node = value.text().map(<[u8]>::to_vec),
            _ => self.commands = Some(value),
        }
        self.go_on()
    }

    fn told(&self, told: Told) -> Result<Peer, Refusal> {
        match told {
            Told::Peer(peer) => Ok(peer),
            Told::Sentinel(words) => {
                Err(Refusal::Sentinel { text: shown(&words, self.config.password.as_deref()) })
            }
        }
    }

    /// Goes on after an answer that was good, or does not matter.
    fn go_on(&mut self) -> Result<Reply, Refusal> {
        match self.awaited.pop_front() {
            Some(answered) if self.awaited.is_empty() => {
                let next = answered.next(&self.config);
                if next.contains(&Step::Psync) {
                    self.meet()?;
                }
                Ok(Reply::Send(self.send(next)))
            }
            _ => Ok(Reply::Wait),
        }
    }

    /// All that the node is asked about itself has been answered.
    fn meet(&mut self) -> Result<(), Refusal> {
        let (role, info) = (std::mem::take(&mut self.role), std::mem::take(&mut self.info));
        let peer = Peer::joined(role, info);
        let refusal = self.other_node().or_else(|| peer.refusal(&self.config));
        self.peer = Some(peer);
        refusal.map_or(Ok(()), Err)
    }

    /// The refusal of a node that says it is another than the one expected.
    fn other_node(&self) -> Option<Refusal> {
        let (expected, found) = self.config.node.as_ref().zip(self.node.as_ref())?;
        let secret = self.config.password.as_deref();
        (expected != found).then(|| Refusal::OtherNode {
            expected: shown(expected, secret),
            text: shown(found, secret),
        })
    }

    fn send(&mut self, steps: Vec<Step>) -> Vec<u8> {
        let bytes = steps.iter().flat_map(|step| step.command(&self.config)).collect();
        self.awaited = steps.into();
        bytes
    }

    fn not_redis(&self, begun: &[u8]) -> Refusal {
        let line = begun.split(|&byte| byte == b'\r' || byte == b'\n').next().unwrap_or_default();
        self.answered(&self.asked(), line).not_redis()
    }

    fn answered<'a>(&'a self, asked: &'a str, line: &'a [u8]) -> Answered<'a> {
        let secret = self.config.password.as_deref();
        Answered { line, step: self.step(), asked, secret }
    }
}
