// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import EventLoops

extension StreamOptions {
    /// When a silent peer is asked whether it is still there, and when it is given up: after
    /// `idleSeconds + intervalSeconds × probeCount` at the latest, with `ETIMEDOUT` for the reader.
    ///
    /// The peer's kernel answers, so that a peer whose program hangs passes. While bytes are on
    /// their way the kernel's retransmission limit applies instead. tcp(7).
    public struct KeepAlive: Hashable, Sendable {
        /// TCP_KEEPIDLE: how long nothing has come before the first probe, 1…32,767 s.
        public var idleSeconds: Int
        /// TCP_KEEPINTVL: the time between two probes, 1…32,767 s.
        public var intervalSeconds: Int
        /// TCP_KEEPCNT: how many probes go unanswered before the connection is broken, 1…127.
        public var probeCount: Int

        /// The three numbers; the system's own would be two hours, 75 seconds and nine probes.
        public init(idleSeconds: Int, intervalSeconds: Int, probeCount: Int) {
            self.idleSeconds = idleSeconds
            self.intervalSeconds = intervalSeconds
            self.probeCount = probeCount
        }

        func apply(to descriptor: Int32) throws(SystemError) {
            let idle = try StreamOptions.option(idleSeconds, in: 1...32_767)
            let interval = try StreamOptions.option(intervalSeconds, in: 1...32_767)
            let count = try StreamOptions.option(probeCount, in: 1...127)
            try Socket.check(
                millrace_socket_set_keep_alive(descriptor, idle, interval, count), .setOption)
        }
    }
}
