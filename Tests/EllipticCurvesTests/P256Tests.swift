// SPDX-License-Identifier: MIT

import EllipticCurves
import Testing

/// P-256 against RFC 5903 and Wycheproof, and at the edges.
struct P256Tests {
    static let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    static let x = hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
    static let y = hex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
    static let modulus = hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")
    static var base: [UInt8] { [4] + x + y }

    /// The order plus or minus something.
    static func order(_ offset: Int) -> [UInt8] {
        var bytes = order
        var carry = offset
        for index in bytes.indices.reversed() {
            let sum = Int(bytes[index]) + carry
            bytes[index] = UInt8(truncatingIfNeeded: sum)
            carry = sum >> 8
        }
        return bytes
    }

    /// The point with −y.
    static func negated(_ point: [UInt8]) -> [UInt8] {
        var bytes = point
        var borrow = 0
        for index in (0..<32).reversed() {
            let difference = Int(modulus[index]) - Int(point[33 + index]) - borrow
            bytes[33 + index] = UInt8(truncatingIfNeeded: difference)
            borrow = difference < 0 ? 1 : 0
        }
        return bytes
    }

    @Test func agreementOfTheStandard() {
        // Wrong if keys or what is agreed on are others than in RFC 5903, section 8.1.
        let i = hex("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433")
        let r = hex("c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53")
        let publicI = hex(
            "04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
                + "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3")
        let publicR = hex(
            "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
                + "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab")
        let shared = hex("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de")
        #expect(P256.baseProduct(i) == publicI)
        #expect(P256.baseProduct(r) == publicR)
        #expect(P256.product(publicR, i).map { Array($0[1...32]) } == shared)
        #expect(P256.product(publicI, r).map { Array($0[1...32]) } == shared)
    }

    @Test func scalarsAtTheEdges() {
        // Wrong if the formulas meet a case that they do not hold for, or the infinite is not told.
        let base = Self.base
        for scalar in [number(0), Self.order] {
            #expect(P256.baseProduct(scalar) == nil)
            #expect(P256.product(base, scalar) == nil)
            #expect(P256.sum(base, scalar, base: scalar) == nil)
        }
        #expect(P256.baseProduct(number(1)) == base)
        #expect(P256.product(base, number(1)) == base)
        #expect(P256.baseProduct(Self.order(-1)) == Self.negated(base))
        #expect(P256.product(base, Self.order(1)) == base)
        #expect(P256.baseProduct([UInt8](repeating: 255, count: 32)) != nil)
        // k and n − k are opposite; the last digits of both take all values.
        for small in 1...70 {
            let point = P256.baseProduct(number(UInt64(small)))
            #expect(P256.product(base, number(UInt64(small))) == point)
            #expect(P256.baseProduct(Self.order(-small)) == point.map(Self.negated))
            #expect(P256.product(base, Self.order(-small)) == point.map(Self.negated))
        }
    }

