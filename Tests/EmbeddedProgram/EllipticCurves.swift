// SPDX-License-Identifier: MIT

import EllipticCurves

/// Two ends agree on a secret, on both curves.
func useEllipticCurves() {
    let first = [UInt8](repeating: 1, count: 32)
    let second = [UInt8](repeating: 2, count: 32)
    check(
        agreed(first, key(second)) == agreed(second, key(first)),
        "EllipticCurves: X25519 agrees on nothing")
    check(
        product(base(first), second) == product(base(second), first),
        "EllipticCurves: P-256 agrees on nothing")
}

private func key(_ secret: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 32)
    var span = bytes.mutableSpan
    X25519.publicKey(scalar: secret.span, into: &span)
    return bytes
}

private func agreed(_ secret: [UInt8], _ peer: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 32)
    var span = bytes.mutableSpan
    let isGood = X25519.multiply(scalar: secret.span, point: peer.span, into: &span)
    check(isGood, "EllipticCurves: a good point was refused")
    return bytes
}

private func base(_ secret: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 65)
    var span = bytes.mutableSpan
    let isGood = P256.multiplyBase(by: secret.span, into: &span)
    check(isGood, "EllipticCurves: a good scalar was refused")
    return bytes
}

private func product(_ point: [UInt8], _ secret: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 65)
    var span = bytes.mutableSpan
    let isGood = P256.multiply(point.span, by: secret.span, into: &span)
    check(isGood, "EllipticCurves: a good point was refused")
    return bytes
}
