// SPDX-License-Identifier: MIT

import HTTP1Properties

/// What libFuzzer calls with each of its inputs.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // SAFETY: libFuzzer lends so many bytes for the call.
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    if let violation = Properties.violation(of: input) { fatalError(violation) }
    return 0
}
