// SPDX-License-Identifier: MIT

import CTestSupport
import EventLoops
import Testing

/// Runs `NetworkChild`, a process of its own, where nothing else opens descriptors, and answers
/// what it printed, line by line.
func child(_ work: String, _ choice: BackendChoice) throws -> [String] {
    var path = [CChar](repeating: 0, count: 4096)
    try #require(unsafe test_own_path(&path, 4096) > 0)  // SAFETY: room for 4096.
    let own = String(decoding: path.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let folder = own.split(separator: "/").dropLast().joined(separator: "/")
    var output = [CChar](repeating: 0, count: 65_536)
    // SAFETY: the strings are NUL-terminated for the call; room for 65,536.
    let status = unsafe test_run("/\(folder)/NetworkChild", work, choice.rawValue, &output, 65_536)
    let text = String(
        decoding: output.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    try #require(status == 0, "status \(status): \(text)")
    return text.split(separator: "\n").map(String.init)
}
