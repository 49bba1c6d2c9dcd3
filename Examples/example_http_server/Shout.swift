// SPDX-License-Identifier: MIT

#if Examples
    internal import HTTPServing

    /// A protocol of its own on a connection that began as HTTP: every line comes back in capitals.
    ///
    ///     { printf 'GET /shout HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n'
    ///       printf 'Upgrade: shout\r\n\r\nhello\n'; } | nc -N 127.0.0.1 8080
    enum Shout {
        /// The longest line.
        private static let lineByteCountMax = 4096

        static func serve(_ connection: UpgradedConnection) async throws {
            var line: [UInt8] = []
            while let bytes = try await connection.next(within: .seconds(60)) {
                for byte in bytes {
                    line.append(upper(byte))
                    guard line.count <= lineByteCountMax else { throw HTTPFailure(400) }
                    guard byte == 0x0A else { continue }
                    try await connection.write(line)
                    line.removeAll(keepingCapacity: true)
                }
            }
        }

        private static func upper(_ byte: UInt8) -> UInt8 {
            (0x61...0x7A).contains(byte) ? byte - 0x20 : byte
        }
    }
#endif
