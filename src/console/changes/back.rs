//! An earlier configuration is put back, and the files count again: the questions before, and what is done.

use axum::extract::{Extension, Path, State};
use axum::response::Response;

use super::entry::moment_ms;
use crate::admin::{Admin, ReloadAnswer, RollbackOrder, Who};
use crate::clock::now_ms;
use crate::console::act::{back, told_of};
use crate::console::ago::Ago;
use crate::console::frame::Frame;
use crate::console::posted::Posted;
use crate::console::question::{List, Question};
use crate::console::trouble::Trouble;

/// The most messages of a reload that are said.
const MESSAGES: usize = 5;

/// Whether a generation is to be put back.
pub(super) async fn ask_back(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Path(number): Path<String>,
) -> Result<Response, Trouble> {
    let number: u64 = number.parse().map_err(|_| Trouble::unknown("generation"))?;
    let all = admin.generations();
    let past = all.iter().find(|past| past.number == number).ok_or_else(|| Trouble::unknown("generation"))?;
    let changes = admin.put_back_would(number).await?;
    let frame = Frame::of(&admin, &who, "/changes");
    let live = admin.live.current().number;
    let at = Ago::of(moment_ms(&past.at), now_ms());
    let mut says = vec![format!(
        "The configuration of generation {number} ({}, by {}) takes the place of what is live (generation {live}), at once, and is \
         held: changes of the files wait until somebody lets them count again. It outlives a restart.",
        at.ago, past.by
    )];
    says.push(match changes.len() {
        0 => "Nothing differs from what is live, but for the hold.".to_owned(),
        1 => "One thing changes.".to_owned(),
        some => format!("{some} things change, among them all that was changed since."),
    });
    says.push(
        "Pins and the kill switch stay as they are. Other instances are not told: each numbers its generations itself."
            .to_owned(),
    );
    let question = Question {
        title: format!("Put generation {number} back?"),
        says,
        list: List::of("What changes", changes),
        action: "/act/back",
        hidden: vec![("generation", number.to_string())],
        button: "Put it back",
        is_danger: true,
        needs_reason: true,
        back: "/changes".to_owned(),
        refused: frame.needs_operator(),
        ..Question::default()
    };
    question.asked(frame)
}

/// Whether the files are to count again.
pub(super) async fn ask_files(State(admin): State<Admin>, Extension(who): Extension<Who>) -> Result<Response, Trouble> {
    let frame = Frame::of(&admin, &who, "/changes");
    let live = admin.live.current();
    let says = match &live.standing.hold {
        None => vec!["Nothing is held: the files count already.".to_owned()],
        Some(hold) => vec![
            format!("Generation {} is held {}, by {}: {}", hold.generation, Ago::of(hold.at_ms, now_ms()).ago, hold.by, hold.why),
            "The files are loaded as they are now and go live, unless they are invalid: then nothing changes and the errors are \
             told."
                .to_owned(),
            "On the command line: banyan resume --file".to_owned(),
        ],
    };
    let question = Question {
        title: "Let the files count again?".to_owned(),
        says,
        action: "/act/files",
        button: "Load the files",
        back: "/changes".to_owned(),
        refused: if live.standing.hold.is_none() { "nothing is held" } else { frame.needs_operator() },
        ..Question::default()
    };
    question.asked(frame)
}

pub(super) async fn put_back(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Extension(posted): Extension<Posted>,
) -> Result<Response, Trouble> {
    let number: u64 = posted.get("generation").parse().map_err(|_| Trouble::unknown("generation"))?;
    let reason = posted.get("reason").to_owned();
    let told = RollbackOrder { generation: Some(number), reason, ..RollbackOrder::default() };
    let done = admin.roll_back(&who, told).await.map(|acted| told_of(&acted, "It is held already."));
    back(&who, &posted, done)
}

pub(super) async fn files(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Extension(posted): Extension<Posted>,
) -> Result<Response, Trouble> {
    let answer = admin.unhold(&who, posted.get("reason").to_owned()).await?;
    back(&who, &posted, loaded(&answer))
}

/// What came of the files.
fn loaded(answer: &ReloadAnswer) -> Result<String, crate::admin::Fault> {
    let mut said: Vec<&str> = answer.messages.iter().take(MESSAGES).map(String::as_str).collect();
    if answer.messages.len() > MESSAGES {
        said.push("…");
    }
    let said = said.join("; ");
    if answer.live {
        let durable = if answer.durable { "" } else { " It is not on the disk yet." };
        return Ok(format!("The files count again, as generation {}: {said}.{durable}", answer.generation));
    }
    Err(crate::admin::Fault::new(axum::http::StatusCode::CONFLICT, said))
}
