// SPDX-License-Identifier: MIT

#if Examples
    internal import EventLoops
    internal import Networking

    /// What is done with the bytes of a connection.
    enum ServerMode: String, CaseIterable, Sendable {
        case echo, count, acks
    }

    /// One connection: reads, and writes all that follows from it before it reads again. So a
    /// client that does not read makes nothing grow here; its own sending comes to a stop.
    struct Session {
        private let connection: StreamConnection
        private let mode: ServerMode
        private let totals: Totals
        private var acknowledger = LineAcknowledger()

        /// How much is read at a time.
        static let readByteCountMax = 65_536

        init(_ connection: StreamConnection, mode: ServerMode, totals: Totals) {
            self.connection = connection
            self.mode = mode
            self.totals = totals
        }

        /// Serves until the client has finished.
        mutating func run() async throws(SystemError) {
            let input = UnsafeMutableRawBufferPointer.allocate(
                byteCount: Self.readByteCountMax, alignment: 16)
            let output = UnsafeMutableRawBufferPointer.allocate(
                byteCount: mode == .acks
                    ? LineAcknowledger.answerByteCountMax(for: input.count) : 1,
                alignment: 16)
            defer {
                unsafe input.deallocate()  // SAFETY: no operation outlives the calls below.
                unsafe output.deallocate()  // SAFETY: as above.
            }
            while true {  // Ends with the client's end, an error, or the shutdown.
                // SAFETY: both buffers live to the end of this function.
                let count = try await unsafe connection.read(into: input)
                if count == 0 { break }
                // SAFETY: so many were filled in.
                let bytes = unsafe UnsafeRawBufferPointer(rebasing: input[..<count])
                // SAFETY: as above.
                try await unsafe answer(bytes, into: output)
            }
            try await connection.finishWriting()
        }

        private mutating func answer(
            _ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
        ) async throws(SystemError) {
            var reply = unsafe bytes[..<0]  // SAFETY: an empty piece.
            var lines = 0
            switch mode {
            case .count:
                lines = unsafe lineCount(in: bytes)  // SAFETY: reads what the caller lends.
            case .echo:
                lines = unsafe lineCount(in: bytes)  // SAFETY: as above.
                unsafe reply = unsafe bytes[...]  // SAFETY: the caller's bytes, which stay.
            case .acks:
                let before = acknowledger.lineCount
                // SAFETY: the output has room for every answer to these bytes.
                let count = unsafe acknowledger.take(bytes, into: output)
                // SAFETY: so many were written.
                unsafe reply = unsafe UnsafeRawBufferPointer(output)[..<count]
                lines = acknowledger.lineCount - before
            }
            totals.received(byteCount: bytes.count, lineCount: lines)
            // SAFETY: the caller keeps the bytes until this returns.
            try await unsafe connection.write(all: UnsafeRawBufferPointer(rebasing: reply))
            totals.sent(byteCount: unsafe reply.count)
        }

        private func lineCount(in bytes: UnsafeRawBufferPointer) -> Int {
            var count = 0
            for index in 0..<bytes.count {
                // SAFETY: below the count.
                count &+= unsafe bytes[index] == UInt8(ascii: "\n") ? 1 : 0
            }
            return count
        }
    }
#endif
