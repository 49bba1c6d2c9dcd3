// SPDX-License-Identifier: MIT

/// What a data structure does when one operation comes after the other: what a concurrent one must
/// look like.
///
/// ```swift
/// struct FirstInFirstOut: SequentialSpecification {
///     enum Operation { case push(Int), pop }
///     func apply(_ operation: Operation, _ result: Int?, to queue: inout [Int]) -> Bool {
///         switch operation {
///         case .push(let element):
///             queue.append(element)
///             return true
///         case .pop:
///             return result == (queue.isEmpty ? nil : queue.removeFirst())
///         }
///     }
///     var initialState: [Int] { [] }
/// }
/// ```
public protocol SequentialSpecification {
    /// What the data structure holds.
    associatedtype State: Hashable
    /// An operation with its arguments.
    associatedtype Operation
    /// What an operation answers.
    associatedtype Result

    /// What it holds at first.
    var initialState: State { get }

    /// Applies an operation. Answers whether it gives this result in this state.
    func apply(_ operation: Operation, _ result: Result, to state: inout State) -> Bool

    /// Whether the result refuses the operation ("full", "empty", "busy") and may do so, in any
    /// state, while another operation that does not is under way: what a `try` operation promises.
    func mayRefuse(_ operation: Operation, _ result: Result) -> Bool
}

extension SequentialSpecification {
    /// No result refuses: the structure is linearizable in the strict sense.
    public func mayRefuse(_ operation: Operation, _ result: Result) -> Bool { false }
}