    @Test func powersOfTwo() {
        // Wrong if an entry of the table has another weight, or a bit is read from another place.
        var point = Self.base
        for bit in 0..<255 {
            var scalar = [UInt8](repeating: 0, count: 32)
            scalar[31 - bit / 8] = 1 << UInt8(bit % 8)
            #expect(P256.baseProduct(scalar) == point, "2^\(bit)")
            if bit % 16 == 0 { #expect(P256.product(Self.base, scalar) == point, "2^\(bit)") }
            point = P256.product(point, number(2)) ?? []
        }
    }

    @Test func tableAgreesWithDoublings() {
        // Wrong if some digit of a scalar finds another entry of the table, or one with another
        // sign, or a sum of digits meets one of the formulas' exceptions.
        var random = SeededBytes(seed: 2)
        var scalars = (0..<40).map { _ in random.bytes(32) }
        for byte in stride(from: 5, through: 255, by: 25) {
            scalars.append([UInt8](repeating: UInt8(byte), count: 32))
        }
        // 2^256 − n, and twice that: where the last addition of the table would meet itself.
        scalars.append(hex("00000000ffffffff00000000000000004319055258e8617b0c46353d039cdaaf"))
        scalars.append(hex("00000001fffffffe000000000000000086320aa4b1d0c2f6188c6a7a0739b55e"))
        for scalar in scalars {
            #expect(P256.baseProduct(scalar) == P256.product(Self.base, scalar), "\(scalar)")
        }
    }

    @Test func sums() {
        // Wrong if a sum of equal, opposite or infinite points is another.
        let point = P256.baseProduct(number(7)) ?? []
        let base = Self.base
        // 7·3 + 21, the same point twice; 7·3 − 21; 7·0 + 5; 7·5 + 0.
        #expect(P256.sum(point, number(3), base: number(21)) == P256.baseProduct(number(42)))
        #expect(P256.sum(point, number(3), base: Self.order(-21)) == nil)
        #expect(P256.sum(point, number(0), base: number(5)) == P256.baseProduct(number(5)))
        #expect(P256.sum(point, number(5), base: number(0)) == P256.baseProduct(number(35)))
        #expect(P256.sum(point, number(2), base: number(3)) == P256.baseProduct(number(17)))
        #expect(P256.sum(point, number(3), base, number(21)) == P256.baseProduct(number(42)))
        #expect(P256.sum(point, number(3), base, Self.order(-21)) == nil)
        #expect(P256.sum(point, number(2), base, number(3)) == P256.baseProduct(number(17)))
        #expect(P256.sum(point, number(2), point, number(3)) == P256.baseProduct(number(35)))
    }

    @Test func bytesThatAreNoPoint() {
        // Wrong if what is not on the curve is computed with: a peer could learn the secret.
        let base = Self.base
        let compressed = [2 + (Self.y[31] & 1)] + Self.x
        var bad: [[UInt8]] = [
            [], [4], [0], Array(base.dropLast()), base + [0], [6] + base.dropFirst(),
            [0] + base.dropFirst(), compressed, [UInt8](repeating: 0, count: 65),
            [4] + [UInt8](repeating: 0, count: 64),
        ]
        for index in [1, 20, 32, 33, 50, 64] {
            var bytes = base
            bytes[index] ^= 1
            bad.append(bytes)
        }
        // (0, y) is on the curve; with p added to x it is no encoding.
        let y0 = hex("66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4")
        #expect(P256.product([4] + number(0) + y0, number(1)) != nil)
        bad.append([4] + Self.modulus + y0)
        bad.append([4] + [UInt8](repeating: 255, count: 32) + y0)
        for bytes in bad {
            #expect(P256.product(bytes, number(2)) == nil, "\(bytes)")
            #expect(P256.sum(bytes, number(2), base: number(3)) == nil, "\(bytes)")
            #expect(P256.sum(bytes, number(2), base, number(3)) == nil, "\(bytes)")
            #expect(P256.sum(base, number(2), bytes, number(3)) == nil, "\(bytes)")
        }
    }

    @Test func signatures() {
        // Wrong if r and s are others than in RFC 6979, section A.2.5, with the nonce given there,
        // or if what may be no secret or no nonce is taken.
        let secret = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
        let hash = hex("af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf")
        let nonce = hex("a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60")
        let r = hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716")
        let s = hex("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")
        #expect(P256.signature(hash, secret, nonce) == r + s)
        #expect(P256.signature(hash + [1], secret, nonce) == r + s)
        for bad in [number(0), Self.order, Self.order(1), [UInt8](repeating: 255, count: 32)] {
            #expect(P256.signature(hash, bad, nonce) == nil)
            #expect(P256.signature(hash, secret, bad) == nil)
        }
        for good in [number(1), Self.order(-1)] {
            #expect(P256.signature(hash, good, nonce) != nil)
            #expect(P256.signature(hash, secret, good) != nil)
        }
        // A short hash has zeroes before it; one above n is less n.
        let short = P256.signature([5], secret, nonce)
        #expect(short == P256.signature(number(5), secret, nonce))
        #expect(P256.signature(Self.order(5), secret, nonce) == short)
        #expect(P256.signature([], secret, nonce) == P256.signature(Self.order, secret, nonce))
    }

    @Test func wycheproof() throws {
        // Wrong if one of 355 chosen agreements is another, or a point that is none is taken.
        let lines = try vectors("ecdh_secp256r1.txt")
        #expect(lines.count == 355)
        for line in lines {
            let product = P256.product(hex(line[2]), hex(line[1])).map { Array($0[1...32]) }
            let expected = line[4] == "valid" ? hex(line[3]) : nil
            #expect(product == expected, "test \(line[0])")
        }
    }
}
