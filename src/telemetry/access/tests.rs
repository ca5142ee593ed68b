use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queue::{FULL, WAITING, WORTH_WAKING};
use super::*;
use crate::snapshot::AccessLog;

fn record<'a>(path: &'a str) -> AccessRecord<'a> {
    AccessRecord {
        began: Instant::now(),
        request_id: "id",
        client: "::1".parse().unwrap(),
        method: "GET",
        host: "h",
        path,
        status: 200,
        served_by: "new",
        side: Some("new"),
        route: None,
        reason: None,
        bucket: None,
        tenant: None,
        generation: 1,
        backend: None,
        endpoint: None,
        duration_us: 1,
        upstream_us: None,
        bytes_in: 0,
        bytes_out: 0,
        error: None,
        attempts: 1,
        fallback: None,
    }
}

#[test]
fn hostile_text_stays_one_line() {
    let queue = Arc::new(AccessQueue::default());
    let mut buffer = LineBuffer::new(Arc::clone(&queue));
    buffer.write(&record("/\n\"\u{1b}[2J\u{0}"));
    buffer.flush();
    let text = String::from_utf8(queue.full.pop().unwrap().bytes).unwrap();
    assert_eq!(text.matches('\n').count(), 1);
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["path"], "/\n\"\u{1b}[2J\u{0}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn a_stuck_writer_costs_lines_and_never_a_wait() {
    let queue = Arc::new(AccessQueue::default());
    let mut buffer = LineBuffer::new(Arc::clone(&queue));
    for _ in 0..WAITING + 7 {
        buffer.write(&record("/"));
        buffer.flush();
    }
    assert_eq!(queue.lost(), 7);
}

#[test]
fn a_moved_file_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let queue = Arc::new(AccessQueue::default());
    let writer = AccessWriter::start(Arc::clone(&queue), AccessLog::File(path.clone())).unwrap();
    let mut buffer = LineBuffer::new(Arc::clone(&queue));
    buffer.write(&record("/first"));
    buffer.flush();
    while std::fs::read_to_string(&path).unwrap_or_default().is_empty() {
        std::thread::yield_now();
    }
    std::fs::rename(&path, folder.path().join("old.log")).unwrap();
    writer.reopen();
    while !path.exists() {
        std::thread::yield_now();
    }
    buffer.write(&record("/second"));
    drop(buffer);
    writer.stop(Duration::from_secs(10));
    assert!(std::fs::read_to_string(&path).unwrap().contains("/second"));
    assert!(std::fs::read_to_string(folder.path().join("old.log")).unwrap().contains("/first"));
}

#[test]
fn a_writer_is_woken_by_a_flush_by_much_to_write_and_by_another_place_to_write_to() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first.log", "second.log"].map(|name| folder.path().join(name));
    let written = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let queue = Arc::new(AccessQueue::default());
    let writer = AccessWriter::start(Arc::clone(&queue), AccessLog::File(first.clone())).unwrap();
    let mut buffer = LineBuffer::new(Arc::clone(&queue));
    buffer.write(&record("/flushed"));
    buffer.flush();
    while written(&first) == 0 {
        std::thread::yield_now();
    }
    let before = written(&first);
    for _ in 0..WORTH_WAKING * FULL / 256 {
        buffer.write(&record(&"x".repeat(256)));
    }
    while written(&first) < before + (WORTH_WAKING * FULL) as u64 {
        std::thread::yield_now();
    }
    writer.redirect(AccessLog::File(second.clone()));
    while !second.exists() {
        std::thread::yield_now();
    }
    writer.stop(Duration::from_secs(10));
}
