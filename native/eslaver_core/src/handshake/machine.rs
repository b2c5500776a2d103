//! The handshake itself: which step follows which answer.

use std::collections::VecDeque;

use super::answer::{self, Reply};
use super::config::Config;
use super::refusal::{Answered, Refusal};
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
    /// The answer to `COMMAND`.
    commands: Option<Value>,
    /// Why `PSYNC` was refused, later joined by why `SYNC` was.
    refusal: Option<Refusal>,
}

impl Handshake {
    /// A handshake before its first step.
    pub fn new(config: Config) -> Self {
        let replies = Replies::new(LIMITS);
        Self { config, awaited: VecDeque::new(), replies, commands: None, refusal: None }
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
        if step.asks_for_value() {
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
                self.both_refused(&refusal)
            }
            [b'+', ..] => Ok(self.go_on()),
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
            (Step::ClientName | Step::LibName | Step::LibVersion, refused) => refused.closes(),
            (Step::Psync, refused) if !(refused.passes() || refused.closes()) => {
                return Ok(self.try_sync(refusal));
            }
            (Step::Sync, refused) if !(refused.passes() || refused.closes()) => {
                return self.both_refused(&refusal);
            }
            (Step::Ping | Step::Auth | Step::Psync | Step::Sync | Step::Done, _) => true,
            (_, refused) => refused.is_lasting_for_replconf(),
        };
        if ends { Err(refusal) } else { Ok(self.go_on()) }
    }

    /// Real replicas do so after a lasting refusal of `PSYNC`.
    fn try_sync(&mut self, refusal: Refusal) -> Reply {
        self.refusal = Some(refusal);
        Reply::Send(self.send(vec![Step::Sync]))
    }

    fn both_refused(&mut self, of_sync: &Refusal) -> Result<Reply, Refusal> {
        let of_psync = self.refusal.take().unwrap_or_else(|| of_sync.clone());
        let refusal = of_psync.and_of_sync(Step::Psync.name(&self.config), of_sync);
        if !matches!(refusal, Refusal::NoSync { .. }) {
            return Err(refusal);
        }
        self.refusal = Some(refusal);
        Ok(Reply::Send(self.send(vec![Step::Role])))
    }

    /// Takes the answer to a step that asks for a value.
    fn value(&mut self, step: Step, value: Result<Value, ReplyError>) -> Result<Reply, Refusal> {
        let malformed = |error: ReplyError| Refusal::Malformed {
            asked: step.name(&self.config),
            text: error.to_string(),
        };
        if step == Step::Commands {
            self.commands = Some(value.map_err(malformed)?);
            return Ok(self.go_on());
        }
        // the answer to `ROLE` only tells whether a Sentinel has refused
        let is_sentinel = matches!(
            &value,
            Ok(Value::Array(elements))
                if matches!(elements.first(), Some(Value::Bulk(role)) if role == b"sentinel")
        );
        let unexpected = || Refusal::Unexpected { text: step.name(&self.config) };
        let refusal = self.refusal.take().unwrap_or_else(unexpected);
        Err(match is_sentinel {
            true => Refusal::Sentinel { text: refusal.text().to_owned() },
            false => refusal,
        })
    }

    /// Goes on after an answer that was good, or does not matter.
    fn go_on(&mut self) -> Reply {
        match self.awaited.pop_front() {
            Some(answered) if self.awaited.is_empty() => {
                Reply::Send(self.send(answered.next(&self.config)))
            }
            _ => Reply::Wait,
        }
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
