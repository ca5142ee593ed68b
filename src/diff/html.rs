//! HTML as a tree ([`super::markup`] has the mapping).
//!
//! Not told apart: the order of attributes, their quotes and case, the order of classes, `disabled` and `disabled=""`,
//! runs of white space and such beside tags (in `pre`, `textarea`, `script` and `style` they count), comments, the
//! document type, and tags that HTML lets out. Tags are told by the tokenizer of the HTML Standard; what they make of a
//! page is simpler than there: an end tag closes the nearest element of its name, one without such an element does
//! nothing, and what is never closed ends with what is around it.

use std::collections::HashSet;

use html5gum::emitters::default::{DefaultEmitter, StartTag, Token};
use html5gum::{HtmlString, Tokenizer};

use super::json::NotRead;
use super::markup::{Child, Element, Markup};
use super::tree::Tree;
use super::{Budget, Unknown};

/// Elements that are never closed (HTML §13.1.2).
const VOID: [&str; 13] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];
/// Elements that stand in the head, until something else comes.
const HEAD: [&str; 9] = ["title", "meta", "link", "base", "style", "script", "noscript", "template", "bgsound"];
/// Elements in which white space counts.
const VERBATIM: [&str; 4] = ["pre", "textarea", "script", "style"];
/// Elements that end a paragraph before them (HTML §13.1.2.4).
const ENDS_PARAGRAPH: [&str; 33] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "details",
    "dialog",
    "div",
    "dl",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "ul",
];
/// Attributes that say what they say by being there (HTML §2.3.2).
const BOOLEAN: [&str; 22] = [
    "allowfullscreen",
    "async",
    "autofocus",
    "autoplay",
    "checked",
    "controls",
    "default",
    "defer",
    "disabled",
    "formnovalidate",
    "hidden",
    "inert",
    "ismap",
    "itemscope",
    "loop",
    "multiple",
    "muted",
    "nomodule",
    "novalidate",
    "open",
    "readonly",
    "required",
];
/// Bytes of a token that are one step of work.
const BYTES_PER_STEP: usize = 64;

const DOCUMENT: usize = 0;
const HTML: usize = 1;
const HEAD_AT: usize = 2;
const BODY: usize = 3;

