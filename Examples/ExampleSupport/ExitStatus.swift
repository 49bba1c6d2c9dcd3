// SPDX-License-Identifier: MIT

/// How a command ends: the numbers that every example keeps to.
public enum ExitStatus: Int32, Sendable {
    /// All went well.
    case success = 0
    /// Something that was asked for could not be done.
    case failure = 1
    /// The command line was not understood.
    case wrongUsage = 2
    /// A server refused what was asked for, and the command was told to count that as an error.
    case refused = 22
    /// Ended by Ctrl-C before the work was done: 128 and the signal's number.
    case interrupted = 130
}

/// What is wrong with a value of the command line, in words for the person who wrote it.
public struct ArgumentError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The explanation.
    public let description: String

    /// An error with an explanation.
    public init(_ description: String) {
        self.description = description
    }
}
