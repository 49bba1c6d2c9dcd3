// SPDX-License-Identifier: MIT

public import CLinuxShims

#if Model
    public import ModelChecking
#endif

/// A small number that no other living thread has: the seam's form of thread-local storage.
///
/// A primitive keeps an array with one entry for each index instead of a thread-local variable for
/// each instance. When a thread exits, its number goes back and a later thread gets it together
/// with the entries; the exit synchronizes with the taking, so the entries need no lock and nothing
/// is left behind.
@frozen
public enum ThreadIndex {
    /// Indices are smaller than this.
    @inlinable
    public static var limit: Int { MILLRACE_THREAD_INDEX_COUNT }

    /// The calling thread's index, or nil if `limit` threads already hold one.
    ///
    /// Cost: one read of a thread-local word; the first call of a thread takes an index by compare-
    /// exchange.
    @inlinable
    @inline(__always)
    public static var current: Int? {
        #if Model
            if ModelThreads.isModel { return ModelThreads.current }
        #endif
        let index = millrace_thread_index()
        return index == MILLRACE_NO_THREAD_INDEX ? nil : Int(index)
    }
}
