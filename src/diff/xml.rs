//! XML as a tree ([`super::markup`] has the mapping).
//!
//! Not told apart: prefixes that stand for one namespace, the order of attributes, space between elements, `<a/>` and
//! `<a></a>`, CDATA and text, how characters are escaped, comments, processing instructions, the declaration and the
//! document type. No entity is resolved but the five of XML itself: a body that uses another is not read as XML.

use quick_xml::escape::unescape;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::json::NotRead;
use super::markup::{Child, Element, Markup};
use super::tree::Tree;
use super::{Budget, Unknown};

/// The namespace that the prefix `xml` stands for.
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The longest name of a namespace, in bytes: each element and attribute in it may repeat it.
const MAX_NAMESPACE: usize = 1024;
/// Bytes of an event that are one step of work.
const BYTES_PER_STEP: usize = 64;

/// Reads a body that is one XML document.
///
/// # Errors
/// It is not XML, or is over the budget.
pub fn read(text: &str, budget: &mut Budget<'_>) -> Result<Tree<'static>, NotRead> {
    let mut source = NsReader::from_str(text);
    source.config_mut().check_comments = true;
    let mut reader = Reader { markup: Markup::new(), open: vec![Open::default()], at: 0 };
    loop {
        let event = source.read_event().map_err(|_| NotRead::Malformed { at: reader.at })?;
        let at = usize::try_from(source.buffer_position()).unwrap_or(text.len());
        budget.spend(1 + (at.saturating_sub(reader.at) / BYTES_PER_STEP) as u64)?;
        reader.at = at;
        match event {
            Event::Start(tag) => {
                reader.start(&source, &tag, budget.limits.depth)?;
            }
            Event::Empty(tag) => {
                reader.start(&source, &tag, budget.limits.depth)?;
                reader.end();
            }
            Event::End(_) => reader.end(),
            Event::Text(text) => reader.text(&text.xml10_content())?,
            Event::CData(text) => reader.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character = resolved(&reference).ok_or(reader.malformed())?;
                reader.text(character.encode_utf8(&mut [0; 4]))?;
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => break,
        }
    }
    if reader.open.len() != 1 || reader.markup.elements.len() < 2 {
        return Err(reader.malformed());
    }
    Ok(reader.markup.tree(budget)?)
}

/// The character that a reference stands for: a character reference, or one of the five entities of XML §4.6.
fn resolved(reference: &BytesRef<'_>) -> Option<char> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok().flatten();
    }
    match &**reference {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
    }
}

struct Reader {
    markup: Markup,
    /// The elements that are open, the innermost last; the first one is the document.
    open: Vec<Open>,
    /// How much is read.
    at: usize,
}

#[derive(Default)]
struct Open {
    element: usize,
    namespace: Option<String>,
    /// Whether `xml:space="preserve"` holds.
    preserve: bool,
}

impl Reader {
    fn malformed(&self) -> NotRead {
        NotRead::Malformed { at: self.at }
    }

