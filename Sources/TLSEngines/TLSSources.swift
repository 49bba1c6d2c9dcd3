// SPDX-License-Identifier: MIT

#if TLS

    internal import CLinuxShims

    /// Where the date comes from, in seconds since 1970-01-01 UTC. For a negative number BearSSL
    /// asks the system; where there is none, certificates cannot be checked.
    public struct TLSClock: Sendable {
        let seconds: @Sendable () -> Int64

        /// A clock that asks the closure, on the thread of the connection.
        public init(_ seconds: @escaping @Sendable () -> Int64) { self.seconds = seconds }

        /// The system's.
        public static let system = TLSClock { millrace_clock_realtime_seconds() }
    }

    /// Where random numbers come from: 32 bytes for each connection, which seed its own generator
    /// (HMAC_DRBG with SHA-256).
    public struct TLSEntropy: Sendable {
        /// Nil: BearSSL asks the processor or the kernel.
        let fill: (@Sendable (inout MutableSpan<UInt8>) -> Bool)?

        /// A source that the closure stands for: it fills all bytes, or says that it cannot.
        public init(_ fill: @escaping @Sendable (inout MutableSpan<UInt8>) -> Bool) {
            self.fill = fill
        }

        private init() { fill = nil }

        /// RDRAND where the processor has it, else /dev/urandom.
        public static let system = TLSEntropy()
    }

#endif
