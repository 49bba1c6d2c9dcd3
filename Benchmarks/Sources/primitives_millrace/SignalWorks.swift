// SPDX-License-Identifier: MIT

internal import WaitPrimitives
internal import WorkSupport

/// Telling others when nobody waits.
enum SignalWorks {
    static let all = [
        NamedWork("event-count") { _, _ in
            let shared = Signals()
            return Work { _, count in each(count) { shared.events.notifyOne() } }
        },
        NamedWork("event-count-published") { _, _ in
            let shared = Signals()
            return Work { _, count in
                each(count) { shared.events.notifyOne(after: .sequentiallyConsistent) }
            }
        },
        NamedWork("event-count-prepare") { _, _ in
            let shared = Signals()
            return Work { _, count in
                each(count) { shared.events.cancelWait(shared.events.prepareWait()) }
            }
        },
        NamedWork("notify") { _, _ in
            let shared = Signals()
            return Work { _, count in each(count) { shared.notify.notifyAll() } }
        },
        NamedWork("auto-reset") { _, _ in
            let shared = Signals()
            return Work { _, count in each(count) { shared.auto.set() } }
        },
        NamedWork("manual-reset") { _, _ in
            let shared = Signals()
            return Work { _, count in each(count) { shared.manual.set() } }
        },
    ]

    private final class Signals: Sendable {
        let events = EventCount()
        let notify = Notify()
        let auto = AutoResetEvent()
        let manual = ManualResetEvent()
    }

    @inline(__always)
    private static func each(_ count: UInt64, _ signal: () -> Void) -> UInt64 {
        var sum: UInt64 = 0
        for number in 0..<count {
            signal()
            sum &+= number
        }
        return sum
    }
}
