//! Exit codes: the one table from what went wrong to the number that scripts see.

use star_client::{Class, ClientError};
use star_wire::ErrorCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// What was asked for is done.
    Ok = 0,
    /// A fault that nobody expected.
    Unexpected = 1,
    /// The command or what it was given is wrong.
    Usage = 2,
    /// What was named is not there.
    NotFound = 3,
    /// No key, or one that is not valid.
    LoginNeeded = 4,
    /// The key does not allow it.
    Denied = 5,
    /// Things are not in the state that the command expects.
    Conflict = 6,
    /// A quota or limit is exceeded.
    Limit = 7,
    /// Nobody answers, or not in time.
    Unavailable = 8,
    /// Some of it was done and some was not.
    Partial = 9,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// All of them, in the order of their numbers.
    #[cfg(test)]
    pub(crate) const ALL: [Exit; 11] = [
        Exit::Ok,
        Exit::Unexpected,
        Exit::Usage,
        Exit::NotFound,
        Exit::LoginNeeded,
        Exit::Denied,
        Exit::Conflict,
        Exit::Limit,
        Exit::Unavailable,
        Exit::Partial,
        Exit::Interrupted,
    ];

    /// The number.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    /// The exit code of an error that has a code.
    pub(crate) fn of(code: ErrorCode) -> Exit {
        match code {
            ErrorCode::Internal | ErrorCode::IncompleteUpload => Exit::Unexpected,
            ErrorCode::LoginNeeded => Exit::LoginNeeded,
            ErrorCode::Expired => Exit::Unavailable,
            // These two are limits that the bind of a mechtron sets; its other faults are its own.
            ErrorCode::MechtronTimeout | ErrorCode::MechtronMemory => Exit::Limit,
            other => match other.number() / 100 {
                1 => Exit::Usage,
                2 => Exit::Denied,
                3 => Exit::NotFound,
                4 => Exit::Conflict,
                5 => Exit::Limit,
                6 => Exit::Unavailable,
                _ => Exit::Unexpected,
            },
        }
    }

    /// The exit code of an error of the client.
    pub(crate) fn of_client(error: &ClientError) -> Exit {
        let code = error.detail().and_then(|detail| ErrorCode::parse(&detail.code));
        match code {
            Some(code) => Exit::of(code),
            None => Exit::of_class(error.class()),
        }
    }

    fn of_class(class: Class) -> Exit {
        match class {
            Class::Invalid => Exit::Usage,
            Class::LoginNeeded => Exit::LoginNeeded,
            Class::Denied => Exit::Denied,
            Class::NotFound => Exit::NotFound,
            Class::Conflict => Exit::Conflict,
            Class::Limit => Exit::Limit,
            Class::Unavailable => Exit::Unavailable,
            Class::Unexpected => Exit::Unexpected,
        }
    }

    /// The exit code of a reply whose code says, in the manner of HTTP, that it is no success.
    pub(crate) fn of_reply(code: u32) -> Exit {
        match code {
            0..=399 => Exit::Ok,
            400 | 405 | 415 | 422 => Exit::Usage,
            401 => Exit::LoginNeeded,
            403 => Exit::Denied,
            404 | 410 => Exit::NotFound,
            409 | 412 => Exit::Conflict,
            413 | 429 | 507 => Exit::Limit,
            408 | 502..=504 => Exit::Unavailable,
            _ => Exit::Unexpected,
        }
    }

    /// What the number says, in a few words.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "done",
            Exit::Unexpected => "unexpected",
            Exit::Usage => "usage",
            Exit::NotFound => "not found",
            Exit::LoginNeeded => "login needed",
            Exit::Denied => "denied",
            Exit::Conflict => "conflict",
            Exit::Limit => "quota or limit",
            Exit::Unavailable => "unreachable or timeout",
            Exit::Partial => "partial failure",
            Exit::Interrupted => "interrupted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_exit_code_of_its_family() {
        for (code, exit) in [
            (ErrorCode::Internal, 1),
            (ErrorCode::MalformedPath, 2),
            (ErrorCode::UnknownKind, 2),
            (ErrorCode::InvalidRoutes, 2),
            (ErrorCode::InvalidMessage, 2),
            (ErrorCode::InvalidBundle, 2),
            (ErrorCode::InvalidComponent, 2),
            (ErrorCode::UnknownRemote, 2),
            (ErrorCode::LoginNeeded, 4),
            (ErrorCode::Denied, 5),
            (ErrorCode::CallNotGranted, 5),
            (ErrorCode::NotFound, 3),
            (ErrorCode::ParentNotFound, 3),
            (ErrorCode::VersionNotFound, 3),
            (ErrorCode::PropertyNotSet, 3),
            (ErrorCode::AlreadyExists, 6),
            (ErrorCode::VersionExists, 6),
            (ErrorCode::NotEmpty, 6),
            (ErrorCode::WrongParent, 6),
            (ErrorCode::TooLarge, 7),
            (ErrorCode::DiskFull, 7),
            (ErrorCode::Expired, 8),
            (ErrorCode::TimedOut, 8),
            (ErrorCode::Unavailable, 8),
            (ErrorCode::MechtronTrapped, 1),
            (ErrorCode::MechtronTimeout, 7),
            (ErrorCode::MechtronMemory, 7),
            (ErrorCode::Corrupt, 1),
        ] {
            assert_eq!(Exit::of(code).number(), exit, "{code:?}");
        }
    }

    #[test]
    fn no_error_looks_like_a_success() {
        for code in ErrorCode::ALL {
            assert_ne!(Exit::of(*code), Exit::Ok, "{code:?}");
        }
        for code in 400..600 {
            assert_ne!(Exit::of_reply(code), Exit::Ok, "{code}");
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_documentation() {
        let numbers: Vec<u8> = Exit::ALL.iter().map(|exit| exit.number()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130]);
        assert!(Exit::ALL.iter().all(|exit| !exit.meaning().is_empty()));
    }
}
