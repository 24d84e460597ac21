//! The registration form, checked field by field.

use std::fmt;

use crate::model::governance::LinkSecret;
use crate::model::{Name, NameError, Profile, Secret, Text};

use super::opaque::{NOT_TEXT, opaque};

/// The shortest password, in bytes.
pub const MIN_PASSWORD_BYTES: usize = 8;
/// The longest password, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;
/// The longest first or last name, in characters.
const MAX_PERSONAL_NAME: usize = 100;
/// The longest e-mail address, in bytes, and the part before the `@`.
const MAX_EMAIL: usize = 254;
const MAX_MAILBOX: usize = 64;
/// Digits of a telephone number.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;
/// The longest telephone number, in characters of any kind.
const MAX_PHONE: usize = 32;

/// How long a password may be, in bytes of UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordLengths {
    /// The fewest bytes.
    pub least: usize,
    /// The most bytes.
    pub most: usize,
}

impl Default for PasswordLengths {
    fn default() -> PasswordLengths {
        PasswordLengths {
            least: MIN_PASSWORD_BYTES,
            most: MAX_PASSWORD_BYTES,
        }
    }
}

/// A form as the client sent it.
#[derive(Clone, Copy, Default)]
pub struct RegistrationForm<'a> {
    /// First name.
    pub first_name: &'a str,
    /// Last name.
    pub last_name: &'a str,
    /// Username.
    pub username: &'a str,
    /// Password.
    pub password: &'a str,
    /// E-mail address.
    pub email: &'a str,
    /// Telephone number.
    pub phone: &'a str,
    /// An invitation to register, or its link; may be empty.
    pub invitation: &'a str,
}

/// What the owner of an account changes of what they have said about themselves: `None` stays as
/// it is, an empty text is taken away.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProfileForm<'a> {
    /// First name.
    pub first_name: Option<&'a str>,
    /// Last name.
    pub last_name: Option<&'a str>,
    /// E-mail address.
    pub email: Option<&'a str>,
    /// Telephone number.
    pub phone: Option<&'a str>,
}

/// A form without mistakes.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Username.
    pub username: Name,
    /// Password.
    pub password: Secret,
    /// First name; may be empty.
    pub first_name: String,
    /// Last name; may be empty.
    pub last_name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Whether the address and number must not belong to another account.
    pub unique_contacts: bool,
    /// An invitation, for a server where not everyone may register.
    pub invitation: Option<LinkSecret>,
}

/// What is wrong with a field; `Display` is for the person who filled it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// It is empty or missing.
    Missing,
    /// It is a username that breaks a rule.
    Name(NameError),
    /// It has fewer bytes than this.
    TooShort(usize),
    /// It has more characters than this.
    TooLong(usize),
    /// It has more bytes than this.
    TooManyBytes(usize),
    /// It is a password with a control character.
    ControlCharacter,
    /// It is a password that was not valid UTF-8.
    NotText,
    /// It is not an e-mail address.
    NotAnEmail,
    /// It is not a telephone number.
    NotAPhone,
    /// It is not an invitation.
    NotAnInvitation,
}

/// The fields with mistakes, in the form's order, each once.
pub type FormErrors = Vec<(&'static str, FieldError)>;

impl RegistrationForm<'_> {
    /// Checks all fields; none may be empty.
    pub fn check(&self, lengths: PasswordLengths) -> Result<Registration, FormErrors> {
        let mut errors = FormErrors::new();
        let first_name = keep("first_name", personal_name(self.first_name), &mut errors);
        let last_name = keep("last_name", personal_name(self.last_name), &mut errors);
        let username = keep("username", username(self.username), &mut errors);
        let password = keep(
            "password",
            check_password(self.password, lengths),
            &mut errors,
        );
        let email = keep("email", email(self.email), &mut errors);
        let phone = keep("phone", phone(self.phone), &mut errors);
        let invitation = keep("invitation", invitation(self.invitation), &mut errors);
        match (
            first_name, last_name, username, password, email, phone, invitation,
        ) {
            (
                Some(first_name),
                Some(last_name),
                Some(username),
                Some(password),
                Some(email),
                Some(phone),
                Some(invitation),
            ) => Ok(Registration {
                username,
                password,
                first_name,
                last_name,
                email: Some(email),
                phone: Some(phone),
                unique_contacts: true,
                invitation,
            }),
            _ => Err(errors),
        }
    }
}

