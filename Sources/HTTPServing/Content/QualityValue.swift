// SPDX-License-Identifier: MIT

/// A quality value in thousandths. RFC 9110, 12.4.2.
enum QualityValue {
    /// The quality of an item without one.
    static let full: Int16 = 1000

    /// "0", "0.5", "1.000" as thousandths; nil for anything else.
    static func parse(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int16? {
        guard (1...5).contains(range.count) else { return nil }
        let first = bytes[range.lowerBound]
        guard first == 0x30 || first == 0x31 else { return nil }
        var value = Int16(first &- 0x30) * 1000
        if range.count == 1 { return value }
        guard bytes[range.lowerBound &+ 1] == 0x2E else { return nil }
        var place: Int16 = 100
        for index in (range.lowerBound &+ 2)..<range.upperBound {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            value += Int16(digit) * place
            place /= 10
        }
        return value <= 1000 ? value : nil
    }

    /// The quality among an item's parameters: full without one, nil if something is malformed.
    static func parse(
        _ bytes: Span<UInt8>, _ parameters: inout HeaderParameters
    ) -> Int16? {
        var result = full
        while let parameter = parameters.next(in: bytes) {  // Ends: every turn goes on.
            guard HeaderBytes.matches(bytes, parameter.name, "q") else { continue }
            guard let value = parse(bytes, parameter.value) else { return nil }
            result = value
        }
        return parameters.isMalformed ? nil : result
    }
}
