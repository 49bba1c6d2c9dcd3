// SPDX-License-Identifier: MIT

import EllipticCurves

// Two ends agree on a secret.
func publicKey(_ secret: [UInt8]) -> [UInt8] {
    var key = [UInt8](repeating: 0, count: X25519.byteCount)
    var span = key.mutableSpan
    X25519.publicKey(scalar: secret.span, into: &span)
    return key
}

func agreed(_ secret: [UInt8], _ peer: [UInt8]) -> [UInt8] {
    var shared = [UInt8](repeating: 0, count: X25519.byteCount)
    var span = shared.mutableSpan
    let isGood = X25519.multiply(scalar: secret.span, point: peer.span, into: &span)
    precondition(isGood, "a point of small order")
    return shared
}

let first = [UInt8](repeating: 1, count: 32)
let second = [UInt8](repeating: 2, count: 32)
precondition(agreed(first, publicKey(second)) == agreed(second, publicKey(first)))
print("EllipticCurves: two ends agree on 32 bytes")
