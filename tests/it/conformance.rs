//! HTTP/2 in front against the tests of RFC 9113 by the loona project (the crate httpwg).

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use httpwg::{BoxedTest, Config, Conn};
use tokio::net::TcpStream;

use crate::harness::Pair;

/// How long a test waits for a frame; those that wait for nothing to come wait as long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the HTTP/2 library ends the connection as it must, but calls the error PROTOCOL_ERROR where the RFC has a nearer name.
const NAMED_OTHERWISE: [&str; 14] = [
    "invalid_header_block_fragment",
    "half_closed_remote_sends_data_frame",
    "half_closed_remote_sends_headers_frame",
    "closed_sends_headers_frame_after_rst_stream",
    "closed_sends_headers_frame",
    "sends_data_frame_on_invalid_stream_state",
    "sends_priority_frame_with_invalid_length",
    "sends_rst_stream_frame_with_invalid_length",
    "sends_settings_frame_with_ack_and_payload",
    "sends_settings_frame_with_invalid_length",
    "sends_settings_initial_window_size_with_invalid_value",
    "sends_ping_frame_with_invalid_length",
    "sends_window_update_frame_with_invalid_length",
    "sends_settings_initial_window_size_with_exceeded_max_window_size_value",
];

/// What the library takes, and is harmless behind it, each with what becomes of it.
const TAKEN: [(&str, &str); 6] = [
    ("sends_headers_frame_with_mismatched_host_authority", "it is answered 400, in words instead of a reset"),
    ("sends_headers_frame_with_leading_space_in_field_value", "the space is cut off before it reaches a backend"),
    ("sends_headers_frame_with_trailing_tab_in_field_value", "so is the tab"),
    ("sends_headers_frame_with_pseudo_header_in_trailer", "it is dropped with the trailer section"),
    ("client_sends_push_promise_frame", "it is ignored"),
    ("sends_connect_without_authority", "CONNECT is answered 405 in any case"),
];

macro_rules! tests {
    ($($module:ident: $($name:ident),*;)*) => {
        fn tests() -> Vec<(&'static str, BoxedTest<TcpStream>)> {
            vec![$($({
                let test: BoxedTest<TcpStream> = Box::new(|connection| Box::pin(httpwg::rfc9113::$module::$name(connection)));
                (stringify!($name), test)
            }),*),*]
        }
    };
}

