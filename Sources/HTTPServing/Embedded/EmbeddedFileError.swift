// SPDX-License-Identifier: MIT

/// Why a set of embedded files cannot be served: found when it is made, before a server runs.
public enum EmbeddedFileError: Error, Equatable, Sendable {
    /// No request could ask for this name: it is empty, has an empty or a dot segment, a control
    /// byte, a backslash, or a slash at its beginning or end.
    case badName(String)
    /// Two files have this name, or one is a folder of the other.
    case duplicateName(String)
    /// The type of this file cannot stand in a field.
    case badType(String)
}
