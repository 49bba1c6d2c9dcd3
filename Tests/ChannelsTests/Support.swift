// SPDX-License-Identifier: MIT

import AtomicSupport
import Channels
import StressSupport

extension MonotonicInstant {
    /// A deadline that only a hanging test reaches.
    static var farAway: MonotonicInstant { .now.advanced(byNanoseconds: 20_000_000_000) }

    /// A deadline that is meant to pass.
    static var soon: MonotonicInstant { .now.advanced(byNanoseconds: 2_000_000) }

    /// A deadline that has passed.
    static var past: MonotonicInstant { MonotonicInstant(nanoseconds: 0) }
}

/// Waits, yielding, until a condition of another task or thread holds; false if it never does.
func eventually(_ condition: () -> Bool) async -> Bool {
    let deadline = MonotonicInstant.farAway
    while !condition() {
        if MonotonicInstant.now >= deadline { return false }
        await Task.yield()
    }
    return true
}

/// Takes an element out of an optional; nil if there was none.
func payload(of element: consuming Tracked?) -> UInt64? {
    guard let element else { return nil }
    return element.payload
}

/// Why an element was refused, and its payload; nils if it was accepted.
func parts(of refusal: consuming SendRefusal<Tracked>?) -> (reason: ChannelError?, payload: UInt64?)
{
    guard let refusal else { return (nil, nil) }
    return (refusal.reason, refusal.element.payload)
}

/// Numbers that threads and tasks add up, without an edge.
struct Sum: ~Copyable, Sendable {
    private let numbers = Atomic<UInt64>(0)
    private let additions = Atomic<Int>(0)

    var value: UInt64 { numbers.load(ordering: .relaxed) }
    var count: Int { additions.load(ordering: .relaxed) }

    func add(_ number: UInt64) {
        numbers.wrappingAdd(number, ordering: .relaxed)
        additions.add(1, ordering: .relaxed)
    }
}
