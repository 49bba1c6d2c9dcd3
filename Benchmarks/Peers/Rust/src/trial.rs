// SPDX-License-Identifier: MIT

// The trials in C, and what they need of this program: queue_trial.h, work_trial.h.

use std::ffi::CString;
use std::os::raw::{c_char, c_int, c_uint, c_void};

/// How deep a burst is: WORK_BURST.
pub const BURST: u64 = 64;

/// A queue with its loops: one call for each loop, not for each element.
pub trait Subject: Sync {
    fn push(&self, first: u64, count: u64);
    fn pop(&self, count: u64) -> u64;
    fn pairs(&self, first: u64, count: u64) -> u64;
}

/// What threads do over and over.
pub trait Work: Sync {
    fn run(&self, thread: u32, count: u64) -> u64;
}

pub type NamedQueue = (&'static str, fn(capacity: usize) -> Box<dyn Subject>);
pub type NamedWork = (&'static str, fn(size: usize, threads: u32) -> Box<dyn Work>);

#[repr(C)]
struct QueueSubjects {
    names: *const *const c_char,
    count: c_uint,
    make: extern "C" fn(c_uint, u64, c_uint) -> *mut c_void,
    push: extern "C" fn(*mut c_void, u64, u64),
    pop: extern "C" fn(*mut c_void, u64) -> u64,
    pairs: extern "C" fn(*mut c_void, u64, u64) -> u64,
}

#[repr(C)]
struct WorkSubjects {
    context: *const c_void,
    names: *const *const c_char,
    count: c_uint,
    make: extern "C" fn(*const c_void, c_uint, u64, c_uint) -> *mut c_void,
    run: extern "C" fn(*mut c_void, c_uint, u64) -> u64,
}

extern "C" {
    fn queue_trial(argc: c_int, argv: *mut *mut c_char, subjects: *const QueueSubjects) -> c_int;
    fn work_trial(argc: c_int, argv: *mut *mut c_char, subjects: *const WorkSubjects) -> c_int;
    fn queue_trial_wait(tries: *mut c_uint);
    fn work_finish();
    fn work_is_over() -> bool;
}

/// Full or empty: spins, then lets another thread run.
pub fn wait(tries: &mut c_uint) {
    // SAFETY: a number of the caller's.
    unsafe { queue_trial_wait(tries) }
}

pub fn finish() {
    // SAFETY: takes nothing.
    unsafe { work_finish() }
}

pub fn is_over() -> bool {
    // SAFETY: takes nothing.
    unsafe { work_is_over() }
}

/// The part of one of `threads`.
pub fn part(thread: u32, threads: u32, count: u64) -> std::ops::Range<u64> {
    let each = count / u64::from(threads);
    u64::from(thread) * each..(u64::from(thread) + 1) * each
}

fn texts(names: impl Iterator<Item = &'static str>) -> Vec<*const c_char> {
    names.map(|name| CString::new(name).unwrap().into_raw() as *const c_char).collect()
}

/// What a trial got from `make`, as C has it.
fn leak<T: ?Sized>(made: Box<T>) -> *mut c_void {
    Box::into_raw(Box::new(made)) as *mut c_void
}

/// # Safety
/// The pointer is what `leak` made of a box of the same type.
unsafe fn behind<'a, T: ?Sized>(made: *mut c_void) -> &'a T {
    &*(made as *const Box<T>)
}

static mut QUEUES: &[NamedQueue] = &[];

pub fn run_queues(argc: c_int, argv: *mut *mut c_char, queues: &'static [NamedQueue]) -> c_int {
    extern "C" fn make(subject: c_uint, capacity: u64, _threads: c_uint) -> *mut c_void {
        // SAFETY: set before the trial began.
        let queues = unsafe { QUEUES };
        leak(queues[subject as usize].1(capacity as usize))
    }
    // SAFETY, for the three: made by `make`.
    extern "C" fn push(queue: *mut c_void, first: u64, count: u64) {
        unsafe { behind::<dyn Subject>(queue) }.push(first, count)
    }
    extern "C" fn pop(queue: *mut c_void, count: u64) -> u64 {
        unsafe { behind::<dyn Subject>(queue) }.pop(count)
    }
    extern "C" fn pairs(queue: *mut c_void, first: u64, count: u64) -> u64 {
        unsafe { behind::<dyn Subject>(queue) }.pairs(first, count)
    }
    let names = texts(queues.iter().map(|queue| queue.0));
    let count = names.len() as c_uint;
    let subjects = QueueSubjects { names: names.as_ptr(), count, make, push, pop, pairs };
    // SAFETY: there is one thread yet; the names live until the trial ends.
    unsafe {
        QUEUES = queues;
        queue_trial(argc, argv, &subjects)
    }
}

pub fn run_works(argc: c_int, argv: *mut *mut c_char, works: Vec<&NamedWork>) -> c_int {
    extern "C" fn make(
        context: *const c_void, subject: c_uint, size: u64, threads: c_uint,
    ) -> *mut c_void {
        // SAFETY: the list below, which lives until the trial ends.
        let works = unsafe { &*(context as *const Vec<&NamedWork>) };
        leak(works[subject as usize].1(size as usize, threads))
    }
    extern "C" fn run(work: *mut c_void, thread: c_uint, count: u64) -> u64 {
        // SAFETY: made by `make`.
        unsafe { behind::<dyn Work>(work) }.run(thread, count)
    }
    let names = texts(works.iter().map(|work| work.0));
    let count = names.len() as c_uint;
    let context = &works as *const Vec<&NamedWork> as *const c_void;
    let subjects = WorkSubjects { context, names: names.as_ptr(), count, make, run };
    // SAFETY: list and names live until the trial ends.
    unsafe { work_trial(argc, argv, &subjects) }
}