    fn start(&mut self, source: &NsReader<&[u8]>, tag: &BytesStart<'_>, depth: usize) -> Result<(), NotRead> {
        if self.open.len() > depth {
            return Err(Unknown::TooDeep.into());
        }
        let parent = self.open.last().ok_or(self.malformed())?;
        let (parent, parent_namespace, mut preserve) = (parent.element, parent.namespace.clone(), parent.preserve);
        if parent == 0 && self.markup.elements.len() > 1 {
            return Err(self.malformed());
        }
        let (namespace, local) = source.resolver().resolve_element(tag.name());
        let namespace = self.namespace(namespace)?;
        let mut element = Element { name: local.as_ref().to_owned(), single: parent == 0, ..Element::default() };
        if namespace != parent_namespace {
            element.attributes.push(("xmlns".to_owned(), namespace.clone().unwrap_or_default()));
        }
        // Duplicates are found below; the check of the library compares each with each.
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| self.malformed())?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (name, value) = self.attribute(source, &attribute)?;
            if name == "xml:space" {
                preserve = value == "preserve";
            }
            element.attributes.push((name, value));
        }
        element.attributes.sort();
        if element.attributes.windows(2).any(|two| two[0].0 == two[1].0) {
            return Err(self.malformed());
        }
        let element = self.markup.add(parent, element);
        self.open.push(Open { element, namespace, preserve });
        Ok(())
    }

    fn namespace(&self, resolved: ResolveResult<'_>) -> Result<Option<String>, NotRead> {
        match resolved {
            ResolveResult::Bound(namespace) if namespace.as_ref().len() > MAX_NAMESPACE => Err(self.malformed()),
            ResolveResult::Bound(namespace) => Ok(Some(namespace.as_ref().to_owned())),
            ResolveResult::Unbound => Ok(None),
            ResolveResult::Unknown(_) => Err(self.malformed()),
        }
    }

    fn attribute(&self, source: &NsReader<&[u8]>, attribute: &Attribute<'_>) -> Result<(String, String), NotRead> {
        let (namespace, local) = source.resolver().resolve_attribute(attribute.key);
        let local = local.as_ref();
        let name = match self.namespace(namespace)? {
            None => local.to_owned(),
            Some(uri) if uri == XML => format!("xml:{local}"),
            Some(uri) => format!("{{{uri}}}{local}"),
        };
        // XML §3.3.3: white space that is not escaped counts as a space, a line break as one.
        let spaced = attribute.value.replace("\r\n", " ").replace(['\t', '\n', '\r'], " ");
        let value = unescape(&spaced).map_err(|_| self.malformed())?.into_owned();
        Ok((name, value))
    }

    fn text(&mut self, text: &str) -> Result<(), NotRead> {
        match self.open.last() {
            Some(open) if open.element != 0 => self.markup.add_text(open.element, text),
            _ if text.chars().all(is_space) => {}
            _ => return Err(self.malformed()),
        }
        Ok(())
    }

    /// The innermost element ends. White space between elements is there for the eye only, unless `xml:space` says
    /// otherwise.
    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let element = &mut self.markup.elements[open.element];
        let with_elements = element.children.iter().any(|child| matches!(child, Child::Element(_)));
        element.children.retain(|child| match child {
            Child::Text(text) if text.is_empty() => false,
            Child::Text(text) => open.preserve || !with_elements || !text.chars().all(is_space),
            Child::Element(_) => true,
        });
    }
}

/// White space as XML §2.3 has it.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
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
        let text = r#"<order id="7"><item sku="a">x</item><note/><item>y</item></order>"#;
        assert_eq!(
            shape(text).unwrap(),
            r##"{"order":{"@id":"7","#order":"item note item","item":[{"@sku":"a","#text":"x"},{"#text":"y"}],"note":[{}]}}"##
        );
        assert_eq!(
            shape("<p>a <b>x</b> c</p>").unwrap(),
            r##"{"p":{"#text":["a "," c"],"#order":"#text b #text","b":[{"#text":"x"}]}}"##
        );
    }

    #[test]
    fn spelling_does_not_matter() {
        let plain = shape("<a x='1' y='&lt;2'><b>c &amp; d</b><e/></a>").unwrap();
        for other in [
            "<?xml version='1.0'?><!DOCTYPE a>\n<a y=\"&#60;2\" x=\"1\" >\n  <b>c<!-- - --> &#x26; d</b>\n  <e></e>\n</a>\n",
            "<a x='1' y='&lt;2'><b><![CDATA[c & d]]></b><?pi?><e   /></a>",
        ] {
            assert_eq!(shape(other).unwrap(), plain, "{other}");
        }
    }

    #[test]
    fn namespaces_count_and_prefixes_do_not() {
        let plain = shape("<s:a xmlns:s='urn:s' s:k='1'><s:b/></s:a>").unwrap();
        assert_eq!(plain, r#"{"a":{"@xmlns":"urn:s","@{urn:s}k":"1","b":[{}]}}"#);
        assert_eq!(shape("<a xmlns='urn:s' xmlns:t='urn:s' t:k='1'><t:b></t:b></a>").unwrap(), plain);
        assert_ne!(shape("<a xmlns='urn:t' xmlns:t='urn:s' t:k='1'><t:b/></a>").unwrap(), plain);
    }

    #[test]
    fn what_is_no_xml_is_told() {
        for text in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<a>&nbsp;</a>",
            "<a x=1/>",
            "<a x='1' x='2'/>",
            "<p:a/>",
            "{}",
        ] {
            assert!(matches!(shape(text), Err(NotRead::Malformed { .. })), "{text}: {:?}", shape(text));
        }
    }

    #[test]
    fn declared_entities_are_not_resolved() {
        let bomb = "<!DOCTYPE a [<!ENTITY x 'y'><!ENTITY f SYSTEM 'file:///etc/passwd'>]><a>&x;&f;</a>";
        assert!(matches!(shape(bomb), Err(NotRead::Malformed { .. })));
    }

    #[test]
    fn deep_nesting_is_too_deep() {
        assert_eq!(shape(&"<a>".repeat(100_000)), Err(NotRead::Unknown(Unknown::TooDeep)));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[<>/a-c='\"!\\[\\]?&;: \n-]{0,60}") {
            let _ = shape(&text);
        }
    }
}