/// Reads a body that is an HTML page, or a part of one. Whatever the text is, HTML makes something of it.
///
/// # Errors
/// It is over the budget, or elements are nested too deep.
pub fn read(text: &str, budget: &mut Budget<'_>) -> Result<Tree<'static>, NotRead> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut reader = Reader::new();
    for token in Tokenizer::new_with_emitter(text, emitter) {
        let token = token.unwrap_or_else(|never| match never {});
        let size = match &token {
            Token::String(text) => text.len(),
            Token::StartTag(tag) => {
                reader.attributes()
                    + tag.attributes.iter().map(|(name, value)| 8 + name.len() + value.len()).sum::<usize>()
            }
            _ => 0,
        };
        // An end tag may have to look at all that is open.
        budget.spend(1 + (reader.open.len() / 8 + size / BYTES_PER_STEP) as u64)?;
        match token {
            Token::StartTag(tag) => reader.start(&tag),
            Token::EndTag(tag) => reader.end(&lossy(&tag.name)),
            Token::String(text) => reader.text(&lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
        if reader.open.len() > budget.limits.depth {
            return Err(Unknown::TooDeep.into());
        }
    }
    Ok(reader.finish().tree(budget)?)
}

fn lossy(text: &HtmlString) -> String {
    String::from_utf8_lossy(text).into_owned()
}

struct Reader {
    markup: Markup,
    /// The elements that are open, the innermost last: `html`, then `head` or `body`, then what is in it.
    open: Vec<usize>,
    /// The elements whose texts stand as they are.
    verbatim: HashSet<usize>,
}

impl Reader {
    fn new() -> Reader {
        let mut markup = Markup::new();
        let single = |name: &str| Element { name: name.to_owned(), single: true, ..Element::default() };
        markup.add(DOCUMENT, single("html"));
        markup.add(HTML, single("head"));
        markup.add(HTML, single("body"));
        Reader { markup, open: vec![HTML, HEAD_AT], verbatim: HashSet::new() }
    }

    /// How many attributes `html`, `head` and `body` have: another tag of theirs may have to look at all of them.
    fn attributes(&self) -> usize {
        self.markup.elements[HTML..=BODY].iter().map(|element| element.attributes.len()).sum()
    }

    fn name(&self, place: usize) -> &str {
        self.open.get(place).map_or("", |at| &self.markup.elements[*at].name)
    }

    fn in_head(&self) -> bool {
        self.open.get(1) == Some(&HEAD_AT)
    }

    fn enter_body(&mut self) {
        self.open.truncate(1);
        self.open.push(BODY);
    }

    fn start(&mut self, tag: &StartTag<()>) {
        let name = lossy(&tag.name);
        let attributes = tag.attributes.iter().map(|(name, value)| attribute(&lossy(name), &lossy(&value.value)));
        let known = match name.as_str() {
            "html" => Some(HTML),
            "head" => Some(HEAD_AT),
            "body" => Some(BODY),
            _ => None,
        };
        if let Some(at) = known {
            if at == BODY && self.in_head() {
                self.enter_body();
            }
            // Of a repeated attribute the first one counts (HTML §13.2.6.4).
            let known = &mut self.markup.elements[at].attributes;
            known.extend(attributes);
            known.sort_by(|(one, _), (other, _)| one.cmp(other));
            known.dedup_by(|(one, _), (other, _)| one == other);
            return;
        }
        if self.in_head() && self.open.len() == 2 && !HEAD.contains(&name.as_str()) {
            self.enter_body();
        }
        self.close_implied(&name);
        if name == "tr" && self.name(self.open.len() - 1) == "table" {
            self.push("tbody".to_owned(), Vec::new());
        }
        let void = VOID.contains(&name.as_str());
        // A closing slash counts only in SVG and MathML (HTML §13.1.2.1).
        let empty = void || tag.self_closing && self.foreign();
        let attributes = attributes.collect();
        self.push(name, attributes);
        if empty {
            self.open.pop();
        }
    }

    fn push(&mut self, name: String, attributes: Vec<(String, String)>) {
        let parent = self.open.last().copied().unwrap_or(HTML);
        let element = self.markup.add(parent, Element { name, attributes, ..Element::default() });
        self.open.push(element);
    }

    fn foreign(&self) -> bool {
        (2..self.open.len()).any(|place| matches!(self.name(place), "svg" | "math"))
    }

    /// Closes what the start of this element ends without saying so (HTML §13.1.2.4).
    fn close_implied(&mut self, name: &str) {
        match name {
            "li" => self.close(&["li"], &["ul", "ol", "menu"]),
            "dt" | "dd" => self.close(&["dt", "dd"], &["dl"]),
            "option" => self.close(&["option"], &["select", "datalist", "optgroup"]),
            "optgroup" => self.close(&["optgroup", "option"], &["select"]),
            "tr" => self.close(&["tr"], &["table", "tbody", "thead", "tfoot"]),
            "td" | "th" => self.close(&["td", "th"], &["tr", "table"]),
            "tbody" | "thead" | "tfoot" => self.close(&["tbody", "thead", "tfoot"], &["table"]),
            _ => {}
        }
        if ENDS_PARAGRAPH.contains(&name) {
            self.close(&["p"], &["button", "td", "th", "caption", "table", "li", "div", "section", "object"]);
        }
    }

    /// Closes the innermost open element of these names and all in it, unless one of the others is nearer.
    fn close(&mut self, names: &[&str], barriers: &[&str]) {
        for place in (2..self.open.len()).rev() {
            let name = self.name(place);
            if names.contains(&name) {
                self.open.truncate(place);
                return;
            }
            if barriers.contains(&name) {
                return;
            }
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "head" if self.in_head() => self.enter_body(),
            "html" | "head" | "body" => {}
            "table" | "tr" | "td" | "th" | "tbody" | "thead" | "tfoot" => self.close(&[name], &[]),
            // A cell is not left through the end of something around its table.
            _ => self.close(&[name], &["td", "th", "table"]),
        }
    }

    /// Text stands with its runs of white space as one space each; the space at its ends goes when all is read, since a
    /// comment may have stood within.
    fn text(&mut self, text: &str) {
        let verbatim = (2..self.open.len()).any(|place| VERBATIM.contains(&self.name(place)));
        if !verbatim && self.open.len() == 2 {
            if text.chars().all(|character| character.is_ascii_whitespace()) && self.in_head() {
                return;
            }
            if self.in_head() {
                self.enter_body();
            }
        }
        let parent = self.open.last().copied().unwrap_or(BODY);
        if verbatim {
            self.verbatim.insert(parent);
            return self.markup.add_text(parent, text);
        }
        let text = collapsed(text);
        let follows_space =
            matches!(self.markup.elements[parent].children.last(), Some(Child::Text(last)) if last.ends_with(' '));
        self.markup.add_text(parent, if follows_space { text.trim_start() } else { &text });
    }

    fn finish(mut self) -> Markup {
        for (at, element) in self.markup.elements.iter_mut().enumerate() {
            if self.verbatim.contains(&at) {
                continue;
            }
            element.children.retain_mut(|child| match child {
                Child::Element(_) => true,
                Child::Text(text) => {
                    *text = text.trim_matches(' ').to_owned();
                    !text.is_empty()
                }
            });
        }
        self.markup
    }
}

fn collapsed(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        let character = if character.is_ascii_whitespace() { ' ' } else { character };
        if character != ' ' || !plain.ends_with(' ') {
            plain.push(character);
        }
    }
    plain
}

fn attribute(name: &str, value: &str) -> (String, String) {
    let value = match name {
        "class" => {
            let mut classes: Vec<&str> = value.split_ascii_whitespace().collect();
            classes.sort_unstable();
            classes.dedup();
            classes.join(" ")
        }
        _ if BOOLEAN.contains(&name) => String::new(),
        _ => value.to_owned(),
    };
    (name.to_owned(), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Limits;
    use proptest::prelude::*;

    fn shape(text: &str) -> Result<String, NotRead> {
        let mut in_time = || false;
        read(text, &mut Budget::new(Limits::default(), &mut in_time)).map(|tree| crate::diff::plain::plain(&tree))
    }

    #[test]
    fn mapping_is_as_documented() {
        assert_eq!(
            shape("<!doctype html><title>T</title><div id=a>x<br>y</div><div>z</div>").unwrap(),
            r##"{"html":{"head":{"title":[{"#text":"T"}]},"body":{"div":[{"@id":"a","#text":["x","y"],"#order":"#text br #text","br":[{}]},{"#text":"z"}]}}}"##
        );
    }

    #[test]
    fn spelling_does_not_matter() {
        let plain = shape("<div class='a b' id=\"x\"><input disabled> hello   world</div>").unwrap();
        for other in [
            "<!DOCTYPE html><html><head></head><body><DIV ID=x CLASS='b a'><INPUT disabled='disabled'/>\n hello<!-- x -->\nworld</DIV></body></html>",
            "<div class='a b' id=x><input disabled>hel<!-- -->lo <!-- --> world</div>",
            "<body>\n<div id=x class='b  a a' ><input disabled=\"\">hello world</div>",
        ] {
            assert_eq!(shape(other).unwrap(), plain, "{other}");
        }
    }

    #[test]
    fn order_of_elements_matters() {
        assert_ne!(shape("<h1>a</h1><p>b</p>").unwrap(), shape("<p>b</p><h1>a</h1>").unwrap());
        assert_ne!(shape("a <b>x</b> c").unwrap(), shape("a c <b>x</b>").unwrap());
    }

    #[test]
    fn space_in_verbatim_text_matters() {
        assert_ne!(shape("<pre>a  b</pre>").unwrap(), shape("<pre>a b</pre>").unwrap());
        assert_ne!(shape("<script>a  ;</script>").unwrap(), shape("<script>a ;</script>").unwrap());
        assert_eq!(shape("<script>if (a<b) '</p>'</script>").unwrap().matches("if (a<b)").count(), 1);
    }

    #[test]
    fn tags_may_be_left_out() {
        assert_eq!(shape("<ul><li>a<li>b</ul>").unwrap(), shape("<ul><li>a</li><li>b</li></ul>").unwrap());
        assert_eq!(shape("<p>a<p>b<div>c</div>").unwrap(), shape("<p>a</p><p>b</p><div>c</div>").unwrap());
        assert_eq!(
            shape("<table><tr><td>a<td>b<tr><td>c</table>").unwrap(),
            shape("<table><tbody><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></tbody></table>").unwrap()
        );
    }

    #[test]
    fn misnested_tags_end_somewhere() {
        for text in ["<b><i>x</b></i>", "</p></div>", "<div></span></div>", "<a <b>", "<table></td></table></table>"] {
            assert!(shape(text).is_ok(), "{text}");
        }
        assert_eq!(shape(&"<span>".repeat(100_000)), Err(NotRead::Unknown(Unknown::TooDeep)));
        assert!(shape(&"<p>".repeat(10_000)).is_ok());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "(<|</|>|[a-c]|table|tr|td|p|li|html|body|head|script|=|'| |\n|&|!--|--){0,60}") {
            let _ = shape(&text);
        }
    }
}
