// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// Whether what looks like the end of a TCP stream is a break.
///
/// The system tells a reset once: if a send was told, who receives hears of an end. tcp(7).
struct EndDoubt {
    /// Ends are looked at more closely: this side has not ended its own.
    var isOn = false
    /// The first break that a send was told of; zero for none.
    private var toldToSender: Int32 = 0

    /// A send was told of this errno.
    mutating func sendFailed(_ code: Int32) {
        let isBreak = code == Int32(MILLRACE_EPIPE) || code == Int32(MILLRACE_ECONNRESET)
        if toldToSender == 0 && isBreak { toldToSender = code }
    }

    /// Whether the end that has just arrived is a break. A reset leaves nothing open in either
    /// direction; one that comes behind the peer's end is EPIPE, which the system keeps until
    /// somebody is told, and the end is sound. poll(2).
    func isBreak(of socket: Int32) -> Bool {
        guard isOn, toldToSender != Int32(MILLRACE_EPIPE) else { return false }
        let events = millrace_poll_now(socket, UInt32(MILLRACE_POLLHUP))
        guard events & Int32(MILLRACE_POLLHUP) != 0, events & Int32(MILLRACE_POLLERR) == 0 else {
            return false
        }
        var info = millrace_tcp_info()
        // SAFETY: filled in the call. A Unix socket has none, and ends for both.
        return unsafe millrace_socket_tcp_info(socket, &info) >= 0
    }
}
