//! The memory of this process.

/// Has the kernel give memory in small pages from here on: a huge one is cleared as a whole, two megabytes, before whoever touched
/// the first byte of it goes on, and a worker's clients wait for that, each time that a few hundred more of them have come. What is
/// there already stays in huge pages, where it is found faster. Does nothing where there are none. To be called once all is up.
/// Source: `PR_SET_THP_DISABLE` of `prctl(2)`.
pub fn grow_in_small_pages() {
    // Without it there are only such waits.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