impl ProfileForm<'_> {
    /// Checks the fields that are given, and changes these.
    pub fn applied_to(&self, before: Profile) -> Result<Profile, FormErrors> {
        let mut errors = FormErrors::new();
        let after = Profile {
            first_name: changed(
                ("first_name", self.first_name, personal_name),
                before.first_name,
                &mut errors,
            ),
            last_name: changed(
                ("last_name", self.last_name, personal_name),
                before.last_name,
                &mut errors,
            ),
            email: changed(("email", self.email, email), before.email, &mut errors),
            phone: changed(("phone", self.phone, phone), before.phone, &mut errors),
        };
        match errors.is_empty() {
            true => Ok(after),
            false => Err(errors),
        }
    }
}

/// The check of one field.
type Check = fn(&str) -> Result<String, FieldError>;

/// The checked value of a field, nothing if it is empty, or the one `before` if none is given.
fn changed<T: Default + From<String>>(
    (field, given, check): (&'static str, Option<&str>, Check),
    before: T,
    errors: &mut FormErrors,
) -> T {
    match given.map(check) {
        None => before,
        Some(Ok(value)) => T::from(value),
        Some(Err(FieldError::Missing)) => T::default(),
        Some(Err(error)) => {
            errors.push((field, error));
            before
        }
    }
}

impl RegistrationForm<'_> {
    /// Checks all fields; only username and password are required. Address and number need not be
    /// unique, so the answer never reveals whether another account has them.
    pub fn check_short(&self, lengths: PasswordLengths) -> Result<Registration, FormErrors> {
        let mut errors = FormErrors::new();
        let optional = |result| match result {
            Err(FieldError::Missing) => Ok(None),
            other => other.map(Some),
        };
        let first_name = optional(personal_name(self.first_name));
        let first_name = keep("first_name", first_name, &mut errors);
        let last_name = optional(personal_name(self.last_name));
        let last_name = keep("last_name", last_name, &mut errors);
        let username = keep("username", username(self.username), &mut errors);
        let password = keep(
            "password",
            check_password(self.password, lengths),
            &mut errors,
        );
        let email = keep("email", optional(email(self.email)), &mut errors);
        let phone = keep("phone", optional(phone(self.phone)), &mut errors);
        let invitation = keep("invitation", invitation(self.invitation), &mut errors);
        match (username, password) {
            (Some(username), Some(password)) if errors.is_empty() => Ok(Registration {
                first_name: first_name.flatten().unwrap_or_default(),
                last_name: last_name.flatten().unwrap_or_default(),
                email: email.flatten(),
                phone: phone.flatten(),
                invitation: invitation.flatten(),
                ..Registration::short(username, password)
            }),
            _ => Err(errors),
        }
    }
}

impl Registration {
    /// A form with only a nickname and a password.
    pub fn short(username: Name, password: Secret) -> Registration {
        Registration {
            username,
            password,
            first_name: String::new(),
            last_name: String::new(),
            email: None,
            phone: None,
            unique_contacts: false,
            invitation: None,
        }
    }
}

fn keep<T>(
    field: &'static str,
    result: Result<T, FieldError>,
    errors: &mut FormErrors,
) -> Option<T> {
    result.map_err(|error| errors.push((field, error))).ok()
}

fn username(raw: &str) -> Result<Name, FieldError> {
    let name = Name::parse_nickname(raw.trim()).map_err(|error| match error {
        NameError::Empty => FieldError::Missing,
        other => FieldError::Name(other),
    })?;
    match name.is_title() {
        true => Err(FieldError::Name(NameError::Reserved)),
        false => Ok(name),
    }
}

