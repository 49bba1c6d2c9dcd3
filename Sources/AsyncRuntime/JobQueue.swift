// SPDX-License-Identifier: MIT

/// The jobs that are ready on one loop, first in first out: a ring that grows. Only the loop's
/// thread touches it.
struct JobQueue: ~Copyable {
    private var slots: [LoopTask?]
    private var head = 0
    private(set) var count = 0

    init() {
        slots = Array(repeating: nil, count: 256)
    }

    mutating func append(_ job: LoopTask) {
        if count == slots.count { grow() }
        slots[(head + count) & (slots.count - 1)] = job
        count += 1
    }

    mutating func popFirst() -> LoopTask? {
        guard count > 0 else { return nil }
        let job = slots[head]
        slots[head] = nil
        head = (head + 1) & (slots.count - 1)
        count -= 1
        return job
    }

    private mutating func grow() {
        var grown: [LoopTask?] = []
        grown.reserveCapacity(slots.count * 2)
        for offset in 0..<count { grown.append(slots[(head + offset) & (slots.count - 1)]) }
        grown.append(contentsOf: repeatElement(nil, count: slots.count * 2 - count))
        slots = grown
        head = 0
    }
}

/// A job of the Swift runtime, and in which of the loop's two roles it came.
struct LoopTask {
    let job: UnownedJob
    let isIsolated: Bool
}
