// SPDX-License-Identifier: MIT

/// Why a head could not be written.
public enum HTTP1WriteError: UInt8, Error, CaseIterable, Sendable, BitwiseCopyable {
    /// The memory is too small.
    case noRoom
    /// A status that has not three digits, or a method, target or reason that would not be read as
    /// one.
    case badStartLine
    /// A field name that is not a token.
    case badName
    /// A value with CR, LF, NUL or another control byte: it would split the message.
    case badValue
}
