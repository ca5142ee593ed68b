//! What a plain scalar means: the YAML 1.2 core schema. `yes`, `no`, `on` and `off` are text.

/// The meaning of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Resolved {
    /// `null`, `~`, or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer or a decimal fraction.
    Number,
    /// Anything else, and whatever is quoted.
    Text,
}

/// The meaning of a plain scalar.
pub(in crate::config) fn resolve(plain: &str) -> Resolved {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "true" | "True" | "TRUE" => Resolved::Bool(true),
        "false" | "False" | "FALSE" => Resolved::Bool(false),
        _ if is_number(plain) => Resolved::Number,
        _ => Resolved::Text,
    }
}

fn is_number(text: &str) -> bool {
    if let Some(digits) = text.strip_prefix("0x") {
        return !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return !digits.is_empty() && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_mean_what_yaml_1_2_says() {
        for null in ["", "~", "null", "NULL"] {
            assert_eq!(resolve(null), Resolved::Null, "{null}");
        }
        for number in
            ["0", "-1", "+12", "1.5", ".5", "1.", "1e3", "1.5E-3", "0x1F", "0o17", ".inf", "-.inf", ".nan", "007"]
        {
            assert_eq!(resolve(number), Resolved::Number, "{number}");
        }
        for text in ["yes", "no", "on", "off", "1.2.3", "5%", "1_000", "0x", "e3", ".", "-", "10s", "1e", "nan", "inf"]
        {
            assert_eq!(resolve(text), Resolved::Text, "{text}");
        }
        assert_eq!(resolve("true"), Resolved::Bool(true));
        assert_eq!(resolve("False"), Resolved::Bool(false));
    }
}
