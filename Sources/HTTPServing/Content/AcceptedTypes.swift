// SPDX-License-Identifier: MIT

/// Which of several media types a client wants. RFC 9110, 12.5.1.
public enum AcceptedTypes {
    /// The most items of an `Accept` field that are looked at; what follows does not count.
    public static let itemCountMax = 64

    /// The place of the best type among `offers`; the first of equals. Nil if none is acceptable:
    /// answer 406, or send one all the same.
    ///
    /// An offer's quality is that of the most precise range that matches it: a type before `text/*`
    /// before `*/*`. A range with parameters matches only offers that have the same ones written in
    /// the same way. Without a field, or with an empty one, the first offer is the best.
    ///
    /// O(items × offers), no allocation.
    public static func best(of offers: [StaticString], accept: Span<UInt8>?) -> Int? {
        guard let accept, !HeaderBytes.trimmed(accept, 0..<accept.count).isEmpty else {
            return offers.isEmpty ? nil : 0
        }
        var best: Int?
        var bestQuality: Int16 = 0
        for (index, offer) in offers.enumerated() {
            let quality = quality(of: offer, accept)
            if quality > bestQuality {
                best = index
                bestQuality = quality
            }
        }
        return best
    }

    private static func quality(of offer: StaticString, _ accept: Span<UInt8>) -> Int16 {
        var quality: Int16 = 0
        var precision = 0
        var position = 0
        var rest = itemCountMax
        while rest > 0, let item = HeaderBytes.nextItem(accept, at: &position, separator: 0x2C) {
            rest -= 1
            var parameters = HeaderParameters(accept, item)
            guard let found = match(accept, parameters.value, item, offer) else { continue }
            guard let value = QualityValue.parse(accept, &parameters) else { continue }
            if found > precision {
                precision = found
                quality = value
            }
        }
        return quality
    }

    /// How precisely a range names an offer: 4 with its parameters, 3 its type, 2 `type/*`, 1
    /// `*/*`; nil if it does not.
    private static func match(
        _ bytes: Span<UInt8>, _ essence: Range<Int>, _ item: Range<Int>, _ offer: StaticString
    ) -> Int? {
        offer.withUTF8Buffer { buffer -> Int? in
            // SAFETY: a literal's bytes live as long as the program.
            let offer = unsafe Span(_unsafeElements: buffer)
            let end = weightStart(bytes, item, behind: essence.upperBound)
            let full = HeaderBytes.trimmed(bytes, essence.lowerBound..<end)
            if full.count > essence.count { return isEqual(bytes, full, offer) ? 4 : nil }
            let parts = HeaderParameters(offer, 0..<offer.count)
            let offered = offer.extracting(parts.value)
            if isEqual(bytes, essence, offered) { return 3 }
            guard essence.count >= 3, bytes[essence.upperBound &- 1] == 0x2A,
                bytes[essence.upperBound &- 2] == 0x2F
            else { return nil }
            let type = essence.lowerBound..<(essence.upperBound &- 1)
            if type.count == 2, bytes[type.lowerBound] == 0x2A { return 1 }
            guard type.count < offered.count else { return nil }
            return isEqual(bytes, type, offered.extracting(0..<type.count)) ? 2 : nil
        }
    }

    /// Where ";q=" begins, or the item ends.
    private static func weightStart(
        _ bytes: Span<UInt8>, _ item: Range<Int>, behind start: Int
    ) -> Int {
        var index = start
        while index < item.upperBound {  // Ends: every turn goes on by one byte or more.
            guard bytes[index] == 0x3B else {
                index &+= 1
                continue
            }
            var next = index &+ 1
            while next < item.upperBound, HeaderBytes.isBlank(bytes[next]) { next &+= 1 }
            if next &+ 1 < item.upperBound, bytes[next] | 0x20 == 0x71, bytes[next &+ 1] == 0x3D {
                return index
            }
            index = next
        }
        return item.upperBound
    }

    private static func isEqual(
        _ bytes: Span<UInt8>, _ range: Range<Int>, _ offer: Span<UInt8>
    ) -> Bool {
        guard range.count == offer.count else { return false }
        for index in offer.indices {
            let byte = HeaderBytes.lowercased(bytes[range.lowerBound &+ index])
            if byte != HeaderBytes.lowercased(offer[index]) { return false }
        }
        return true
    }
}
