// SPDX-License-Identifier: MIT

import CLinuxShims

// A client that reads little at a time.
extension RawClient {
    /// Reads some bytes so many times, with pauses; whether the connection broke meanwhile.
    func drip(_ byteCount: Int = 64, milliseconds: Int32, atMost count: Int) throws -> Bool {
        for _ in 0..<count {
            if millrace_poll(descriptor, UInt32(MILLRACE_POLLHUP), milliseconds) == 1 {
                return true
            }
            try receiveSome(atMost: byteCount)
        }
        return false
    }
}