/// Checks a new password and returns it in the form to be hashed.
pub fn check_password(raw: &str, lengths: PasswordLengths) -> Result<Secret, FieldError> {
    let PasswordLengths { least, most } = lengths;
    if raw.len() > most {
        return Err(FieldError::TooManyBytes(most));
    }
    let opaque = opaque(raw).ok_or(FieldError::NotText)?;
    // RFC 8265 has none; nor could they be typed everywhere.
    if raw.contains(char::is_control) {
        return Err(FieldError::ControlCharacter);
    }
    match opaque.expose().len() {
        0 => Err(FieldError::Missing),
        n if n < least => Err(FieldError::TooShort(least)),
        _ => Ok(opaque),
    }
}

fn personal_name(raw: &str) -> Result<String, FieldError> {
    if raw.chars().count() > MAX_PERSONAL_NAME {
        return Err(FieldError::TooLong(MAX_PERSONAL_NAME));
    }
    let clean = Text::one_line(raw);
    match clean.as_str().trim() {
        "" => Err(FieldError::Missing),
        name => Ok(name.to_owned()),
    }
}

/// Checks the form only: whether an address exists, only sending a message can tell.
/// An e-mail address, if it is one.
pub(super) fn checked_email(raw: &str) -> Option<String> {
    email(raw).ok()
}

fn email(raw: &str) -> Result<String, FieldError> {
    let raw = raw.trim();
    if raw.is_empty() {
        return Err(FieldError::Missing);
    }
    if raw.len() > MAX_EMAIL {
        return Err(FieldError::TooManyBytes(MAX_EMAIL));
    }
    let (mailbox, domain) = raw.rsplit_once('@').ok_or(FieldError::NotAnEmail)?;
    let shown = |c: char| !c.is_whitespace() && !c.is_control() && !"@<>,;:\\\"()[]".contains(c);
    let label = |label: &str| {
        let inner = |c: char| c.is_alphanumeric() || c == '-';
        !label.is_empty() && label.chars().all(inner)
    };
    let is_email = (1..=MAX_MAILBOX).contains(&mailbox.len())
        && mailbox.chars().all(shown)
        && domain.split('.').all(label);
    is_email
        .then(|| raw.to_owned())
        .ok_or(FieldError::NotAnEmail)
}

/// An invitation, or the link that ends in one.
fn invitation(raw: &str) -> Result<Option<LinkSecret>, FieldError> {
    let raw = raw.trim();
    if raw.is_empty() {
        return Ok(None);
    }
    let secret = raw.rsplit(['=', '#']).next().and_then(LinkSecret::parse);
    secret.map(Some).ok_or(FieldError::NotAnInvitation)
}

fn phone(raw: &str) -> Result<String, FieldError> {
    let raw = raw.trim();
    if raw.is_empty() {
        return Err(FieldError::Missing);
    }
    let rest = raw.strip_prefix('+').unwrap_or(raw);
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    let is_phone = raw.len() <= MAX_PHONE
        && PHONE_DIGITS.contains(&digits)
        && rest
            .chars()
            .all(|c| c.is_ascii_digit() || " -./()".contains(c));
    is_phone
        .then(|| raw.to_owned())
        .ok_or(FieldError::NotAPhone)
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldError::Missing => write!(f, "is required"),
            FieldError::Name(error) => error.fmt(f),
            FieldError::TooShort(least) => write!(f, "has at least {least} bytes"),
            FieldError::TooLong(most) => write!(f, "has at most {most} characters"),
            FieldError::TooManyBytes(most) => write!(f, "has at most {most} bytes"),
            FieldError::ControlCharacter => write!(
                f,
                "has no control characters, such as NUL, tabs or ends of lines"
            ),
            FieldError::NotText => f.write_str(NOT_TEXT),
            FieldError::NotAnEmail => write!(f, "is not an e-mail address"),
            FieldError::NotAPhone => write!(f, "is not a telephone number"),
            FieldError::NotAnInvitation => write!(f, "is not an invitation"),
        }
    }
}

impl std::error::Error for FieldError {}

