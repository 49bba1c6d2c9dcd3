// SPDX-License-Identifier: MIT

/// Why a multipart body was refused. The limits answer 413, the rest 400.
public enum MultipartError: Error, Equatable, Sendable {
    /// More parts than the limit.
    case tooManyParts
    /// A part's head is longer than the limit.
    case headTooLong
    /// A part's head has more fields than the limit.
    case tooManyFields
    /// A part is longer than the limit.
    case partTooLong
    /// More bytes before the first boundary than the limit.
    case preambleTooLong
    /// Something other than blanks and a line end, or "--", follows a boundary.
    case malformedBoundary
    /// A line of a head is no field: no colon, a name that is no token, a folded line, a bare CR or
    /// LF, a NUL.
    case malformedHead
    /// A part of a form has no `Content-Disposition: form-data` with a name.
    case missingName
    /// The body ended before its last boundary.
    case truncated
}
