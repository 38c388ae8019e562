//! The command line.

use std::net::SocketAddr;

use tracing::Level;

pub(crate) const USAGE: &str = "\
usage: storefront [--listen ADDRESS:PORT] [--check] [--log LEVEL]

  --listen ADDRESS:PORT  where to listen; port 0 takes a free one (default: 127.0.0.1:8080)
  --check                call every route once, say how each was answered, and end
  --log LEVEL            error, warn, info, debug or trace, on the standard error (default: warn)
  --help                 say this";

/// What the shop is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) listen: SocketAddr,
    pub(crate) check: bool,
    pub(crate) log: Level,
    pub(crate) help: bool,
}

impl Arguments {
    /// Reads the command line, without the program's own name.
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Arguments {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            check: false,
            log: Level::WARN,
            help: false,
        };
        let mut listen = None;
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            match (name, value) {
                ("--listen", value) => {
                    let value = value.or_else(|| words.next());
                    listen = Some(value.ok_or("--listen needs an address, as in --listen 127.0.0.1:8080")?);
                }
                ("--log", value) => {
                    let level = value.or_else(|| words.next()).unwrap_or_default();
                    arguments.log = level.parse().map_err(|_| {
                        format!("--log {level:?} is no level; the levels are error, warn, info, debug, trace")
                    })?;
                }
                ("--check", None) => arguments.check = true,
                ("--help" | "-h", None) => arguments.help = true,
                _ => return Err(format!("unknown argument {word:?}")),
            }
        }
        if let Some(listen) = listen {
            arguments.listen = listen
                .parse()
                .map_err(|_| format!("--listen {listen:?} is no address and port, as in 127.0.0.1:8080"))?;
        } else if arguments.check {
            arguments.listen.set_port(0);
        }
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments, String> {
        Arguments::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn without_arguments_the_shop_listens_on_loopback() {
        assert_eq!(read("").unwrap().listen.to_string(), "127.0.0.1:8080");
        assert_eq!(read("--listen 0.0.0.0:0").unwrap().listen.to_string(), "0.0.0.0:0");
        assert_eq!(read("--listen=[::1]:81").unwrap().listen.to_string(), "[::1]:81");
    }

    #[test]
    fn a_check_takes_a_free_port_unless_told_another() {
        assert_eq!(read("--check").unwrap().listen.port(), 0);
        assert_eq!(read("--listen 127.0.0.1:81 --check").unwrap().listen.port(), 81);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, named) in [
            ("--lisen 1", "--lisen"),
            ("storefront", "storefront"),
            ("--listen", "needs an address"),
            ("--listen here", "here"),
            ("--check=yes", "--check=yes"),
            ("--log loud", "loud"),
        ] {
            let problem = read(line).unwrap_err();
            assert!(problem.contains(named), "{problem}");
        }
    }
}
