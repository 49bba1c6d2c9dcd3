// SPDX-License-Identifier: MIT

import EllipticCurves
import Testing

/// X25519 against RFC 7748, Wycheproof, and what must hold of any scalar.
struct X25519Tests {
    @Test(arguments: [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"
        ),
    ])
    func vectorsOfTheStandard(_ scalar: String, _ point: String, _ result: String) {
        // Wrong if a product is another than RFC 7748 (section 5.2) says.
        #expect(X25519.product(hex(scalar), hex(point)) == hex(result))
    }

    @Test func thousandRounds() {
        // Wrong if an error appears only in some of many products (RFC 7748, section 5.2).
        var scalar = hex("09" + String(repeating: "00", count: 31))
        var point = scalar
        for round in 1...1000 {
            let next = X25519.product(scalar, point) ?? []
            point = scalar
            scalar = next
            if round == 1 {
                #expect(
                    scalar
                        == hex("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"))
            }
        }
        #expect(
            scalar == hex("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"))
    }

    @Test func agreement() {
        // Wrong if the table of the base point and the ladder disagree with RFC 7748, section 6.1.
        let alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
        let bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
        let keyA = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
        let keyB = hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
        let shared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
        #expect(X25519.key(alice) == keyA)
        #expect(X25519.key(bob) == keyB)
        #expect(X25519.product(alice, keyB) == shared)
        #expect(X25519.product(bob, keyA) == shared)
    }

    @Test func tableAgreesWithLadder() {
        // Wrong if some digit of a scalar finds another entry of the table, or one with another
        // sign. The base point's products by the ladder are the reference.
        let base = hex("09" + String(repeating: "00", count: 31))
        var scalars: [[UInt8]] = [
            [UInt8](repeating: 0, count: 32), [UInt8](repeating: 0xff, count: 32),
        ]
        // Each digit at each place, with and without a carry from below.
        for byte in stride(from: 0, through: 255, by: 15) {
            scalars.append([UInt8](repeating: UInt8(byte), count: 32))
            scalars.append((0..<32).map { UInt8(truncatingIfNeeded: byte + 9 * $0) })
        }
        var random = SeededBytes(seed: 1)
        for _ in 0..<100 { scalars.append(random.bytes(32)) }
        for scalar in scalars {
            #expect(X25519.key(scalar) == X25519.product(scalar, base), "\(scalar)")
        }
    }

    @Test func pointsOfSmallOrder() {
        // Wrong if an agreement that everybody knows is not told from a good one (RFC 8422, 5.11).
        let scalar = [UInt8](repeating: 0x5a, count: 32)
        for point in [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ] {
            #expect(X25519.product(scalar, hex(point)) == nil, "\(point)")
        }
    }

    @Test func numbersAboveTheModulus() {
        // Wrong if 2^255 − 19 + n is another point than n, or the highest bit counts.
        let scalar = [UInt8](repeating: 0x5a, count: 32)
        for small: UInt8 in 2..<19 {
            let point = [small] + [UInt8](repeating: 0, count: 31)
            let large = [0xed + small] + [UInt8](repeating: 0xff, count: 30)
            let product = X25519.product(scalar, point)
            #expect(product != nil)
            #expect(X25519.product(scalar, large + [0x7f]) == product)
            #expect(X25519.product(scalar, large + [0xff]) == product)
        }
    }

    @Test func wycheproof() throws {
        // Wrong if one of 518 chosen products is another, or a zero is not told.
        let lines = try vectors("x25519.txt")
        #expect(lines.count == 518)
        for line in lines {
            let product = X25519.product(hex(line[1]), hex(line[2]))
            let expected = line[4] == "zero" ? nil : hex(line[3])
            #expect(product == expected, "test \(line[0])")
        }
    }
}
