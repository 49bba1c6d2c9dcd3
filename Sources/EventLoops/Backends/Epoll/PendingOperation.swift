// SPDX-License-Identifier: MIT

/// An operation that waits until its descriptor is ready: 40 bytes, one for each idle connection.
@unsafe
struct PendingOperation {
    var id: OperationID
    /// Nil in a slot that nobody uses. Of a stream it says how many bytes it may still bring.
    var request: Request?
    /// The slot of the operation behind this one in its queue.
    var next: UInt32
}
