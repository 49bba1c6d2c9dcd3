// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// The pieces of a gather write, in the order in which they are sent.
///
/// | Guarantee | all operations                                                                   |
/// |-----------|----------------------------------------------------------------------------------|
/// | Cost      | `append` O(1), `advance` O(pieces dropped); no allocation after `init`           |
/// | Memory    | 16 bytes for each of `capacity` pieces                                           |
/// | Threads   | one at a time; the kernel reads it during `StreamConnection.writeSome`           |
///
/// It holds addresses, not bytes: whoever appends keeps the memory until it is sent or removed.
@safe
public final class GatherList {
    // Invariants: I1  pieces first ..< end are to be sent, none of them empty
    //             I2  rest is the sum of their counts

    /// How many pieces fit.
    public let capacity: Int

    /// How many bytes are to be sent.
    public var byteCount: Int { rest }

    private let slices: UnsafeMutablePointer<millrace_slice>
    private let message: UnsafeMutablePointer<millrace_message>
    private var first = 0
    private var end = 0
    private var rest = 0

    /// The most pieces that the kernel takes at a time (UIO_MAXIOV).
    public static var capacityMax: Int { 1024 }

    /// An empty list.
    public init(capacity: Int) {
        precondition((1...Self.capacityMax).contains(capacity), "a list has 1 to 1,024 pieces")
        self.capacity = capacity
        unsafe slices = .allocate(capacity: capacity)  // SAFETY: freed in `deinit`.
        unsafe message = .allocate(capacity: 1)  // SAFETY: as above.
        // SAFETY: room for so many; trivial.
        unsafe slices.initialize(repeating: millrace_slice(), count: capacity)
        unsafe message.initialize(to: millrace_message())  // SAFETY: as above.
    }

    deinit {
        unsafe slices.deallocate()  // SAFETY: allocated in `init`; trivial.
        unsafe message.deallocate()  // SAFETY: as above.
    }

    /// How many pieces are to be sent.
    public var count: Int { end - first }

    /// Whether no further piece fits.
    public var isFull: Bool { end == capacity }

    /// Appends a piece. One that begins where the last one ends is joined to it. Empty ones are
    /// left out.
    @unsafe
    public func append(_ piece: UnsafeRawBufferPointer) {
        guard let base = piece.baseAddress, piece.count > 0 else { return }
        rest += piece.count
        if end > first {
            // SAFETY: below `end`.
            let last = unsafe slices + (end - 1)
            let lastEnd = unsafe last.pointee.base + last.pointee.count  // SAFETY: as above.
            if unsafe lastEnd == base {  // SAFETY: only compares.
                unsafe last.pointee.count += piece.count  // SAFETY: as above.
                return
            }
        }
        precondition(!isFull, "the list is full")
        // SAFETY: below `capacity`.
        unsafe slices[end] = millrace_slice(base: base, count: piece.count)
        end += 1
    }

    /// Forgets all pieces.
    public func removeAll() {
        first = 0
        end = 0
        rest = 0
    }

    /// Drops the first bytes: they are sent.
    public func advance(by sentByteCount: Int) {
        precondition((0...rest).contains(sentByteCount), "more bytes than there are")
        rest -= sentByteCount
        var left = sentByteCount
        while left > 0 {  // Ends: every turn drops a piece or leaves.
            let slice = unsafe slices[first]  // SAFETY: below `end` (I2).
            guard unsafe left >= slice.count else { break }  // SAFETY: a copy.
            unsafe left -= slice.count  // SAFETY: as above.
            first += 1
        }
        if left > 0 {
            unsafe slices[first].base += left  // SAFETY: stays inside the piece.
            unsafe slices[first].count -= left  // SAFETY: as above.
        }
        if rest == 0 { removeAll() }
    }

    /// The first piece.
    @unsafe
    var firstPiece: UnsafeRawBufferPointer {
        unsafe piece(0)  // SAFETY: passed on.
    }

    /// A piece that is to be sent.
    @unsafe
    func piece(_ index: Int) -> UnsafeRawBufferPointer {
        precondition((0..<count).contains(index), "the list has fewer pieces")
        // SAFETY: below `end`.
        return unsafe UnsafeRawBufferPointer(
            start: slices[first + index].base, count: slices[first + index].count)
    }

    /// All of it as the kernel reads it. It lives as long as the list, and must not change while
    /// the kernel has it.
    @unsafe
    var kernelMessage: UnsafeMutablePointer<millrace_message> {
        // SAFETY: the message names the pieces that are to be sent.
        unsafe message.pointee.slices = unsafe UnsafePointer(slices + first)
        unsafe message.pointee.slice_count = count  // SAFETY: as above.
        return unsafe message  // SAFETY: as above.
    }
}
