//! One file a user story, against a running server over real sockets.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a story that goes wrong should stop there, with all it knows"
)]

mod support;

mod administration;
mod audit;
mod byte_exact;
mod cabinet;
mod cli;
mod counter;
mod crash;
mod daily_closing;
mod disk_faults;
mod dkim;
mod durability;
mod eds;
mod encryption;
mod government_letter;
mod handover;
mod imap_sessions;
mod mail_files;
mod paper_in;
mod paper_out;
mod payment;
mod postmarks;
mod power_cut;
mod readme;
mod receipts;
mod registration;
mod remote_delivery;
mod sign_in;
mod space;
mod standards;
mod submit_and_read;
mod sync_clients;
mod sync_order;
mod time_stamps;
mod transparency;
mod verify_page;
