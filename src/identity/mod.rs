//! Who a user is, by the rules of order 71: identification numbers, logins, what makes two logins the same, how a
//! mailbox comes into the unified base, and electronic signatures.
//!
//! Pure: no store and no clock. Uniqueness for ever is kept by the store under the keys made here.

pub mod agreement;
pub mod application;
pub mod base;
pub mod basis;
mod confusables;
pub mod eds;
mod login;
mod number;
mod role;
pub mod sign_in;

pub use login::{FoldedLogin, Login, LoginError, address_key, fold, login_of_address};
pub use number::{Bin, Iin, NumberError, NumberWarning, PersonalNumber, Sex};
pub use role::Role;
