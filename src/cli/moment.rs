//! Moments on the command line.

use crate::clock::now_ms;
use crate::report::when;

/// `--since`, in milliseconds since 1970.
pub(super) fn since(text: &str) -> Result<u64, String> {
    when::since(text, now_ms()).ok_or_else(|| when::WHAT.to_owned())
}

/// `--until`, in milliseconds since 1970; it is still to come.
pub(super) fn until(text: &str) -> Result<u64, String> {
    let now_ms = now_ms();
    let until = when::until(text, now_ms).ok_or_else(|| when::WHAT.to_owned())?;
    if until > now_ms { Ok(until) } else { Err("that is over".to_owned()) }
}

/// `--for`, as the moment it ends, in milliseconds since 1970.
pub(super) fn for_so_long(text: &str) -> Result<u64, String> {
    humantime::parse_duration(text).map_err(|_| "write it as `12h` or `30d`".to_owned())?;
    until(text)
}
