// SPDX-License-Identifier: MIT

// Runs one operation of EllipticCurves on a secret that valgrind follows (run.sh).
//
// Method: A. Langley, "ctgrind", 2010: memory that holds a secret is marked as undefined, and
// memcheck reports each jump and each address that depends on it.

import EllipticCurves
import Memcheck

/// Some bytes, marked.
func secret(_ first: UInt8) -> [UInt8] {
    let bytes = (0..<32).map { first &+ 37 &* UInt8($0) }
    // SAFETY: as many as there are.
    unsafe bytes.withUnsafeBytes { unsafe memcheck_mark_secret($0.baseAddress, $0.count) }
    return bytes
}

/// Takes the marks away; ends the program if there were none: then nothing was checked.
func open(_ bytes: inout [UInt8], from first: Int, _ isGood: inout Bool) {
    // SAFETY: as many as there are.
    let wasSecret = unsafe bytes.withUnsafeBytes {
        unsafe memcheck_is_secret($0.baseAddress! + first, $0.count - first)
    }
    precondition(wasSecret, "the result does not depend on the secret")
    // SAFETY: as many as there are.
    unsafe bytes.withUnsafeBytes { unsafe memcheck_mark_open($0.baseAddress, $0.count) }
    unsafe withUnsafeBytes(of: &isGood) { unsafe memcheck_mark_open($0.baseAddress, 1) }
}

func point() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 65)
    var span = bytes.mutableSpan
    let scalar = [UInt8](repeating: 3, count: 32)
    precondition(P256.multiplyBase(by: scalar.span, into: &span))
    return bytes
}

func run(_ operation: String) -> [UInt8] {
    let isX25519 = operation.hasPrefix("x25519")
    var bytes = [UInt8](repeating: 0, count: isX25519 ? 32 : 65)
    let other = isX25519 ? [UInt8](repeating: 9, count: 32) : point()
    let key = secret(1)
    let second = secret(77)
    var isGood = true
    var result = bytes.mutableSpan
    switch operation {
    case "x25519-multiply":
        isGood = X25519.multiply(scalar: key.span, point: other.span, into: &result)
    case "x25519-key":
        X25519.publicKey(scalar: key.span, into: &result)
    case "p256-base":
        isGood = P256.multiplyBase(by: key.span, into: &result)
    case "p256-multiply":
        isGood = P256.multiply(other.span, by: key.span, into: &result)
    case "p256-add":
        isGood = P256.multiplyAdd(
            other.span, by: key.span, baseScalar: second.span, into: &result)
    case "p256-add-two":
        isGood = P256.multiplyAdd(
            other.span, by: key.span, other: other.span, by: second.span, into: &result)
    case "p256-sign":
        bytes = [UInt8](repeating: 0, count: 64)
        result = bytes.mutableSpan
        isGood = P256.sign(
            hash: other.span, secret: key.span, nonce: second.span, into: &result)
    default:
        fatalError("no operation is called \(operation)")
    }
    open(&bytes, from: bytes.count == 65 ? 1 : 0, &isGood)
    precondition(isGood)
    return bytes
}

precondition(memcheck_is_running(), "valgrind is not there")
let result = run(CommandLine.arguments[1])
print(result.map { String($0, radix: 16) }.joined(separator: " "))
