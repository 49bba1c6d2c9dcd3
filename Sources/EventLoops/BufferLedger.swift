// SPDX-License-Identifier: MIT

/// Which receive buffers are out, and how far each is filled.
///
/// A backend may hand a buffer out piece by piece (`Completion.keepsBuffer`); it is whole again,
/// and goes back to the backend, when the backend has let go of it and every piece is back. Only
/// the loop's thread touches it.
@safe
struct BufferLedger: ~Copyable {
    // Invariants: I1  a buffer that `isOut` is not the backend's
    //             I2  heldCount = buffers that are out
    //             I3  fill = the sum of the pieces taken since the buffer was last whole

    private struct Entry {
        var fill: Int32 = 0
        var pieces: Int32 = 0
        var isOut = false
    }

    private let entries: UnsafeMutablePointer<Entry>
    /// How many buffers there are.
    let count: Int
    /// How many buffers are with streams alone.
    private(set) var heldCount = 0

    init(count: Int) {
        self.count = count
        // SAFETY: freed in `deinit`.
        unsafe entries = .allocate(capacity: count)
        unsafe entries.initialize(repeating: Entry(), count: count)  // SAFETY: just allocated.
    }

    deinit {
        unsafe entries.deallocate()  // SAFETY: allocated in `init`; entries are trivial.
    }

    /// Notes the piece that a completion carries; answers where in the buffer it begins. Once for
    /// each completion with a buffer, in their order.
    mutating func take(_ buffer: UInt16, byteCount: Int32, isKept: Bool) -> Int32 {
        precondition(Int(buffer) < count, "no receive buffer has this number")
        let entry = unsafe entries + Int(buffer)  // SAFETY: checked above.
        // SAFETY: in bounds.
        assert(unsafe !entry.pointee.isOut, "a buffer came back that was out")
        let start = unsafe entry.pointee.fill  // SAFETY: in bounds.
        unsafe entry.pointee.fill += max(0, byteCount)  // SAFETY: as above.
        unsafe entry.pointee.pieces += 1  // SAFETY: as above.
        if !isKept {
            unsafe entry.pointee.isOut = true  // SAFETY: as above.
            heldCount += 1
        }
        return start
    }

    /// Gives one piece back; true if the buffer is whole again: then it goes to the backend.
    mutating func release(_ buffer: UInt16) -> Bool {
        precondition(Int(buffer) < count, "no receive buffer has this number")
        let entry = unsafe entries + Int(buffer)  // SAFETY: checked above.
        unsafe entry.pointee.pieces -= 1  // SAFETY: in bounds.
        assert(unsafe entry.pointee.pieces >= 0, "a piece was given back twice")  // SAFETY: ditto.
        // SAFETY: in bounds.
        guard unsafe entry.pointee.pieces == 0 && entry.pointee.isOut else { return false }
        unsafe entry.pointee = Entry()  // SAFETY: as above.
        heldCount -= 1
        return true
    }
}
