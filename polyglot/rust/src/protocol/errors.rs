//! Every error that a person or a program can receive: one code each, with what the reader can do about it.
//!
//! A peer's fault becomes a `Fault`, travels as an ERROR message and never panics inside a core.
use std::fmt;

macro_rules! codes {
    ($($variant:ident $text:literal $remedy:literal;)*) => {
        /// The closed set of codes; `remedy` says what to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $(#[doc = $remedy] $variant,)* }

        impl ErrorCode {
            /// All of them, in the catalogue's order.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant,)*];

            /// As it travels, `E_RANGE`.
            pub fn text(self) -> &'static str {
                match self { $(ErrorCode::$variant => $text,)* }
            }

            /// What the reader can do.
            pub fn remedy(self) -> &'static str {
                match self { $(ErrorCode::$variant => $remedy,)* }
            }
        }
    };
}

codes! {
    NotFound "E_NOT_FOUND" "check the path";
    Directory "E_DIRECTORY" "name a file; -r takes all files of a folder";
    Access "E_ACCESS" "ask for read permission, or run as a user who has it";
    NotSeekable "E_NOT_SEEKABLE" "save it to a regular file first";
    OutsideRoots "E_OUTSIDE_ROOTS" "start the daemon with --root on a folder that holds the file";
    Io "E_IO" "the disk or file system failed; read the cause in the message";
    Changed "E_CHANGED" "let the writer finish, or name a --range that no longer changes";
    Range "E_RANGE" "choose a range inside the file";
    Cells "E_CELLS" "ask for fewer cells, or a larger --block";
    Param "E_PARAM" "correct the parameter; `binglide services` lists them";
    Usage "E_USAGE" "see --help";
    NoService "E_NO_SERVICE" "choose a service that is there; `binglide services` lists them";
    Service "E_SERVICE" "the fault is in the service, not in the request";
    Stalled "E_STALLED" "the service made no progress and was ended; try a smaller range or mend the service";
    Crashed "E_CRASHED" "a worker died on this piece three times; the message names it";
    Cancelled "E_CANCELLED" "the job was cancelled; the same request goes on from what is kept";
    Busy "E_BUSY" "the broker has as many jobs as it takes; wait for one to end";
    NoJob "E_NO_JOB" "no such job is running; `binglide jobs` lists them";
    NoBroker "E_NO_BROKER" "start one with `binglide up`, or leave --broker out";
    BrokerLost "E_BROKER_LOST" "the broker went away and did not come back; ask again";
    Expired "E_EXPIRED" "the answer is no longer kept; ask again";
    Internal "E_INTERNAL" "this is a bug of binglide: please report it with DEBUG=binglide:* set";
    Protocol "E_PROTOCOL" "the peer does not follow the specification; read protocol/BXMDPv2.md";
}

impl ErrorCode {
    /// The code of that text; none where the catalogue does not have it.
    pub fn of(text: &str) -> Option<ErrorCode> {
        ErrorCode::ALL.iter().copied().find(|code| code.text() == text)
    }
}

/// An error as it travels: `message` is one line that names the cause and, where it helps, the way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What kind, and so what to do.
    pub code: ErrorCode,
    /// One line.
    pub message: String,
    /// The job that it belongs to.
    pub job_id: Option<String>,
    /// The service that it belongs to.
    pub service: Option<String>,
    /// `[start, end)` in bytes, where the fault belongs to a piece of the input.
    pub range: Option<(u64, u64)>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code.text())
    }
}

impl std::error::Error for Fault {}

/// Shorthand: `Err(fail(ErrorCode::Range, "…"))`.
pub fn fail(code: ErrorCode, message: impl Into<String>) -> Fault {
    Fault { code, message: message.into(), job_id: None, service: None, range: None }
}

/// What a peer said that does not follow the specification: `name` is not `wanted`.
pub fn wrong(name: &str, wanted: &str) -> Fault {
    fail(ErrorCode::Protocol, format!("{name} is not {wanted}"))
}
