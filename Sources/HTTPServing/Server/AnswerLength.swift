// SPDX-License-Identifier: MIT

/// How a client knows where an answer ends.
enum AnswerLength: Equatable {
    case bytes(UInt64)
    case chunked
    case untilClose

    /// Whether an answer of that status may have a body (RFC 9110, section 6.4.1).
    static func mayHaveBody(_ status: Int) -> Bool {
        status >= 200 && status != 204 && status != 205 && status != 304
    }
}
