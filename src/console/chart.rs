//! Charts as SVG, drawn here: no script takes part, nothing is fetched, and nothing but classes says how they look.
//!
//! Everything is a pure function of numbers. A chart has at most so many points as it is given, whatever those are: what is not
//! finite is a gap. Text is escaped and written out as [`printable`](fn@crate::report::printable) does.
//!
//! - [`plot`]: lines over time, with marks where something was changed
//! - [`table`]: the numbers of a plot, for those who do not see it
//! - [`small`]: sparklines and bars within rows
//! - [`axis`]: round numbers and round times · [`unit`]: how numbers are written · [`svg`]: what is safe to stand in a page

mod axis;
mod plot;
mod small;
mod svg;
mod table;
mod unit;

pub use plot::{Line, Mark, Plot, Point};
pub use small::{bar, share_bar, sparkline, sparkline_to};
pub use svg::Svg;
pub(super) use svg::Text;
pub use unit::Unit;