tests! {
    _3_starting_http2: sends_client_connection_preface, sends_invalid_connection_preface;
    _4_http_frames: sends_frame_with_unknown_type, sends_frame_with_unused_flags, sends_frame_with_reserved_bit_set, data_frame_with_max_length, frame_exceeding_max_size, large_headers_frame_exceeding_max_size, invalid_header_block_fragment, priority_frame_while_sending_headers, headers_frame_to_another_stream;
    _5_streams_and_multiplexing: idle_sends_data_frame, idle_sends_rst_stream_frame, idle_sends_window_update_frame, idle_sends_continuation_frame, half_closed_remote_sends_data_frame, half_closed_remote_sends_headers_frame, half_closed_remote_sends_continuation_frame, closed_sends_data_frame_after_rst_stream, closed_sends_headers_frame_after_rst_stream, closed_sends_continuation_frame_after_rst_stream, closed_sends_data_frame, closed_sends_headers_frame, closed_sends_continuation_frame, sends_even_numbered_stream_identifier, sends_smaller_stream_identifier, exceeds_concurrent_stream_limit, invalid_ping_frame_for_connection_close, test_invalid_ping_frame_for_goaway, unknown_extension_frame_in_header_block;
    _6_frame_definitions: sends_data_frame_with_zero_stream_id, sends_data_frame_on_invalid_stream_state, sends_data_frame_with_invalid_pad_length, sends_headers_frame_with_zero_stream_id, sends_headers_frame_with_invalid_pad_length, sends_priority_frame_with_zero_stream_id, sends_priority_frame_with_invalid_length, sends_rst_stream_frame_with_zero_stream_id, sends_rst_stream_frame_on_idle_stream, sends_rst_stream_frame_with_invalid_length, sends_settings_frame_with_ack_and_payload, sends_settings_frame_with_non_zero_stream_id, sends_settings_frame_with_invalid_length, sends_settings_enable_push_with_invalid_value, sends_settings_initial_window_size_with_invalid_value, sends_settings_max_frame_size_with_invalid_value_below_initial, sends_settings_max_frame_size_with_invalid_value_above_max, sends_settings_frame_with_unknown_identifier, sends_multiple_values_of_settings_initial_window_size, sends_settings_frame_without_ack_flag, sends_ping_frame, sends_ping_frame_with_ack, sends_ping_frame_with_non_zero_stream_id, sends_ping_frame_with_invalid_length, sends_goaway_frame_with_non_zero_stream_id, sends_window_update_frame_with_zero_increment, sends_window_update_frame_with_zero_increment_on_stream, sends_window_update_frame_with_invalid_length, sends_settings_frame_to_set_initial_window_size_to_1_and_sends_headers_frame, sends_multiple_window_update_frames_increasing_flow_control_window_above_max, sends_multiple_window_update_frames_increasing_flow_control_window_above_max_on_stream, changes_settings_initial_window_size_after_sending_headers_frame, sends_settings_frame_for_window_size_to_be_negative, sends_settings_initial_window_size_with_exceeded_max_window_size_value, sends_multiple_continuation_frames_preceded_by_headers_frame, sends_continuation_frame_followed_by_non_continuation_frame, sends_continuation_frame_with_zero_stream_id, sends_continuation_frame_preceded_by_headers_frame_with_end_headers_flag, sends_continuation_frame_preceded_by_continuation_frame_with_end_headers_flag, sends_continuation_frame_preceded_by_data_frame;
    _7_error_codes: sends_goaway_frame_with_unknown_error_code, sends_rst_stream_frame_with_unknown_error_code;
    _8_expressing_http_semantics_in_http2: sends_second_headers_frame_without_end_stream, sends_headers_frame_with_incorrect_content_length_single_data_frame, sends_headers_frame_with_incorrect_content_length_multiple_data_frames, sends_headers_frame_with_uppercase_field_name, sends_headers_frame_with_space_in_field_name, sends_headers_frame_with_non_visible_ascii, sends_headers_frame_with_del_character, sends_headers_frame_with_non_ascii_character, sends_headers_frame_with_colon_in_field_name, sends_headers_frame_with_lf_in_field_value, sends_headers_frame_with_cr_in_field_value, sends_headers_frame_with_nul_in_field_value, sends_headers_frame_with_leading_space_in_field_value, sends_headers_frame_with_trailing_tab_in_field_value, sends_headers_frame_with_connection_header, sends_headers_frame_with_proxy_connection_header, sends_headers_frame_with_keep_alive_header, sends_headers_frame_with_transfer_encoding_header, sends_headers_frame_with_upgrade_header, sends_headers_frame_with_te_trailers, sends_headers_frame_with_te_not_trailers, sends_headers_frame_with_response_pseudo_header, sends_headers_frame_with_pseudo_header_in_trailer, sends_headers_frame_with_duplicate_pseudo_headers, sends_headers_frame_with_mismatched_host_authority, sends_headers_frame_with_empty_path_component, sends_headers_frame_without_method, sends_headers_frame_without_scheme, sends_headers_frame_without_path, sends_headers_frame_without_status, client_sends_push_promise_frame, sends_connect_with_scheme, sends_connect_with_path, sends_connect_without_authority, sends_headers_frame_with_pseudo_headers_after_regular_headers;
}

/// Runs one test over a connection of its own; the error says how it went wrong.
fn run(address: SocketAddr, test: BoxedTest<TcpStream>) -> Result<(), String> {
    let attempt = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::LocalRuntime::new().unwrap();
        runtime.block_on(async move {
            let (host, port) = (address.ip().to_string(), address.port());
            let config = Rc::new(Config { host, port, timeout: PATIENCE, ..Config::default() });
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            test(Conn::new(config, stream)).await
        })
    }));
    attempt.map_err(|_| "it panicked".to_owned())?.map_err(|error| error.to_string())
}

#[test]
fn http_2_in_front_is_what_rfc_9113_says() {
    let pair = Pair::start("");
    let address = pair.site.address();
    let excused = |name: &&str| NAMED_OTHERWISE.contains(name) || TAKEN.iter().any(|(taken, _)| taken == name);
    // One after the other, those that wait for nothing to happen would take a minute.
    const THREADS: usize = 8;
    let share = |thread: usize| {
        // Each thread has buffers of its own.
        buffet::bufpool::initialize_allocator_with_num_bufs(4096).unwrap();
        let tests = tests().into_iter().skip(thread).step_by(THREADS).filter(|(name, _)| !excused(name));
        tests.filter_map(|(name, test)| Some(format!("{name}: {}", run(address, test).err()?))).collect::<Vec<_>>()
    };
    let failed: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || share(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    // The facade is none the worse for it.
    assert_eq!(pair.site.get("/after").status, 200);
}
