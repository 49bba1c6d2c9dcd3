// SPDX-License-Identifier: MIT

extension ReceiveStream {
    /// How a stream came to its end.
    public enum End: Hashable, Sendable {
        /// The peer has sent everything.
        case finished
        /// The connection broke, with this errno.
        case failed(Int32)
    }
}
