// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing
import TimerWheels

@Suite("Shared timer wheel, several threads")
struct SharedTimerThreadTests {
    /// What became of each timer. Relaxed: it is read after the threads were joined.
    final class Settlements: Sendable {
        private let counts: [Shared<Atomic<Int>>]

        init(count: Int) {
            counts = (0..<count).map { _ in Shared(Atomic(0)) }
        }

        func note(_ payload: borrowing Tracked) {
            counts[Int(payload.payload)].value.add(1, ordering: .relaxed)
        }

        var all: [Int] { counts.map { $0.value.load(ordering: .relaxed) } }
    }

    @Test("Each payload settles once: with who cancels, or with one of those that advance")
    func settlesOnce() async {
        // If this failed, two threads would own one payload, or none.
        let ledger = LifetimeLedger()
        let settlements = Settlements(count: 8_000)
        do {
            let wheel = Shared(SharedTimerWheel<Tracked>(capacity: 8_000, origin: 0))
            let clock = Shared(Atomic<UInt64>(0))
            await ThreadTeam.run(count: 4) { thread in
                var generator = SplitMix64(seed: 7, stream: thread)
                for number in 0..<2_000 {
                    let now = clock.value.add(1, ordering: .relaxed).newValue
                    let deadline = now + UInt64.random(in: 0..<40, using: &generator)
                    let payload = ledger.makeTracked(UInt64(thread * 2_000 + number))
                    let arming = wheel.value.insert(deadline: deadline, payload: payload)
                    if let arming, number % 2 == 0 {
                        if let payload = wheel.value.cancel(arming.token) {
                            settlements.note(payload)
                        }
                    }
                    if number % 8 == thread {
                        wheel.value.advance(to: now) { _, payload in settlements.note(payload) }
                    }
                }
            }
            wheel.value.advance(to: .max) { _, payload in settlements.note(payload) }
            wheel.value.checkInvariants()
            let count = wheel.value.count
            #expect(count == 0)
        }
        #expect(settlements.all == Array(repeating: 1, count: 8_000))
        #expect(ledger.bornCount == 8_000)
        #expect(ledger.aliveCount == 0)
    }

    @Test("A wheel that ends with timers armed by others destroys each payload once")
    func endsWithTimers() async {
        // If this failed, timers of threads that are gone would leak.
        let ledger = LifetimeLedger()
        do {
            let wheel = Shared(SharedTimerWheel<Tracked>(capacity: 1_000, origin: 0))
            await ThreadTeam.run(count: 3) { thread in
                for number in 0..<500 as Range<UInt64> {
                    let payload = ledger.makeTracked(number)
                    _ = wheel.value.insert(deadline: number, payload: payload)
                    if thread == 0 && number % 32 == 0 {
                        wheel.value.advance(to: number) { _, _ in }
                    }
                }
            }
        }
        #expect(ledger.bornCount == 1_500)
        #expect(ledger.aliveCount == 0)
    }
}
