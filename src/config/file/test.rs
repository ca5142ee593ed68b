//! `tests:`: requests and the decision each must get.

use crate::config::read::{At, Names, Nullable, Text, Word, record};
use crate::names::Side;

record! {
    /// A request and the decision it must get.
    pub struct Test("a test") {
        /// Method and target: `GET /orders/7`, or with a full URL.
        pub request: At<Text>,
        /// The request's headers.
        pub headers: Option<At<Names<Text>>>,
        /// The tenant; absent: found in the request as `subject:` says.
        pub tenant: Option<At<Text>>,
        /// The user; absent: found in the request as `subject:` says.
        pub user: Option<At<Text>>,
        /// The client's address; 192.0.2.1 by default.
        pub client: Option<At<Text>>,
        /// What must come of it.
        pub expect: At<Expect>,
    }
}

record! {
    /// What must come of a request.
    pub struct Expect("`expect`") {
        /// The side that must answer.
        pub side: Option<At<Word<Side>>>,
        /// The route that must match; `null`: none.
        pub route: Option<At<Nullable<Text>>>,
    }
}
