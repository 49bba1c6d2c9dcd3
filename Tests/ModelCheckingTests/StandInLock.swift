// SPDX-License-Identifier: MIT

import ModelChecking

/// The model's lock, with its word.
@safe
final class StandInLock {
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    init() {
        unsafe word = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
        unsafe word.initialize(to: Atomic(0))  // SAFETY: as above.
    }

    deinit { unsafe word.deallocate() }  // SAFETY: allocated in `init`.

    func lock() {
        unsafe ModelLock.lock(word)  // SAFETY: the word lives as long as the lock.
    }

    func unlock() {
        unsafe ModelLock.unlock(word)  // SAFETY: as above.
    }
}
