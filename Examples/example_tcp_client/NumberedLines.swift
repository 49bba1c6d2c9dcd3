// SPDX-License-Identifier: MIT

#if Examples
    /// Reads lines `NUMBER PAYLOAD` out of a stream, however it is cut.
    struct NumberedLines {
        private var number = 0
        private var digitCount = 0
        private var isPastNumber = false

        /// Notes each complete line's number and appends the answer to it.
        mutating func take(
            _ bytes: RawSpan, into arrivals: inout ArrivalLog, answer: inout [UInt8]
        ) {
            // SAFETY: lent for the call.
            unsafe bytes.withUnsafeBytes { lent in
                for index in 0..<lent.count {
                    let byte = unsafe lent[index]  // SAFETY: in bounds.
                    if byte == UInt8(ascii: "\n") {
                        finishLine(&arrivals, &answer)
                    } else if isPastNumber {
                        continue
                    } else if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), digitCount < 18
                    {
                        number = number * 10 + Int(byte - UInt8(ascii: "0"))
                        digitCount += 1
                    } else {
                        isPastNumber = true
                    }
                }
            }
        }

        private mutating func finishLine(_ arrivals: inout ArrivalLog, _ answer: inout [UInt8]) {
            if digitCount > 0 {
                arrivals.note(number)
                append(number, to: &answer)
            } else {
                arrivals.noteStrange()
            }
            number = 0
            digitCount = 0
            isPastNumber = false
        }

        private func append(_ number: Int, to answer: inout [UInt8]) {
            let start = answer.count
            var rest = number
            repeat {  // One turn for each digit.
                answer.append(UInt8(ascii: "0") + UInt8(rest % 10))
                rest /= 10
            } while rest > 0
            answer[start...].reverse()
            answer.append(UInt8(ascii: "\n"))
        }
    }
#endif
