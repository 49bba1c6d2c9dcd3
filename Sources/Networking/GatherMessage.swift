// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// The list of pieces of one gather write, which the kernel reads while the task is suspended.
@safe
final class GatherMessage {
    let pointer: UnsafeMutablePointer<millrace_message>
    private let slices: UnsafeMutablePointer<millrace_slice>
    private let count: Int
    private var first = 0

    init(_ pieces: [UnsafeRawBufferPointer]) {
        let count = unsafe pieces.count  // SAFETY: counts; nothing is dereferenced.
        precondition(count <= 1024, "a gather write takes at most 1,024 pieces")
        self.count = count
        unsafe slices = .allocate(capacity: max(1, count))
        for index in 0..<count {
            let piece = unsafe pieces[index]  // SAFETY: copies an address and a count.
            // SAFETY: room for `count` slices.
            unsafe (slices + index).initialize(
                to: millrace_slice(base: piece.baseAddress, count: piece.count))
        }
        unsafe pointer = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
        unsafe pointer.initialize(to: millrace_message())  // SAFETY: room for one.
        advance(by: 0)
    }

    deinit {
        unsafe slices.deallocate()  // SAFETY: allocated in `init`; trivial.
        unsafe pointer.deallocate()  // SAFETY: as above.
    }

    var isPending: Bool { first < count }

    /// Drops the first `byteCount` bytes.
    func advance(by byteCount: Int) {
        var left = byteCount
        while first < count {  // Ends: every turn goes to the next piece or leaves.
            let slice = unsafe slices[first]  // SAFETY: below `count`.
            guard unsafe left >= slice.count else { break }  // SAFETY: a copy.
            unsafe left -= slice.count  // SAFETY: as above.
            first += 1
        }
        if left > 0 {
            unsafe slices[first].base += left  // SAFETY: stays inside the piece.
            unsafe slices[first].count -= left  // SAFETY: as above.
        }
        // SAFETY: the message names the remaining slices.
        unsafe pointer.pointee.slices = unsafe UnsafePointer(slices + first)
        unsafe pointer.pointee.slice_count = count - first  // SAFETY: as above.
    }
}
