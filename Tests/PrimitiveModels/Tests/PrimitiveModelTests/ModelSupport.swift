// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

/// What threads of a model have seen, for the check at the end. The model's threads are fibers
/// of one thread: this needs no protection.
final class Tally {
    var values: [Int] = []

    func add(_ value: Int) { values.append(value) }
}

/// A first-in first-out queue of so many places.
struct BoundedFIFO: SequentialSpecification {
    enum Operation {
        case push(Int)
        case pop
    }

    var capacity: Int
    /// Whether "full" and "empty" may be answered while another operation is under way.
    var mayRefuseEarly: Bool
    var initialState: [Int] { [] }

    /// A push answers its element if it was refused, a pop what it took.
    func apply(_ operation: Operation, _ result: Int?, to queue: inout [Int]) -> Bool {
        switch operation {
        case .push(let element):
            if queue.count == capacity { return result == element }
            queue.append(element)
            return result == nil
        case .pop:
            return result == (queue.isEmpty ? nil : queue.removeFirst())
        }
    }

    func mayRefuse(_ operation: Operation, _ result: Int?) -> Bool {
        if !mayRefuseEarly { return false }
        switch operation {
        case .push: return result != nil
        case .pop: return result == nil
        }
    }
}

extension ModelAudit {
    /// The survivors as text, to be compared with those that are known and explained.
    var survivorNames: [String] {
        survivors.map { "\($0.operation) \($0.order) → \($0.weakerOrder)" }.sorted()
    }
}
