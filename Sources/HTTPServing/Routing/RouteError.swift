// SPDX-License-Identifier: MIT

/// Why a route was not registered. The patterns are as they were written, with the groups'
/// prefixes.
public enum RouteError: Error, Equatable, Sendable {
    /// The pattern is not of the form that `RoutePattern` describes.
    case invalidPattern(String, PatternFault)
    /// The method is not a token (RFC 9110, 5.6.2).
    case invalidMethod(String)
    /// The same pattern was registered for the same method before.
    case duplicate(method: String, pattern: String, existing: String)
    /// Two patterns give the parameter of one kind at one place different names.
    case nameConflict(pattern: String, existing: String)
    /// One pattern has two parameters of one name.
    case duplicateName(pattern: String, name: String)
    /// No request can ever match: the pattern has a dot segment, a NUL, or a "?" or "#" that no
    /// path contains.
    case unreachable(String)
    /// More methods than `MethodCode.countMax`.
    case tooManyMethods(String)
    /// More routes than `RouterBuilder.routeCountMax`.
    case tooManyRoutes(String)
}

/// What is wrong with a pattern.
public enum PatternFault: Error, Equatable, Sendable {
    /// It does not begin with "/".
    case noLeadingSlash
    /// A segment that is not the last one is empty.
    case emptySegment
    /// A parameter or wildcard has no name, or one that is no identifier of letters, digits, "_"
    /// and "-".
    case invalidName
    /// The kind in parentheses is not one of `ParameterKind`, or a parenthesis is missing.
    case unknownKind
    /// Something follows the wildcard.
    case wildcardNotLast
    /// A "%" that no two hexadecimal digits follow.
    case invalidEscape
    /// More segments than `RoutePattern.segmentCountMax`.
    case tooManySegments
    /// More parameters than `RouteParameters.capacity`.
    case tooManyParameters
    /// More bytes than `RoutePattern.byteCountMax`.
    case tooLong
}
