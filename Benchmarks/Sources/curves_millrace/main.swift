// SPDX-License-Identifier: MIT

internal import CContender
internal import EllipticCurves

// What EllipticCurves costs: one operation over and over, each on the last result.

let help = """
    usage: curves_millrace --operation NAME [--rounds N]
    Computes on a curve N times (1000) and prints one line of results.
      --operation NAME  x25519-key, x25519-agree, p256-key, p256-agree, p256-sum

    """

/// Writes 32 bytes of a point's 65.
func x(
    _ result: UnsafeMutablePointer<UInt8>, _ compute: (inout MutableSpan<UInt8>) -> Bool
) {
    var point = InlineArray<65, UInt8>(repeating: 0)
    var span = point.mutableSpan
    precondition(compute(&span))
    // SAFETY: room for 32 bytes.
    for index in 0..<32 { unsafe result[index] = span[1 + index] }
}

func compute(
    _ operation: curve_operation, _ inputs: UnsafePointer<curve_inputs>,
    _ result: UnsafeMutablePointer<UInt8>
) {
    // SAFETY: three times 32 bytes for the call, and constants.
    let bytes = unsafe UnsafeRawBufferPointer(start: inputs, count: 64).bindMemory(to: UInt8.self)
    let scalar = unsafe bytes.extracting(0..<32).span
    let other = unsafe bytes.extracting(32..<64).span
    // SAFETY: as above.
    let point = unsafe UnsafeBufferPointer(start: millrace_base_point(), count: 65).span
    let own = unsafe UnsafeBufferPointer(start: millrace_own_scalar(), count: 32).span
    let place = unsafe UnsafeMutableBufferPointer(start: result, count: 32)
    var span = unsafe place.mutableSpan  // SAFETY: as above.
    // SAFETY: as above.
    switch operation {
    case X25519_KEY: X25519.publicKey(scalar: scalar, into: &span)
    case X25519_AGREE: precondition(X25519.multiply(scalar: own, point: scalar, into: &span))
    // SAFETY: as above.
    case P256_KEY: unsafe x(result) { P256.multiplyBase(by: scalar, into: &$0) }
    case P256_AGREE: unsafe x(result) { P256.multiply(point, by: scalar, into: &$0) }
    default:
        // SAFETY: as above.
        unsafe x(result) {
            P256.multiplyAdd(point, by: scalar, baseScalar: other, into: &$0)
        }
    }
}

// SAFETY: the arguments are the program's.
unsafe contender_check(
    CommandLine.argc, CommandLine.unsafeArgv, "--operation --rounds", "", help)
_ = unsafe curve_rounds(CommandLine.argc, CommandLine.unsafeArgv) { operation, inputs, result in
    // SAFETY: as `compute` says.
    if let inputs = unsafe inputs, let result = unsafe result {
        unsafe compute(operation, inputs, result)
    }
}
