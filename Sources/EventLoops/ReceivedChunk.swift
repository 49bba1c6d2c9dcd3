// SPDX-License-Identifier: MIT

/// Received bytes, in a buffer of the backend or, once spilled, in memory of their own.
@safe
struct ReceivedChunk {
    var buffer: UInt16
    var start: Int32
    var end: Int32
    var spilled: UnsafeMutableRawPointer?
}
