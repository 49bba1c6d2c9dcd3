// SPDX-License-Identifier: MIT

import BackendConformance
import CMallocCount
import EventLoops
import Glibc

/// Does what a program may do that was started without standard input: 0 is its first descriptor.
func useNumberZero() throws {
    test_scribble_over_memory()
    close(0)
    do {
        // The backend's own first descriptor is 0.
        let visit = try BackendVisit(choice, options: LoopOptions())
        _ = visit.turn()
        print("opened")
    }
    let far = pairOnZero()
    let visit = try BackendVisit(choice, options: LoopOptions())
    // SAFETY: no request here names memory.
    let stream = unsafe visit.start(.receiveStream(descriptor: 0, byteCountMax: .max))
    _ = visit.turn()
    visit.backend.cancelAll(on: 0)
    expect(visit.result(of: stream), "cancelled") { $0 == -ECANCELED }
    // SAFETY: as above.
    expect(visit.result(of: unsafe visit.start(.close(descriptor: 0))), "closed") { $0 == 0 }
    close(far)
    let nextFar = pairOnZero()
    // SAFETY: as above.
    let poll = unsafe visit.start(.poll(descriptor: 0, events: UInt32(POLLIN)))
    _ = visit.turn()
    var byte: UInt8 = 1
    precondition(unsafe write(nextFar, &byte, 1) == 1)  // SAFETY: a byte of ours.
    expect(visit.result(of: poll), "told") { $0 > 0 && $0 & Int32(POLLIN) != 0 }
    // What cannot be watched is always ready.
    let file = unsafe open("/proc/self/exe", O_RDONLY)  // SAFETY: a literal.
    precondition(file >= 0)
    // SAFETY: as above.
    let filePoll = unsafe visit.start(.poll(descriptor: file, events: UInt32(POLLIN)))
    expect(visit.result(of: filePoll), "file") { $0 > 0 }
}

private func expect(_ result: Int32?, _ word: String, _ isRight: (Int32) -> Bool) {
    guard let result else { return print("not \(word): nothing came") }
    print(isRight(result) ? word : "not \(word): \(result)")
}

/// Two connected sockets, the first of which has the number 0; the other's number.
private func pairOnZero() -> Int32 {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
    precondition(unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0)  // SAFETY: room for two.
    precondition(ends[0] == 0, "0 is not free: \(ends[0])")
    return ends[1]
}
