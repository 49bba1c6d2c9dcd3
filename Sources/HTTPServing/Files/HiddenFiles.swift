// SPDX-License-Identifier: MIT

/// Whether files and folders are served whose names begin with a dot.
public enum HiddenFiles: Sendable {
    /// None is.
    case refused
    /// Those below `/.well-known/` are (RFC 8615), but no other dot below it.
    case wellKnown
    /// All are.
    case served
}
