//! Structured log lines with stable event codes.

use std::fmt::Write;

/// The severity of an event. Traefik's `log.level` decides what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the analysis of a single request.
    Debug,
    /// Worth finding later.
    Info,
    /// The service continues, but somebody should look.
    Warn,
    /// Requests are refused, and the callers are not at fault.
    Error,
}

/// One log line: a stable code and some fields, written as `code=jwks.fetched url=https://… keys=2`.
///
/// A value must never be a token, a secret or a header of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    level: Level,
    line: String,
}

impl Event {
    /// An event with the stable code `code`, for example `jwks.fetch_failed`.
    pub fn new(level: Level, code: &'static str) -> Self {
        Self {
            level,
            line: format!("code={code}"),
        }
    }

    /// A [`Level::Debug`] event.
    pub fn debug(code: &'static str) -> Self {
        Self::new(Level::Debug, code)
    }

    /// A [`Level::Info`] event.
    pub fn info(code: &'static str) -> Self {
        Self::new(Level::Info, code)
    }

    /// A [`Level::Warn`] event.
    pub fn warn(code: &'static str) -> Self {
        Self::new(Level::Warn, code)
    }

    /// A [`Level::Error`] event.
    pub fn error(code: &'static str) -> Self {
        Self::new(Level::Error, code)
    }

    /// Adds a field. The value is cut at 512 bytes and quoted if necessary, so that an event is always one line.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        let value = clip(value.to_string());
        let plain = !value.is_empty()
            && value
                .chars()
                .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '='));
        // Writing to a String cannot fail.
        let _ = if plain {
            write!(self.line, " {name}={value}")
        } else {
            write!(self.line, " {name}={value:?}")
        };
        self
    }

    /// The severity of the event.
    pub const fn level(&self) -> Level {
        self.level
    }

    /// The line, without time or level: Traefik adds those.
    pub fn line(&self) -> &str {
        &self.line
    }
}

fn clip(mut value: String) -> String {
    const LIMIT: usize = 512;
    if value.len() > LIMIT {
        let end = (0..=LIMIT)
            .rev()
            .find(|&i| value.is_char_boundary(i))
            .unwrap_or(0);
        value.truncate(end);
        value.push('…');
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_its_values_hold() {
        let event = Event::warn("token.refused")
            .field("client", "ab12")
            .field("error", "two words")
            .field("text", "line\nbreak \"q\"")
            .field("empty", "");
        assert_eq!(
            event.line(),
            r#"code=token.refused client=ab12 error="two words" text="line\nbreak \"q\"" empty="""#
        );
        assert_eq!(event.level(), Level::Warn);
    }

    #[test]
    fn long_values_are_cut() {
        let event = Event::info("x").field("v", "é".repeat(1000));
        assert!(event.line().len() < 600, "{}", event.line().len());
    }
}
