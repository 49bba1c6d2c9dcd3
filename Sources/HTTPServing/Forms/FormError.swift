// SPDX-License-Identifier: MIT

/// Why a query or form was refused.
public enum FormError: Error, Equatable, Sendable {
    /// More pairs than the limit: answer 413 (a form) or 414 (a query).
    case tooManyPairs
    /// More bytes than the limit: answer 413.
    case tooLong
}
