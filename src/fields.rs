//! The fields of a request's head, in one piece of memory.
//!
//! A request that passes is looked into for a few fields and written down again. So its fields stay where they were read; a list
//! says where each begins and ends. That is a fraction of the memory of a map of headers, and of the work of filling one.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The fields of a request's head, in the order of the head. Names are in lower case, and all is well-formed (RFC 9110 section 5).
#[derive(Clone, Default)]
pub struct Fields {
    text: Bytes,
    places: Vec<Place>,
}

/// Where one field is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where its name begins, and behind its end.
    pub name: (u32, u32),
    /// Where its value begins, and behind its end.
    pub value: (u32, u32),
}

/// The fields that are there: the text may hold others, which were taken away.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy;
        f.debug_list().entries(self.iter().map(|(name, value)| (text(name), text(value)))).finish()
    }
}

impl Fields {
    /// Fields within this text. The caller has made sure that names are in lower case and that both names and values are sound; a
    /// place outside of the text is an empty one.
    #[must_use]
    pub fn new(text: Bytes, places: Vec<Place>) -> Fields {
        Fields { text, places }
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.places.iter().map(|place| (at(&self.text, place.name), at(&self.text, place.value)))
    }

    /// The names, in order; one as often as it was sent.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|place| at(&self.text, place.name))
    }

    /// All values of a name, in order.
    pub fn get_all<'f>(&'f self, name: &HeaderName) -> impl Iterator<Item = &'f [u8]> {
        let wanted = name.as_str().as_bytes();
        self.iter().filter(move |(name, _)| *name == wanted).map(|(_, value)| value)
    }

    /// The first value of a name.
    #[must_use]
    pub fn get(&self, name: &HeaderName) -> Option<&[u8]> {
        self.first(name).map(|place| at(&self.text, place.value))
    }

    /// The value of a name that was sent once.
    #[must_use]
    pub fn only(&self, name: &HeaderName) -> Option<&[u8]> {
        let mut values = self.get_all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.first(name).is_some()
    }

    /// The first value of a name as one of its own, which shares the memory.
    #[must_use]
    pub fn shared(&self, name: &HeaderName) -> Option<HeaderValue> {
        self.first(name).and_then(|place| self.value(place))
    }

    /// Not inlined: a request's fields are asked a dozen times, and between two requests the processor's cache has forgotten all.
    #[inline(never)]
    fn first(&self, name: &HeaderName) -> Option<&Place> {
        let name = name.as_str().as_bytes();
        self.places.iter().find(|place| at(&self.text, place.name) == name)
    }

    /// Keeps the fields whose names say so.
    pub fn retain(&mut self, mut keeps: impl FnMut(&[u8]) -> bool) {
        let text = &self.text;
        self.places.retain(|place| keeps(at(text, place.name)));
    }

    /// Takes all of a name away.
    pub fn remove(&mut self, name: &HeaderName) {
        self.retain(|other| other != name.as_str().as_bytes());
    }

    /// The same as a map.
    #[must_use]
    pub fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.places.len());
        for place in &self.places {
            if let (Ok(name), Some(value)) = (HeaderName::from_bytes(at(&self.text, place.name)), self.value(place)) {
                map.append(name, value);
            }
        }
        map
    }

    fn value(&self, place: &Place) -> Option<HeaderValue> {
        let (start, end) = (place.value.0 as usize, place.value.1 as usize);
        let inside = start <= end && end <= self.text.len();
        HeaderValue::from_maybe_shared(if inside { self.text.slice(start..end) } else { Bytes::new() }).ok()
    }
}

/// A visible ASCII text, which most values are.
#[must_use]
pub fn text(value: &[u8]) -> Option<&str> {
    let is_visible = value.iter().all(|&byte| (0x20..0x7f).contains(&byte) || byte == b'\t');
    std::str::from_utf8(value).ok().filter(|_| is_visible)
}

impl From<&HeaderMap> for Fields {
    fn from(map: &HeaderMap) -> Fields {
        let mut text = Vec::with_capacity(map.iter().map(|(name, value)| name.as_str().len() + value.len()).sum());
        let mut put = |part: &[u8]| {
            let start = text.len() as u32;
            text.extend_from_slice(part);
            (start, text.len() as u32)
        };
        let mut places = Vec::with_capacity(map.len());
        for (name, value) in map {
            places.push(Place { name: put(name.as_str().as_bytes()), value: put(value.as_bytes()) });
        }
        Fields { text: text.into(), places }
    }
}

impl From<HeaderMap> for Fields {
    fn from(map: HeaderMap) -> Fields {
        Fields::from(&map)
    }
}

fn at(text: &[u8], (start, end): (u32, u32)) -> &[u8] {
    text.get(start as usize..end as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, COOKIE};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_found_by_name_and_in_order() {
        let mut map = HeaderMap::new();
        for (name, value) in [(COOKIE, "a=1"), (ACCEPT, "*/*"), (COOKIE, "b=2")] {
            map.append(name, HeaderValue::from_static(value));
        }
        let mut fields = Fields::from(&map);
        assert_eq!(fields.get_all(&COOKIE).collect::<Vec<_>>(), [b"a=1", b"b=2"]);
        assert_eq!((fields.only(&COOKIE), fields.only(&ACCEPT)), (None, Some(&b"*/*"[..])));
        assert_eq!(fields.shared(&ACCEPT).unwrap(), "*/*");
        assert_eq!(fields.shared(&COOKIE).unwrap(), "a=1");
        fields.remove(&COOKIE);
        assert_eq!(fields.iter().collect::<Vec<_>>(), [(&b"accept"[..], &b"*/*"[..])]);
        assert!(!fields.contains(&COOKIE) && fields.contains(&ACCEPT));
    }

    #[test]
    fn a_place_outside_of_the_text_is_empty() {
        let fields = Fields::new(Bytes::from_static(b"a1"), vec![Place { name: (0, 1), value: (2, 9) }]);
        assert_eq!(fields.iter().collect::<Vec<_>>(), [(&b"a"[..], &b""[..])]);
        assert_eq!(fields.to_map()["a"], "");
    }

    proptest! {
        #[test]
        fn a_map_comes_back(fields in proptest::collection::vec(("[a-z][a-z-]{0,10}", "[!-~]{0,10}"), 0..12)) {
            let mut map = HeaderMap::new();
            for (name, value) in &fields {
                map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
            }
            prop_assert_eq!(Fields::from(&map).to_map(), map);
        }

        #[test]
        fn text_is_what_a_value_calls_text(value in proptest::collection::vec(any::<u8>(), 0..12)) {
            let known = HeaderValue::from_bytes(&value).ok();
            let known = known.as_ref().and_then(|value| value.to_str().ok());
            prop_assert_eq!(text(&value).filter(|_| HeaderValue::from_bytes(&value).is_ok()), known);
        }
    }
}
