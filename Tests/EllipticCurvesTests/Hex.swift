// SPDX-License-Identifier: MIT

import EllipticCurves
import Foundation

/// Bytes by their hexadecimal digits; spaces do not count, "-" is nothing.
func hex(_ text: some StringProtocol) -> [UInt8] {
    let digits = text.utf8.compactMap { Int8(String(UnicodeScalar($0)), radix: 16) }
    return stride(from: 0, to: digits.count, by: 2).map {
        UInt8(digits[$0]) << 4 | UInt8(digits[$0 + 1])
    }
}

/// A number as 32 bytes, the highest first.
func number(_ value: UInt64) -> [UInt8] {
    (0..<32).map { $0 < 24 ? 0 : UInt8(truncatingIfNeeded: value >> UInt64(8 * (31 - $0))) }
}

/// The lines of a file of vectors, in words.
func vectors(_ name: String) throws -> [[Substring]] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let text = try String(contentsOf: folder.appending(path: "Vectors/\(name)"), encoding: .utf8)
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        .map { $0.split(separator: " ") }
}

/// Random bytes from a seed that a failure prints.
struct SeededBytes {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// SplitMix64 (G. Steele, D. Lea, C. Flood, 2014).
    mutating func word() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: word()) }
    }
}

extension X25519 {
    /// The product; nil if it is zero.
    static func product(_ scalar: [UInt8], _ point: [UInt8]) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0xaa, count: 32)
        var span = bytes.mutableSpan
        let isGood = multiply(scalar: scalar.span, point: point.span, into: &span)
        if !isGood { return bytes.allSatisfy { $0 == 0 } ? nil : [] }
        return bytes
    }

    static func key(_ scalar: [UInt8]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xaa, count: 32)
        var span = bytes.mutableSpan
        publicKey(scalar: scalar.span, into: &span)
        return bytes
    }
}

extension P256 {
    /// What the closure writes; nil if it says that it could not, and has written zeroes.
    private static func result(
        _ compute: (inout MutableSpan<UInt8>) -> Bool
    ) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0xaa, count: 65)
        var span = bytes.mutableSpan
        let isGood = compute(&span)
        if !isGood { return bytes.allSatisfy { $0 == 0 } ? nil : [] }
        return bytes
    }

    static func product(_ point: [UInt8], _ scalar: [UInt8]) -> [UInt8]? {
        result { multiply(point.span, by: scalar.span, into: &$0) }
    }

    static func signature(_ hash: [UInt8], _ secret: [UInt8], _ nonce: [UInt8]) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0xaa, count: 64)
        var span = bytes.mutableSpan
        return sign(hash: hash.span, secret: secret.span, nonce: nonce.span, into: &span)
            ? bytes : nil
    }

    static func baseProduct(_ scalar: [UInt8]) -> [UInt8]? {
        result { multiplyBase(by: scalar.span, into: &$0) }
    }

    static func sum(_ point: [UInt8], _ scalar: [UInt8], base: [UInt8]) -> [UInt8]? {
        result {
            multiplyAdd(point.span, by: scalar.span, baseScalar: base.span, into: &$0)
        }
    }

    static func sum(
        _ point: [UInt8], _ scalar: [UInt8], _ other: [UInt8], _ otherScalar: [UInt8]
    ) -> [UInt8]? {
        result {
            multiplyAdd(
                point.span, by: scalar.span, other: other.span, by: otherScalar.span, into: &$0)
        }
    }
}
