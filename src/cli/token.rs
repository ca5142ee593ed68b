//! `token`: makes a token for the admin API. It is shown once; only its hash is kept.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Exit, complain};
use crate::admin::Token;
use crate::config::token_entry;
use crate::snapshot::Role;

#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    /// Whose it is: the author of what is done with it, in the audit
    name: String,
    /// What it allows: viewer, operator or owner
    #[arg(long, value_parser = role)]
    role: Role,
    /// Append its line to this file (made with mode 0600 if it is missing), instead of printing it
    #[arg(long, value_name = "FILE")]
    add: Option<PathBuf>,
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| Role::ALL.map(Role::as_str).join(", "))
}

/// The token goes to standard output, its line to the file or to standard error.
pub(super) fn token(args: &TokenArgs, out: &mut impl Write) -> io::Result<Exit> {
    let token = Token::fresh()?;
    let line = format!("{} {} {}", args.name, args.role, token.hashed());
    if let Err(why) = token_entry(&line) {
        complain(&format!("banyan: {why}"));
        return Ok(Exit::No);
    }
    match &args.add {
        Some(file) => {
            if let Err(error) = append(file, &args.name, &line) {
                complain(&format!("banyan: {}: {error}", file.display()));
                return Ok(Exit::No);
            }
        }
        None => complain(&format!("for the file that `admin.tokens` names:\n{line}")),
    }
    writeln!(out, "{}", token.text())?;
    Ok(Exit::Ok)
}

fn append(file: &Path, name: &str, line: &str) -> io::Result<()> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if text.lines().any(|line| line.split_whitespace().next() == Some(name)) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("there is a token named `{name}`")));
    }
    let ending = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut opened = OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    // In one piece: a running facade may be watching.
    opened.write_all(format!("{ending}{line}\n").as_bytes())?;
    opened.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn made(name: &str, add: Option<&Path>) -> (Exit, String) {
        let args = TokenArgs { name: name.to_owned(), role: Role::Operator, add: add.map(Path::to_path_buf) };
        let mut out = Vec::new();
        let exit = token(&args, &mut out).unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_token_is_shown_once_and_its_hash_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.txt");
        let (exit, shown) = made("ada", Some(&file));
        assert_eq!((exit, shown.trim().len()), (Exit::Ok, 64));
        assert_eq!(made("bob", Some(&file)).0, Exit::Ok);
        let text = fs::read_to_string(&file).unwrap();
        let entries: Vec<_> = text.lines().map(|line| token_entry(line).unwrap()).collect();
        assert_eq!(entries.iter().map(|entry| &*entry.name).collect::<Vec<_>>(), ["ada", "bob"]);
        assert!(!text.contains(shown.trim()));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_name_that_is_taken_or_none_makes_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.txt");
        fs::write(&file, "ada viewer sha256:00").unwrap();
        for name in ["ada", "admin", "a b", "#a", "", "é"] {
            assert_eq!(made(name, Some(&file)), (Exit::No, String::new()), "{name}");
        }
        assert_eq!(made("bob", Some(&file)).0, Exit::Ok);
        assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 2);
    }
}
