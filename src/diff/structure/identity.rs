//! Names of members by which people tell things of a kind apart.

/// How many such members of an object are tried.
pub(super) const MOST: usize = 3;

const NAMES: [&str; 12] = ["id", "uuid", "guid", "key", "sku", "code", "slug", "number", "ref", "href", "url", "name"];

/// How well a member of this name tells things apart, 0 best; `None`, if it is not known to.
pub(super) fn rank(name: &str) -> Option<usize> {
    let is = |known: &str| {
        let letters = name.chars().filter(|what| what.is_alphanumeric()).map(|what| what.to_ascii_lowercase());
        letters.eq(known.chars())
    };
    let of_something = ["Id", "ID", "_id", "-id"].into_iter().any(|end| name.ends_with(end));
    NAMES.into_iter().position(is).or(of_something.then_some(NAMES.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_known_by_their_names() {
        assert_eq!(rank("id"), Some(0));
        assert_eq!(rank("@id"), Some(0));
        assert_eq!(rank("_ID"), Some(0));
        assert!(rank("orderId").is_some() && rank("order_id").is_some() && rank("Name").is_some());
        assert_eq!((rank("paid"), rank("price"), rank("")), (None, None, None));
    }
}
