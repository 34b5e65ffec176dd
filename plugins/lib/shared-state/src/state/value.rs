//! Named values in the state directory.
//!
//! A value is text in one entry, or in several if it is too long for one. Its parts are written under names that nobody
//! reads yet. Then the head, which lists them, replaces the old head in one step. A reader that does not find a part
//! has an old head, and reads again. The parts of the last head but one are removed.

use egress::platform::nonce;
use egress::platform::{Directory, DirectoryError, MAX_CONTENT, Platform};

/// Reads and publishes values for one instance.
pub(crate) struct Values<'p> {
    platform: &'p dyn Platform,
}

/// The head of a value: either the value itself, or a list of its parts.
enum Head {
    Inline(String),
    Parts {
        generation: String,
        count: usize,
        previous: Option<(String, usize)>,
    },
}

/// The largest number of parts. They hold about 256 KB, the largest answer that is ever fetched.
const MAX_PARTS: usize = 300;

impl<'p> Values<'p> {
    pub(crate) fn new(platform: &'p dyn Platform) -> Self {
        Self { platform }
    }

    /// Reads the value `name`, if there is one and it is complete.
    ///
    /// # Errors
    /// Why the directory failed.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>, DirectoryError> {
        let head = self.head(name)?;
        self.read_after(head, name)
    }

    /// Reads the value `name`. The caller has just read its `entry`.
    ///
    /// # Errors
    /// Why the directory failed.
    pub(crate) fn read_from(&self, entry: &str, name: &str) -> Result<Option<String>, DirectoryError> {
        self.read_after(parse_head(entry), name)
    }

    fn read_after(&self, mut head: Option<Head>, name: &str) -> Result<Option<String>, DirectoryError> {
        // Two tries are enough, unless a writer publishes several times within these few microseconds.
        for _ in 0..4 {
            let Some(found) = head else {
                return Ok(None);
            };
            match found {
                Head::Inline(text) => return Ok(Some(text)),
                Head::Parts {
                    generation, count, ..
                } => {
                    if let Some(text) = self.parts(name, &generation, count)? {
                        return Ok(Some(text));
                    }
                }
            }
            head = self.head(name)?;
        }
        Ok(None)
    }

    /// Sets the value `name` to `text`, which is ASCII without NUL.
    ///
    /// # Errors
    /// Why the directory failed. The old value stays then.
    pub(crate) fn publish(&self, name: &str, text: &str) -> Result<(), DirectoryError> {
        let directory = self.directory();
        let old = self.head(name).unwrap_or(None);
        let generation = nonce(self.platform);
        let parts: Vec<&[u8]> = match text.len() {
            length if length + 2 <= MAX_CONTENT => Vec::new(),
            _ => text.as_bytes().chunks(MAX_CONTENT).collect(),
        };
        let head = if parts.is_empty() {
            format!("1:{text}")
        } else {
            let previous = match &old {
                Some(Head::Parts {
                    generation, count, ..
                }) => format!("{generation}:{count}"),
                _ => String::new(),
            };
            format!("n:{generation}:{}:{previous}", parts.len())
        };
        let fresh = format!("{name}.new.{generation}");
        let written = self
            .write_parts(name, &generation, &parts)
            .and_then(|()| directory.create(&fresh, &head))
            .and_then(|()| directory.rename(&fresh, name));
        if let Err(error) = written {
            let _ = directory.remove(&fresh);
            self.drop_parts(name, &generation, parts.len());
            return Err(error);
        }
        match old {
            Some(Head::Parts {
                generation,
                count,
                previous,
            }) => {
                if let Some((generation, count)) = previous {
                    self.drop_parts(name, &generation, count);
                }
                if head.starts_with('1') {
                    // The new head does not list the old parts, so they are removed now.
                    self.drop_parts(name, &generation, count);
                }
            }
            Some(Head::Inline(_)) | None => {}
        }
        Ok(())
    }

    /// Removes the value `name`.
    pub(crate) fn remove(&self, name: &str) {
        let old = self.head(name).unwrap_or(None);
        let _ = self.directory().remove(name);
        if let Some(Head::Parts {
            generation,
            count,
            previous,
        }) = old
        {
            self.drop_parts(name, &generation, count);
            if let Some((generation, count)) = previous {
                self.drop_parts(name, &generation, count);
            }
        }
    }

    fn directory(&self) -> &'p dyn Directory {
        self.platform.directory()
    }

    fn head(&self, name: &str) -> Result<Option<Head>, DirectoryError> {
        let Some(text) = self.directory().read(name)? else {
            return Ok(None);
        };
        Ok(parse_head(&text))
    }

    fn parts(&self, name: &str, generation: &str, count: usize) -> Result<Option<String>, DirectoryError> {
        let mut text = String::new();
        for index in 0..count {
            match self.directory().read(&part_name(name, generation, index))? {
                Some(part) => text.push_str(&part),
                None => return Ok(None),
            }
        }
        Ok(Some(text))
    }

    fn write_parts(&self, name: &str, generation: &str, parts: &[&[u8]]) -> Result<(), DirectoryError> {
        for (index, part) in parts.iter().enumerate() {
            let part = std::str::from_utf8(part).map_err(|_| DirectoryError::Other(0))?;
            self.directory()
                .create(&part_name(name, generation, index), part)?;
        }
        Ok(())
    }

    fn drop_parts(&self, name: &str, generation: &str, count: usize) {
        for index in 0..count {
            let _ = self.directory().remove(&part_name(name, generation, index));
        }
    }
}

