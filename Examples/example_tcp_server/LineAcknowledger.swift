// SPDX-License-Identifier: MIT

#if Examples
    internal import Glibc

    /// Turns lines into lines that hold the first word of each.
    ///
    /// A word begins behind leading spaces and tabs and ends before the next space, tab, CR or LF;
    /// a line without one is answered by an empty line. A line is answered when its LF has come,
    /// however it was split; what comes behind the last LF is not. Of a word that is longer than
    /// `wordByteCountMax`, so much is answered: memory does not grow with the line.
    struct LineAcknowledger {
        private enum Phase { case indentation, word, rest }

        /// The longest answer, without its LF.
        static let wordByteCountMax = 65_536

        private var phase = Phase.indentation
        /// The word of a line that has begun in earlier bytes.
        private var carried: [UInt8] = []
        /// How many lines have been answered.
        private(set) var lineCount = 0

        /// The most bytes that `take` answers to so many.
        static func answerByteCountMax(for byteCount: Int) -> Int {
            wordByteCountMax + byteCount
        }

        /// Takes the next bytes and writes the answers to the lines that end in them; returns how
        /// many bytes those are. There must be room for `answerByteCountMax`.
        mutating func take(
            _ bytes: UnsafeRawBufferPointer, into answers: UnsafeMutableRawBufferPointer
        ) -> Int {
            precondition(answers.count >= Self.answerByteCountMax(for: bytes.count))
            var written = 0
            var index = 0
            var wordStart = 0
            while index < bytes.count {  // Ends: every turn goes on by at least a byte.
                let byte = unsafe bytes[index]  // SAFETY: below the count.
                if phase == .indentation && !Self.isBlank(byte) {
                    phase = .word
                    wordStart = index
                }
                if phase == .word && Self.endsWord(byte) {
                    // SAFETY: a word of these bytes.
                    unsafe carry(UnsafeRawBufferPointer(rebasing: bytes[wordStart..<index]))
                    phase = .rest
                }
                if phase == .rest {
                    // SAFETY: from here to the end of the bytes.
                    index = unsafe Self.lineEnd(in: bytes, from: index)
                    if index == bytes.count { break }
                    // SAFETY: a word and an LF for each line: room as checked above.
                    written = unsafe finishLine(at: written, of: answers)
                }
                index += 1
            }
            if phase == .word {
                // SAFETY: the word's beginning; the rest comes with the next bytes.
                unsafe carry(UnsafeRawBufferPointer(rebasing: bytes[wordStart...]))
            }
            return written
        }

        private mutating func carry(_ bytes: UnsafeRawBufferPointer) {
            let room = Self.wordByteCountMax - carried.count
            unsafe carried.append(contentsOf: bytes.prefix(room))  // SAFETY: copied at once.
        }

        private mutating func finishLine(
            at start: Int, of answers: UnsafeMutableRawBufferPointer
        ) -> Int {
            let end = start + carried.count
            // SAFETY: `take` has checked that there is room.
            unsafe UnsafeMutableRawBufferPointer(rebasing: answers[start..<end])
                .copyBytes(from: carried)
            unsafe answers[end] = UInt8(ascii: "\n")  // SAFETY: as above.
            carried.removeAll(keepingCapacity: true)
            phase = .indentation
            lineCount += 1
            return end + 1
        }

        private static func isBlank(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
        }

        private static func endsWord(_ byte: UInt8) -> Bool {
            isBlank(byte) || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n")
        }

        /// Where the next LF is; the count if there is none.
        private static func lineEnd(in bytes: UnsafeRawBufferPointer, from index: Int) -> Int {
            guard let start = bytes.baseAddress,
                // SAFETY: searches the rest of the bytes.
                let found = unsafe memchr(start + index, 10, bytes.count - index)
            else { return bytes.count }
            return unsafe UnsafeRawPointer(found) - start  // SAFETY: both lie in the bytes.
        }
    }
#endif
