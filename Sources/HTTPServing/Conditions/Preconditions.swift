// SPDX-License-Identifier: MIT

/// The conditions of a request, collected field by field and decided in the order of RFC 9110,
/// 13.2.2.
///
///     var conditions = Preconditions(validators)
///     conditions.ifNoneMatch(value)           // for each such field of the request
///     switch conditions.outcome(isGetOrHead: true) { … }
///
/// Dates are given as seconds since 1970, nil for one that is none: such a condition is ignored
/// (13.1.3, 13.1.4), and so is one that is given twice. A malformed list of tags never matches:
/// `If-Match` fails, `If-None-Match` lets GET and HEAD proceed and fails any other method.
///
/// Evaluate only if the answer without conditions would be a success (13.2.1).
public struct Preconditions: Sendable {
    private let validators: Validators
    private let exists: Bool
    private var match: EntityTagList.Result?
    private var noneMatch: EntityTagList.Result?
    private var modifiedSince = SingleDate()
    private var unmodifiedSince = SingleDate()

    private struct SingleDate {
        var seconds: Int64?
        var fieldCount = 0

        mutating func add(_ date: Int64?) {
            fieldCount += 1
            seconds = fieldCount == 1 ? date : nil
        }
    }

    /// No conditions yet. `exists` is whether the resource has a representation now.
    public init(_ validators: Validators, exists: Bool = true) {
        self.validators = validators
        self.exists = exists
    }

    /// Adds an `If-Match` field.
    public mutating func ifMatch(_ value: Span<UInt8>) {
        let result = EntityTagList.compare(value, with: tag, .strong)
        match = Self.combined(match, result)
    }

    /// Adds an `If-None-Match` field.
    public mutating func ifNoneMatch(_ value: Span<UInt8>) {
        let result = EntityTagList.compare(value, with: tag, .weak)
        noneMatch = Self.combined(noneMatch, result)
    }

    /// Adds an `If-Modified-Since` field.
    public mutating func ifModifiedSince(_ seconds: Int64?) { modifiedSince.add(seconds) }

    /// Adds an `If-Unmodified-Since` field.
    public mutating func ifUnmodifiedSince(_ seconds: Int64?) { unmodifiedSince.add(seconds) }

    /// What the conditions make of the request.
    public func outcome(isGetOrHead: Bool) -> PreconditionOutcome {
        if let match {
            if !holds(match) { return .failed }
        } else if let limit = unmodifiedSince.seconds,
            let changed = validators.lastModifiedSeconds, exists, changed > limit
        {
            return .failed
        }
        if let noneMatch {
            if holds(noneMatch) { return isGetOrHead ? .notModified : .failed }
            return noneMatch == .malformed && !isGetOrHead ? .failed : .proceed
        }
        if isGetOrHead, exists, let limit = modifiedSince.seconds,
            let changed = validators.lastModifiedSeconds, changed <= limit
        {
            return .notModified
        }
        return .proceed
    }

    /// Whether a part of the representation may be sent: `If-Range` holds, RFC 9110, 13.1.5.
    ///
    /// The field has a tag or a date; `dateSeconds` is its date if it is one. A date holds only if
    /// it is exactly ours and a second has passed since, so that no change is hidden in it.
    public static func ifRangeHolds(
        _ value: Span<UInt8>, dateSeconds: Int64?, _ validators: Validators, nowSeconds: Int64
    ) -> Bool {
        if let dateSeconds {
            return validators.lastModifiedSeconds == dateSeconds && dateSeconds < nowSeconds
        }
        let result = EntityTagList.compare(value, with: validators.entityTag, .strong)
        return result == .matched && !Self.hasComma(value)
    }

    private var tag: EntityTag? { exists ? validators.entityTag : nil }

    private func holds(_ result: EntityTagList.Result) -> Bool {
        result == .matched || result == .any && exists
    }

    /// Several fields are one list.
    private static func combined(
        _ first: EntityTagList.Result?, _ second: EntityTagList.Result
    ) -> EntityTagList.Result {
        guard let first else { return second }
        if first == .matched || second == .matched { return .matched }
        // "*" stands alone.
        if first == .any || second == .any { return .malformed }
        return first == .malformed ? first : second
    }

    /// Whether the value is a list: a tag may have a comma inside.
    private static func hasComma(_ value: Span<UInt8>) -> Bool {
        var position = 0
        _ = HeaderBytes.nextItem(value, at: &position, separator: 0x2C)
        return position <= value.count
    }
}
