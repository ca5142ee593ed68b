//! Which names hold secrets.
//!
//! Names are compared without case and without anything but letters and digits, so `access_token`, `Access-Token` and
//! `accessToken` are one. Too much hidden costs a look at the backend's own log; too little cannot be taken back.

/// A name that has one of these anywhere in it is secret.
const PARTS: [&str; 20] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "authorization",
    "credential",
    "signature",
    "cardnumber",
    "creditcard",
    "cvv",
    "cvc",
    "csrf",
    "xsrf",
];

/// A name, or one of the parts between its dots, brackets and colons, that is one of these is secret.
const WHOLE: [&str; 28] = [
    "pwd",
    "pass",
    "auth",
    "otp",
    "totp",
    "mfacode",
    "pin",
    "pincode",
    "ssn",
    "socialsecuritynumber",
    "sid",
    "sig",
    "hmac",
    "jwt",
    "assertion",
    "samlresponse",
    "samlrequest",
    "bearer",
    "session",
    "sessionid",
    "sessionkey",
    "jsessionid",
    "phpsessid",
    "aspsessionid",
    "codeverifier",
    "userpass",
    "sharedkey",
    "accountkey",
];

/// A header that has one of these anywhere in its name is secret.
const HEADER_PARTS: [&str; 3] = ["session", "xauth", "authenticationinfo"];

/// Headers that are secret beside those.
const HEADERS: [&str; 4] = ["cookie", "setcookie", "cookie2", "setcookie2"];

/// Whether a query parameter, form field, JSON member, XML element or attribute of this name is secret by default.
/// These are:
///
/// - whatever has `password`, `passwd`, `passphrase`, `passcode`, `secret`, `token`, `api_key`, `access_key`,
///   `private_key`, `signing_key`, `encryption_key`, `authorization`, `credential`, `signature`, `card_number`,
///   `credit_card`, `cvv`, `cvc`, `csrf` or `xsrf` in its name;
/// - what is called `pwd`, `pass`, `auth`, `otp`, `totp`, `mfa_code`, `pin`, `pin_code`, `ssn`, `social_security_number`,
///   `sid`, `sig`, `hmac`, `jwt`, `assertion`, `SAMLResponse`, `SAMLRequest`, `bearer`, `session`, `session_id`,
///   `session_key`, `JSESSIONID`, `PHPSESSID`, `ASPSESSIONID`, `code_verifier`, `user_pass`, `shared_key` or
///   `account_key`, alone or between dots, brackets or colons: `user[pin]`, `wsse:pass`.
///
/// Case, dashes and underscores do not matter.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    // The shortest secret name has three letters.
    if name.len() < 3 {
        return false;
    }
    let plain = plain(name);
    PARTS.iter().any(|part| plain.contains(part))
        || WHOLE.contains(&plain.as_str())
        || (name.contains(['.', '[', ':'])
            && name.split(['.', '[', ']', ':']).any(|part| WHOLE.contains(&self::plain(part).as_str())))
}

/// Whether a header of this name is secret by default: `Authorization`, `Proxy-Authorization`, `Cookie`, `Set-Cookie`,
/// `Authentication-Info`, `X-Auth-…`, what has `session` in its name, and what [`is_secret_name`] says.
#[must_use]
pub fn is_secret_header(name: &str) -> bool {
    let plain = plain(name);
    HEADERS.contains(&plain.as_str()) || HEADER_PARTS.iter().any(|part| plain.contains(part)) || is_secret_name(name)
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|character| character.is_alphanumeric())
        .map(|character| character.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in [
            "password",
            "Password",
            "PASSWD",
            "pwd",
            "user_password",
            "newPassword",
            "secret",
            "client-secret",
            "token",
            "access_token",
            "refreshToken",
            "id_token",
            "api_key",
            "ApiKey",
            "X-Api-Key",
            "authorization",
            "credentials",
            "private_key",
            "X-Amz-Signature",
            "otp",
            "pin",
            "ssn",
            "cvv2",
            "card_number",
            "cardNumber",
            "user[pin]",
            "@password",
            "wsse:Pass",
            "JSESSIONID",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn everyday_names_are_shown() {
        for name in
            ["id", "name", "shipping", "author", "className", "compass", "pinned", "email", "key", "total", "", "side"]
        {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn headers_that_carry_secrets_are_known() {
        for name in [
            "authorization",
            "Proxy-Authorization",
            "cookie",
            "set-cookie",
            "x-api-key",
            "api-key",
            "x-auth-token",
            "x-auth-request-user",
            "x-csrf",
            "banyan-secret",
            "x-amz-security-token",
            "x-session-id",
            "x-vault-password",
        ] {
            assert!(is_secret_header(name), "{name}");
        }
        for name in ["content-type", "location", "etag", "x-request-id", "accept", "www-authenticate"] {
            assert!(!is_secret_header(name), "{name}");
        }
    }
}
