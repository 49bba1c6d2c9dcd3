// SPDX-License-Identifier: MIT

#if Examples
    /// Where messages come from, one after the other. Used on a thread that may block.
    protocol MessageSource: AnyObject {
        /// Lends the next message, with its newline, to `body`; false at the end.
        func next(_ body: (RawSpan) -> Void) throws(SourceFailure) -> Bool
    }

    /// Why messages could not be read.
    struct SourceFailure: Error, CustomStringConvertible {
        let description: String
    }

    /// Generated messages: `NUMBER PAYLOAD`, all of one length.
    final class MessageGenerator: MessageSource {
        private let count: Int
        private var number = 0
        private var bytes: [UInt8]
        private var digitCount = 1
        private var nextPower = 10

        init(count: Int, byteCount: Int) {
            self.count = count
            bytes = Array(repeating: UInt8(ascii: "x"), count: byteCount)
            bytes[byteCount - 1] = UInt8(ascii: "\n")
            bytes[0] = UInt8(ascii: "0")
            bytes[1] = UInt8(ascii: " ")
        }

        /// The shortest length that has room for the largest number, a space and the newline.
        static func byteCountMin(messageCount: Int) -> Int {
            String(max(0, messageCount - 1)).utf8.count + 2
        }

        func next(_ body: (RawSpan) -> Void) -> Bool {
            guard number < count else { return false }
            unsafe body(bytes.span.bytes)  // SAFETY: plain bytes, lent for the call.
            advance()
            return true
        }

        private func advance() {
            number += 1
            if number == nextPower {
                digitCount += 1
                nextPower *= 10
                // The number has grown over the space: it moves on, unless the newline stands
                // there.
                if digitCount < bytes.count - 1 { bytes[digitCount] = UInt8(ascii: " ") }
            }
            var rest = number
            for place in stride(from: digitCount - 1, through: 0, by: -1) {
                bytes[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
                if bytes[place] != UInt8(ascii: "0") { break }
            }
        }
    }
#endif
