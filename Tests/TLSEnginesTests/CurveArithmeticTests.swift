// SPDX-License-Identifier: MIT

#if TLS

    import CBearSSL
    import Foundation
    import Testing

    @testable import TLSEngines

    /// Our arithmetic in BearSSL's place, next to BearSSL's own.
    struct CurveArithmeticTests {
        private let ours = Curves.ours
        private let theirs = Curves.theirs

        @Test func sameAsBearSSL() {
            // Wrong if ours and BearSSL's arithmetic differ for an input; a failure names the seed.
            let environment = ProcessInfo.processInfo.environment
            let rounds = environment["MILLRACE_CURVE_ROUNDS"].flatMap(Int.init) ?? 300
            let seed = environment["MILLRACE_CURVE_SEED"].flatMap(UInt64.init)
            var random = CurveInputs(seed: seed ?? .random(in: 0...UInt64.max))
            let first = random.seed
            print("curves: \(rounds) rounds from seed \(first)")
            for round in 0..<rounds {
                if let fault = ours.difference(from: theirs, &random) {
                    Issue.record("round \(round) of seed \(first): \(fault)")
                    return
                }
            }
        }

        @Test func scalarsOfOtherSizes() {
            // Wrong if a scalar with zeroes before it, or a short one, is another number.
            let short: [UInt8] = [1, 2, 3]
            for scalar in [short, [0, 0] + short, [UInt8](repeating: 0, count: 40) + short] {
                #expect(
                    ours.base(23, scalar) == theirs.base(23, short))
                let point = ours.base(23, [5])
                #expect(
                    ours.product(23, point, scalar)
                        == theirs.product(23, point, short))
            }
            #expect(ours.base(29, short) == theirs.base(29, short))
            let point = ours.base(29, [5])
            #expect(
                ours.product(29, point, short)
                    == theirs.product(29, point, short))
            let long = [UInt8](repeating: 1, count: 33)
            #expect(ours.product(29, point, long) == nil)
        }

        @Test func otherCurvesAreBearSSLs() {
            // Wrong if P-384 and P-521 are lost, or another curve is answered for them.
            let scalar: [UInt8] = [1, 2, 3]
            for curve: Int32 in [24, 25] {
                let point = ours.base(curve, scalar)
                #expect(point == theirs.base(curve, scalar))
                #expect(
                    ours.product(curve, point, scalar)
                        == theirs.product(curve, point, scalar))
                #expect(
                    ours.sum(curve, point, nil, scalar, [9])
                        == theirs.sum(curve, point, nil, scalar, [9]))
            }
            #expect(ours.supported == theirs.supported)
        }

        @Test func badPoints() {
            // Wrong if a peer's point that is none of the curve is computed with.
            let good = ours.base(23, [7])
            for bad in [[], Array(good.dropLast()), [2] + good.dropFirst(), good.dropLast() + [0]] {
                #expect(ours.product(23, Array(bad), [3]) == nil)
                #expect(ours.sum(23, Array(bad), nil, [3], [4]) == nil)
                #expect(ours.sum(23, Array(bad), good, [3], [4]) == nil)
            }
            let zero = [UInt8](repeating: 0, count: 32)
            #expect(ours.product(29, zero, [3]) == nil)
            #expect(ours.product(29, Array(zero.dropLast()), [3]) == nil)
        }

        @Test func signaturesOfWycheproof() throws {
            // Wrong if one of 262 chosen signatures is taken although it is none, or refused.
            let file = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../EllipticCurvesTests/Vectors/ecdsa_secp256r1_sha256.txt")
            var key: [UInt8] = []
            var count = 0
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                let words = line.split(separator: " ").map { Curves.bytes($0) }
                if line.hasPrefix("#") { continue }
                if line.hasPrefix("key") {
                    key = words[1]
                    continue
                }
                let answers = ours.isSignature(Curves.der(words[2]), of: words[1], by: key)
                #expect(answers.ours == line.hasSuffix(" valid"), "\(line)")
                #expect(answers.theirs == answers.ours, "\(line)")
                count += 1
            }
            #expect(count == 262)
        }

        @Test func signatureOfTheStandard() {
            // Wrong if a signature with a nonce by RFC 6979 is another than in its section A.2.5.
            let secret = Curves.bytes(
                "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
            let hash = Curves.bytes(  // SHA-256 of "sample"
                "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf")
            let signature = Curves.bytes(
                "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                    + "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")
            // Both halves begin with a one bit, hence with a zero byte in DER.
            let halves = [0x02, 0x21, 0] + signature[..<32] + [0x02, 0x21, 0] + signature[32...]
            let both = ours.signatures(of: hash, by: secret)
            #expect(both.ours == [0x30, 70] + halves)
            let key = ours.base(23, secret)
            #expect(ours.isSignature(both.ours, of: hash, by: key) == (true, true))
        }

        @Test(arguments: [32, 48, 64])
        func signaturesSameAsBearSSLs(_ hashByteCount: Int) {
            // Wrong if a signature or its nonce is another than BearSSL's, for any size of hash, or
            // for a key on another curve.
            var random = CurveInputs(seed: .random(in: 0...UInt64.max))
            let seed = random.seed
            for round in 0..<40 {
                let hash = random.bytes() + random.bytes()
                let both = ours.signatures(
                    of: Array(hash[..<hashByteCount]), by: random.scalar(),
                    curve: round % 10 == 0 ? 24 : 23)
                #expect(both.ours == both.theirs, "round \(round) of seed \(seed)")
                #expect(both.ours.count > 60)
            }
        }

        @Test func whatIsNoSignature() {
            // Wrong if a signature that is cut, longer, for other bytes, or by a key that is none,
            // is taken, or if a key on another curve is lost.
            let secret = [UInt8](repeating: 9, count: 32)
            let hash = [UInt8](repeating: 1, count: 32)
            let key = ours.base(23, secret)
            let good = ours.signatures(of: hash, by: secret).ours
            #expect(ours.isSignature(good, of: hash, by: key) == (true, true))
            #expect(ours.isSignature(good, of: hash + [7], by: key) == (true, true))
            for bad in [[], [0x30], Array(good.dropLast()), good + [0], Array(good.reversed())] {
                #expect(ours.isSignature(bad, of: hash, by: key).ours == false)
            }
            let long = [0x30, 80, 0x02, 40] + [UInt8](repeating: 1, count: 40) + [0x02, 36]
            #expect(
                ours.isSignature(long + good[..<36], of: hash, by: key) == (false, false))
            #expect(ours.isSignature(good, of: [2] + hash, by: key) == (false, false))
            for bad in [[], [4], Array(key.dropLast()), [UInt8](repeating: 4, count: 65)] {
                #expect(ours.isSignature(good, of: hash, by: bad) == (false, false))
            }
            let other = ours.base(24, secret)
            let signature = ours.signatures(of: hash, by: secret, curve: 24).ours
            #expect(
                ours.isSignature(signature, of: hash, by: other, curve: 24) == (true, true))
            #expect(
                ours.isSignature(signature, of: secret, by: other, curve: 24)
                    == (false, false))
        }

        @Test func secretsThatAreNone() {
            // Wrong if a signature with the secret 0, n, or above is given out.
            let hash = [UInt8](repeating: 1, count: 32)
            let order = Curves.bytes(
                "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
            for secret in [
                [], [0], [UInt8](repeating: 0, count: 32), order,
                [UInt8](repeating: 255, count: 32),
            ] {
                let both = ours.signatures(of: hash, by: secret)
                #expect(both.ours == both.theirs)
                #expect(both.ours == [])
            }
            // The largest that is one, and a short one.
            for secret in [Array(order.dropLast()) + [0x50], [7]] {
                let both = ours.signatures(of: hash, by: secret)
                #expect(both.ours == both.theirs)
                #expect(both.ours != [])
            }
        }
    }

#endif
