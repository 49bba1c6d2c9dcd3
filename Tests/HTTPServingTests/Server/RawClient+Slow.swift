// SPDX-License-Identifier: MIT

import CLinuxShims

// A client that reads little at a time.
extension RawClient {
    /// Receives what is there, at most so many bytes.
    func receiveSome(_ byteCountMax: Int) throws {
        // SAFETY: the callee fills in at most the capacity, and says how much.
        var result: Int64 = 0
        let piece = unsafe [UInt8](unsafeUninitializedCapacity: byteCountMax) { bytes, count in
            // SAFETY: as above.
            result = unsafe millrace_socket_receive(descriptor, bytes.baseAddress, byteCountMax)
            count = Int(max(0, result))
        }
        if result < 0, result != -Int64(MILLRACE_EAGAIN) {
            throw Failure(description: "receive: errno \(-result)")
        }
        held += piece
    }

    /// Reads a few bytes so many times, with pauses; whether the connection broke meanwhile.
    func drip(milliseconds: Int32, atMost count: Int) throws -> Bool {
        for _ in 0..<count {
            if millrace_poll(descriptor, UInt32(MILLRACE_POLLHUP), milliseconds) == 1 {
                return true
            }
            try receiveSome(64)
        }
        return false
    }
}
