// SPDX-License-Identifier: MIT

/// An operation that waits until its descriptor is ready.
@unsafe
struct PendingOperation {
    var id: OperationID
    /// Nil in a slot that nobody uses.
    var request: Request?
    /// For a stream: how many bytes it may still bring.
    var left: Int
    /// The slot of the operation behind this one in its queue.
    var next: UInt32
}
