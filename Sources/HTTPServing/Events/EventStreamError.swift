// SPDX-License-Identifier: MIT

/// Why an event was not encoded.
public enum EventStreamError: Error, Equatable, Sendable {
    /// The event's name has a line end.
    case invalidName
    /// The id has a line end or a NUL, so that the browser would not keep it.
    case invalidID
}
