// SPDX-License-Identifier: MIT

internal import EventLoops

extension StreamOptions {
    /// What closing does with bytes that the peer has not acknowledged. SO_LINGER, socket(7).
    public enum Closing: Hashable, Sendable {
        /// Closing returns at once, and the kernel goes on sending: the system's default.
        case inBackground
        /// A linger time of zero: what was not sent is dropped, and the peer reads `ECONNRESET`
        /// instead of an end. No port is left in TIME_WAIT.
        case reset
        /// Closing waits until everything was acknowledged, at most so many seconds, 1…3,600; then
        /// the kernel goes on as `inBackground`.
        ///
        /// It is the loop's thread that waits, with all that lives on it: Linux does so for a
        /// non-blocking socket too. Where a loop is shared, use `StreamConnection.finishWriting`
        /// and read to the peer's end instead.
        case waiting(seconds: Int)

        /// What SO_LINGER is set to; nil leaves it off.
        var lingerSeconds: Int32? {
            get throws(SystemError) {
                switch self {
                case .inBackground: nil
                case .reset: 0
                case .waiting(let seconds): try StreamOptions.option(seconds, in: 1...3600)
                }
            }
        }
    }
}
