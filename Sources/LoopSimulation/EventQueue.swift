// SPDX-License-Identifier: MIT

/// What will happen in a world, by time: a binary heap. Of two things at one time the drawn tie
/// decides, then the order in which they were added.
struct EventQueue {
    struct Entry {
        let time: UInt64
        let tie: UInt32
        let order: UInt64
        let event: WorldEvent

        func comes(before other: Entry) -> Bool {
            if time != other.time { return time < other.time }
            if tie != other.tie { return tie < other.tie }
            return order < other.order
        }
    }

    private var heap: [Entry] = []
    private var added: UInt64 = 0

    /// What is still to happen, in no order.
    var events: [WorldEvent] { heap.map(\.event) }

    var nextTime: UInt64? { heap.first?.time }

    mutating func add(_ event: WorldEvent, at time: UInt64, tie: UInt32) {
        added += 1
        heap.append(Entry(time: time, tie: tie, order: added, event: event))
        var child = heap.count - 1
        while child > 0 {  // Ends: goes up one level each turn.
            let parent = (child - 1) / 2
            guard heap[child].comes(before: heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the first event away if its time has come.
    mutating func popDue(at time: UInt64) -> WorldEvent? {
        guard let first = heap.first, first.time <= time else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return first.event
    }

    private mutating func sink() {
        var parent = 0
        while true {  // Ends: goes down one level each turn.
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].comes(before: heap[least]) { least = child }
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

/// Something that happens in a world at its time.
@safe
enum WorldEvent {
    /// So many bytes reach the reader of a flow.
    case bytes(SimulatedFlow, count: Int)
    /// The end of a flow reaches its reader.
    case end(SimulatedFlow)
    /// A reset reaches a socket.
    case reset(SimulatedSocket)
    /// A connect reaches the host that it goes to.
    case knock(SimulatedSocket, attempt: Int)
    /// The answer to a connect reaches who asked.
    case connected(SimulatedSocket, peer: SimulatedSocket)
    /// A connect fails.
    case failed(SimulatedSocket, code: Int32)
    /// Work that would have blocked a thread is done.
    case blocking(body: @convention(c) (UnsafeMutableRawPointer?) -> Void, UnsafeMutableRawPointer?)
    /// A script goes on.
    case script(() -> Void)
}