/// Parses a head. Anything else, such as another program's entry or garbage, counts as absent.
fn parse_head(text: &str) -> Option<Head> {
    if let Some(value) = text.strip_prefix("1:") {
        return Some(Head::Inline(value.to_owned()));
    }
    let mut fields = text.strip_prefix("n:")?.split(':');
    let (generation, count) = generation(&mut fields)?;
    let previous = self::generation(&mut fields);
    Some(Head::Parts {
        generation,
        count,
        previous,
    })
}

/// Parses a generation and the number of its parts.
fn generation<'t>(fields: &mut impl Iterator<Item = &'t str>) -> Option<(String, usize)> {
    let name = fields.next()?;
    let sane = !name.is_empty()
        && name.len() <= 24
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let count = fields
        .next()?
        .parse()
        .ok()
        .filter(|count| (1..=MAX_PARTS).contains(count))?;
    sane.then(|| (name.to_owned(), count))
}

fn part_name(name: &str, generation: &str, index: usize) -> String {
    format!("{name}.{generation}.{index}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use egress::platform::Native;

    fn platform() -> (tempfile::TempDir, Native) {
        let directory = tempfile::tempdir().unwrap();
        let native = Native::new(directory.path(), |_| {});
        (directory, native)
    }

    fn entries(directory: &tempfile::TempDir) -> usize {
        std::fs::read_dir(directory.path()).unwrap().count()
    }

    #[test]
    fn values_of_every_size_come_back_whole() {
        let (_directory, native) = platform();
        let values = Values::new(&native);
        assert_eq!(values.read("token").unwrap(), None);
        for size in [1, 997, 998, 999, 1000, 1001, 2500, 40_000] {
            let text: String = (0..size)
                .map(|i| char::from(b'a' + u8::try_from(i % 26).unwrap()))
                .collect();
            values.publish("token", &text).unwrap();
            assert_eq!(values.read("token").unwrap().unwrap(), text, "{size}");
        }
    }

    #[test]
    fn old_parts_do_not_pile_up() {
        let (directory, native) = platform();
        let values = Values::new(&native);
        for _ in 0..20 {
            values.publish("token", &"x".repeat(2500)).unwrap();
        }
        assert_eq!(
            entries(&directory),
            1 + 3 + 3,
            "head, its parts and those of the head before"
        );
        values.publish("token", "short").unwrap();
        assert_eq!(entries(&directory), 1);
        values.remove("token");
        assert_eq!(entries(&directory), 0);
    }

    #[test]
    fn readers_never_see_a_mixture() {
        let (directory, native) = platform();
        let values = Values::new(&native);
        let text = |letter: char| letter.to_string().repeat(3500);
        values.publish("token", &text('a')).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let native = Native::new(directory.path(), |_| {});
                    let values = Values::new(&native);
                    for _ in 0..2000 {
                        if let Some(read) = values.read("token").unwrap() {
                            let first = read.chars().next().unwrap();
                            assert_eq!(read, text(first));
                        }
                    }
                });
            }
            for round in 0..400_u32 {
                values
                    .publish("token", &text(char::from_digit(10 + round % 26, 36).unwrap()))
                    .unwrap();
            }
        });
    }

    #[test]
    fn garbage_and_foreign_entries_count_as_absent() {
        let (directory, native) = platform();
        let values = Values::new(&native);
        for (name, target) in [
            ("a", "/etc/passwd"),
            ("b", "n:x"),
            ("c", "n:../../x:2:"),
            ("d", "n:gen:99999:"),
            ("e", "n:gone:2:"),
        ] {
            std::os::unix::fs::symlink(target, directory.path().join(name)).unwrap();
            assert_eq!(values.read(name).unwrap(), None, "{target}");
        }
        std::fs::write(directory.path().join("f"), "1:file").unwrap();
        std::fs::create_dir(directory.path().join("g")).unwrap();
        assert_eq!(values.read("f").unwrap(), None);
        assert_eq!(values.read("g").unwrap(), None);
        values.publish("f", "mine").unwrap();
        assert_eq!(values.read("f").unwrap().unwrap(), "mine");
        assert!(
            values.publish("g", "mine").is_err(),
            "a directory cannot be replaced"
        );
    }
}