/// Leaves out the password.
impl fmt::Debug for RegistrationForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrationForm")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: RegistrationForm<'static> = RegistrationForm {
        first_name: " Mina ",
        last_name: "Müller-Lüdenscheidt",
        username: "mina",
        password: "longenough",
        email: "Mina.M+chat@example.org",
        phone: "+49 (170) 123-456",
        invitation: "",
    };

    #[test]
    fn a_good_form_is_taken_as_it_is() {
        let registration = GOOD.check(PasswordLengths::default()).unwrap();
        assert_eq!(registration.first_name, "Mina");
        assert_eq!(
            registration.email.as_deref(),
            Some("Mina.M+chat@example.org")
        );
        assert_eq!(registration.phone.as_deref(), Some("+49 (170) 123-456"));
        let shown = format!("{GOOD:?} {registration:?}");
        assert!(!shown.contains("longenough"));
    }

    #[test]
    fn every_mistake_is_named_once() {
        let empty = RegistrationForm::default()
            .check(PasswordLengths::default())
            .unwrap_err();
        let all = [
            "first_name",
            "last_name",
            "username",
            "password",
            "email",
            "phone",
        ];
        assert_eq!(empty, all.map(|field| (field, FieldError::Missing)));
        let two = RegistrationForm {
            username: "9lives",
            password: "1234567",
            ..GOOD
        };
        assert_eq!(
            two.check(PasswordLengths::default()).unwrap_err(),
            [
                ("username", FieldError::Name(NameError::BadStart('9'))),
                ("password", FieldError::TooShort(8)),
            ]
        );
    }

    #[test]
    fn a_short_form_needs_a_name_and_a_password() {
        let short = RegistrationForm {
            username: "mina",
            password: "longenough",
            ..RegistrationForm::default()
        };
        let registration = short.check_short(PasswordLengths::default()).unwrap();
        assert_eq!((registration.email, registration.phone), (None, None));
        assert!(!registration.unique_contacts);
        let full = GOOD.check_short(PasswordLengths::default()).unwrap();
        assert_eq!(full.first_name, "Mina");
        assert_eq!(full.phone.as_deref(), Some("+49 (170) 123-456"));
        let wrong = RegistrationForm {
            email: "a",
            password: "",
            ..GOOD
        };
        assert_eq!(
            wrong.check_short(PasswordLengths::default()).unwrap_err(),
            [
                ("password", FieldError::Missing),
                ("email", FieldError::NotAnEmail),
            ]
        );
    }

    #[test]
    fn passwords_have_between_8_and_1024_bytes() {
        assert!(check_password("12345678", PasswordLengths::default()).is_ok());
        assert!(check_password(&"x".repeat(1024), PasswordLengths::default()).is_ok());
        let long = check_password(&"x".repeat(1025), PasswordLengths::default());
        assert_eq!(long, Err(FieldError::TooManyBytes(1024)));
        assert_eq!(
            check_password("ääää", PasswordLengths::default()),
            Ok(Secret::new("ääää"))
        );
        assert_eq!(
            check_password("a\u{308}\u{e4}ää", PasswordLengths::default()),
            Ok(Secret::new("ääää"))
        );
        let lost = check_password(&"\u{fffd}".repeat(8), PasswordLengths::default());
        assert_eq!(lost, Err(FieldError::NotText));
    }

    #[test]
    fn shapes_of_addresses_and_numbers() {
        for good in ["a@b.org", "a.b_c@x", "ü@exämple.org", " a@b.org "] {
            assert_eq!(email(good).as_deref(), Ok(good.trim()));
        }
        let long = format!("{}@b.org", "a".repeat(65));
        for bad in [
            "a", "@b", "a@", "a@b..c", "a b@c", "a@b@c", "a@b c", "a\n@b", &long,
        ] {
            assert_eq!(email(bad), Err(FieldError::NotAnEmail), "{bad:?}");
        }
        for good in ["12345", "+1 555 0100", "0170/1234-56"] {
            assert_eq!(phone(good).as_deref(), Ok(good));
        }
        for bad in ["1234", "phone", "1+2345", "1234567890123456", "12345\n6"] {
            assert_eq!(phone(bad), Err(FieldError::NotAPhone), "{bad:?}");
        }
    }

    #[test]
    fn personal_names_are_one_clean_line() {
        assert_eq!(personal_name("A\x1b[2J\nB").as_deref(), Ok("A[2J B"));
        assert_eq!(personal_name(" \u{202e} "), Err(FieldError::Missing));
        let long = personal_name(&"x".repeat(101));
        assert_eq!(long, Err(FieldError::TooLong(100)));
    }
}
