// SPDX-License-Identifier: MIT

/// What a client says about content codings, collected from its `Accept-Encoding` fields. RFC 9110,
/// 12.5.3.
///
/// Without a field anything is allowed and nothing asked for, so the bytes are sent as they are.
/// With one, a coding that it does not name is refused unless "*" allows it; identity is allowed
/// unless it is refused by name or by "*;q=0". An item with a malformed weight is skipped.
public struct AcceptedCodings: Sendable {
    private static let unnamed: Int16 = -1

    private var qualities = InlineArray<4, Int16>(repeating: Self.unnamed)
    private var star = Self.unnamed
    private var hasField = false

    /// No field yet.
    public init() {}

    /// Adds the value of one `Accept-Encoding` field, which may be empty.
    public mutating func add(_ value: Span<UInt8>) {
        hasField = true
        var position = 0
        // Ends: every turn goes on by one byte or more.
        while let item = HeaderBytes.nextItem(value, at: &position, separator: 0x2C) {
            var parameters = HeaderParameters(value, item)
            let name = parameters.value
            guard let quality = QualityValue.parse(value, &parameters) else { continue }
            if let coding = ContentCoding.named(value, name) {
                qualities[Int(coding.rawValue)] = quality
            } else if name.count == 1, value[name.lowerBound] == 0x2A {
                star = quality
            }
        }
    }

    /// How much the client wants a coding, in thousandths; zero is not at all.
    public func quality(of coding: ContentCoding) -> Int {
        let named = qualities[Int(coding.rawValue)]
        if named != Self.unnamed { return Int(named) }
        if star != Self.unnamed { return Int(star) }
        if coding == .identity { return 1 }
        return hasField ? 0 : 1
    }

    /// The best of the codings that the server offers; of two that are wanted as much, the one that
    /// makes less: Brotli, gzip, deflate, identity. Nil if none is allowed: answer 406.
    ///
    /// Whenever the answer depends on this, it has `Vary: Accept-Encoding`.
    public func choose(from offered: ContentCodings) -> ContentCoding? {
        if !hasField, offered.contains(.identity) { return .identity }
        var best: ContentCoding?
        var bestQuality = 0
        for coding in [ContentCoding.br, .gzip, .deflate, .identity] where offered.contains(coding)
        {
            let quality = quality(of: coding)
            if quality > bestQuality {
                best = coding
                bestQuality = quality
            }
        }
        return best
    }
}
