// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// Memory for a number of datagrams, as a request names it.
@safe
final class DatagramRoom {
    let entries: UnsafeMutablePointer<millrace_datagram>
    private let slices: UnsafeMutablePointer<millrace_slice>
    private let bytes: UnsafeMutableRawPointer
    let count: Int
    private let byteCount: Int

    /// Room for `count` datagrams of at most `byteCount` bytes.
    init(count: Int, byteCount: Int) {
        self.count = count
        self.byteCount = byteCount
        // SAFETY: freed in `deinit`.
        unsafe entries = .allocate(capacity: count)
        unsafe slices = .allocate(capacity: count)  // SAFETY: as above.
        unsafe bytes = .allocate(byteCount: count * byteCount, alignment: 16)  // SAFETY: as above.
        for index in 0..<count {
            // SAFETY: room for `count` of each.
            unsafe (slices + index).initialize(
                to: millrace_slice(base: bytes + index * byteCount, count: byteCount))
            unsafe (entries + index).initialize(to: millrace_datagram())  // SAFETY: as above.
            // SAFETY: as above.
            unsafe entries[index].message.slices = unsafe UnsafePointer(slices + index)
            unsafe entries[index].message.slice_count = 1  // SAFETY: as above.
        }
    }

    deinit {
        unsafe entries.deallocate()  // SAFETY: allocated in `init`.
        unsafe slices.deallocate()  // SAFETY: as above.
        unsafe bytes.deallocate()  // SAFETY: as above.
    }

    /// The bytes of one datagram: to be sent, or as they came.
    subscript(index: Int) -> [UInt8] {
        get {
            // SAFETY: so many bytes were filled in.
            unsafe Array(
                UnsafeRawBufferPointer(
                    start: bytes + index * byteCount, count: Int(entries[index].length)))
        }
        set {
            precondition(newValue.count <= byteCount, "the datagram is larger than its room")
            // SAFETY: checked above.
            unsafe UnsafeMutableRawBufferPointer(
                start: bytes + index * byteCount, count: byteCount
            ).copyBytes(from: newValue)
            unsafe slices[index].count = newValue.count  // SAFETY: below `count`.
        }
    }
}
