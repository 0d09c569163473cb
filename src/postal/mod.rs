//! The domain of order 57 and of the paper world: facilities and their named devices, impressions and the
//! marks they leave, postal addresses, indices and numbers.
//!
//! Everything here is pure and synchronous; time is an argument. There is one way to stamp,
//! [`Impression::make`], and it takes the instant of the clock, never a date (P3, P24).

mod class;
mod closing;
mod date_token;
mod device;
mod drawing;
mod face;
mod facility;
mod impression;
mod index;
mod ink;
mod inscription;
mod letter_box;
mod mark;
mod mark_head;
mod mark_proof;
mod mark_text;
mod marks_file;
mod oblast;
mod payment_sign;
mod postal_address;
mod registry;
mod registry_check;
mod registry_file;
mod s10;
mod settings;
mod signing;
mod tag_list;
mod tag_writer;
mod tariff;
mod transliteration;
mod verify;
mod zone;

pub use class::{Class, ClassError, Colour, Form, LetterOptions, Sides};
pub use closing::{
    Accounted, ActNote, CLOSING_VERSION, ClockNote, Closing, ClosingFault, Contradiction, DayBook, HeldMark, Issued,
    JournalLine, LogSpan, NotAClosing, NotCanonical, Struck, Tally, canonical, check_chain, check_collection,
};
pub use date_token::{DateToken, NotADateToken};
pub use device::{Device, DeviceId, DeviceKind, DeviceMark, Plomb};
pub use drawing::{
    Area, Placement, PlacementError, ROUND_POSTMARK_MM, RoundPostmark, SURCHARGE_STAMP_MM, Specimen, Stamp,
    SurchargeStamp, check_placement,
};
pub use face::Workplace;
pub use facility::{Facility, FacilityId, FacilityKind, NotAName, Operator, OperatorId, Period, PrintCapabilities};
pub use impression::{Details, Handover, Impression, Kind, NotStamped, Occasion, RecipientTag};
pub use index::{IndexError, IndexWarning, PostalIndex};
pub use ink::{Ink, WrongInk};
pub use inscription::{Inscription, Script, engraving};
pub use letter_box::{LetterBox, LetterBoxId};
pub use mark::{Mark, MarkError, SignatureTags};
pub use mark_proof::{MARK_PROOF, proof_address, proof_value, proofs_in};
pub use marks_file::{MarksDevice, MarksFacility, MarksFile, MarksKey, MarksLetterBox, MarksOperator, MarksVersion};
pub use oblast::{OblastCode, UnknownOblast, is_oblast_shown};
pub use payment_sign::{
    Circulation, ClaimError, NotACode, NotASignHash, NotValid, PaymentSign, SignHash, SignKind, Standing,
};
pub use postal_address::{PostalAddress, PostalAddressError, TextAddress};
pub use registry::{Registry, RegistryError};
pub use registry_file::Problem;
pub use s10::{S10, S10Error, S10Range};
pub use settings::Settings;
pub use signing::{
    Algorithm, BodyHash, BodyHasher, Contents, HeaderInput, KeyError, MarkDigest, PublicKey, SignedImpression, Signer,
    SigningKey,
};
pub(crate) use signing::{CANONICALIZATION, Listed, has_graviola};
pub use tag_list::TagListError;
pub use tariff::{MAX_TIYN, PaymentState, Postage, Tariff, Tiyn};
pub use transliteration::{ascii_fold, latin_bgn_pcgn};
pub use verify::{
    Detail, Finding, Judgement, Language, MarkReport, Report, Verdict, judge, verify, with_marks, words as report_words,
};
pub use zone::{UnknownZone, Zone};

#[cfg(test)]
mod tests;
