// SPDX-License-Identifier: MIT

#if Examples
    internal import CLinuxShims
    internal import Glibc

    /// The lines of a file or of standard input, with their newlines; a last line without one gets
    /// it.
    ///
    /// It waits for input in slices of a tenth of a second, so that it can be told to stop while a
    /// terminal or a pipe is silent.
    final class LineReader: MessageSource {
        /// The longest line in bytes.
        static let lineByteCountMax = 1 << 24

        private let name: String
        private let descriptor: Int32
        private let isStopped: @Sendable () -> Bool
        private var bytes: [UInt8] = Array(repeating: 0, count: 1 << 18)
        private var start = 0
        private var end = 0
        private var isAtEnd = false

        init(
            _ path: String, isStopped: @escaping @Sendable () -> Bool
        ) throws(SourceFailure) {
            name = path == "-" ? "standard input" : path
            self.isStopped = isStopped
            // Without O_NONBLOCK, opening a FIFO would wait for its writer, deaf to Ctrl-C.
            // fifo(7).
            let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK
            // SAFETY: the path is NUL-terminated for the call.
            descriptor = path == "-" ? 0 : unsafe open(path, flags)
            guard descriptor >= 0 else { throw Self.failure("cannot open", name, code: errno) }
        }

        deinit {
            if descriptor > 0 { _ = millrace_close(descriptor) }
        }

        func next(_ body: (RawSpan) -> Void) throws(SourceFailure) -> Bool {
            var searched = start
            while true {  // Ends with a line, the end of the input, or a stop.
                if let newline = firstNewline(from: searched) {
                    // SAFETY: plain bytes, lent for the call.
                    unsafe body(bytes.span.extracting(start...newline).bytes)
                    start = newline + 1
                    return true
                }
                searched = end
                if isAtEnd { return takeLast(body) }
                let moved = try makeRoom()
                searched -= moved
                guard try fill() else { return false }
            }
        }

        private func firstNewline(from place: Int) -> Int? {
            guard place < end else { return nil }
            // SAFETY: searches initialized bytes of the array, for the call.
            return unsafe bytes.withUnsafeBytes { memory in
                guard let base = memory.baseAddress,
                    let found = unsafe memchr(base + place, 10, end - place)  // SAFETY: as above.
                else { return nil }
                return unsafe UnsafeRawPointer(found) - base  // SAFETY: both lie in the array.
            }
        }

        private func takeLast(_ body: (RawSpan) -> Void) -> Bool {
            guard start < end else { return false }
            if end == bytes.count { bytes.append(0) }
            bytes[end] = UInt8(ascii: "\n")
            unsafe body(bytes.span.extracting(start...end).bytes)  // SAFETY: plain bytes.
            start = end
            return true
        }

        /// Moves what is unread to the front, or grows; answers how far it moved.
        private func makeRoom() throws(SourceFailure) -> Int {
            guard end == bytes.count else { return 0 }
            guard start == 0 else {
                let moved = start
                bytes.replaceSubrange(0..<(end - start), with: Array(bytes[start..<end]))
                end -= moved
                start = 0
                return moved
            }
            guard bytes.count < Self.lineByteCountMax else {
                throw SourceFailure(
                    description: "\(name): a line is longer than \(Self.lineByteCountMax) bytes")
            }
            bytes.append(contentsOf: repeatElement(0, count: bytes.count))
            return 0
        }

        /// Reads more; false when told to stop.
        private func fill() throws(SourceFailure) -> Bool {
            while !isStopped() {  // Ends with bytes, the end, an error, or a stop.
                var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                let ready = unsafe poll(&entry, 1, 100)  // SAFETY: one entry, lent for the call.
                if ready <= 0 { continue }
                let place = end
                // SAFETY: reads into initialized bytes of the array behind `end`.
                let count = unsafe bytes.withUnsafeMutableBytes { memory in
                    unsafe millrace_read(
                        descriptor, memory.baseAddress.map { unsafe $0 + place },
                        memory.count - place)
                }
                switch Int(count) {
                case 0: isAtEnd = true
                case 1...: end += Int(count)
                case -MILLRACE_EINTR, -MILLRACE_EAGAIN: continue
                default: throw Self.failure("cannot read", name, code: Int32(-count))
                }
                return true
            }
            return false
        }

        private static func failure(_ what: String, _ name: String, code: Int32) -> SourceFailure {
            // SAFETY: a static, NUL-terminated string.
            let reason = unsafe String(cString: millrace_error_text(code))
            return SourceFailure(description: "\(what) \(name): \(reason)")
        }
    }
#endif
