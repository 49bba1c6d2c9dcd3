// SPDX-License-Identifier: MIT

// Crossbeam's queues, deques and channels, which Millrace's are measured against, with the same
// loops. A library, because the trial that it is linked to is in C; the program begins here.

mod channels;
mod deques;
mod queues;
mod trial;

use std::ffi::CStr;
use std::os::raw::{c_char, c_int};

#[no_mangle]
pub extern "C" fn main(argc: c_int, argv: *mut *mut c_char) -> c_int {
    // SAFETY: the arguments are the program's.
    let is_work = (1..argc).any(|index| unsafe {
        CStr::from_ptr(*argv.add(index as usize)).to_bytes() == b"--work"
    });
    if is_work {
        let works = deques::WORKS.iter().chain(channels::WORKS).collect();
        trial::run_works(argc, argv, works)
    } else {
        trial::run_queues(argc, argv, queues::QUEUES)
    }
}
