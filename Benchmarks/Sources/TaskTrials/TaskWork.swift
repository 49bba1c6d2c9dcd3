// SPDX-License-Identifier: MIT

/// Numbers that go from one task to another, both on one loop: the two loops over them.
public struct TaskWork: Sendable {
    /// What the command line calls it.
    let name: String
    /// Prepares it, with room for so many.
    let make: @Sendable (_ size: Int) -> TaskPair

    /// A work with that name.
    public init(_ name: String, make: @escaping @Sendable (_ size: Int) -> TaskPair) {
        self.name = name
        self.make = make
    }
}

/// What the two tasks do: one call for each loop, not for each number.
public struct TaskPair: Sendable {
    /// Sends the numbers below `count`, in order.
    let send: @Sendable (_ count: UInt64) async -> Void
    /// Takes as many and answers their sum.
    let receive: @Sendable (_ count: UInt64) async -> UInt64

    /// Two loops, which run at the same time.
    public init(
        send: @escaping @Sendable (UInt64) async -> Void,
        receive: @escaping @Sendable (UInt64) async -> UInt64
    ) {
        self.send = send
        self.receive = receive
    }

    /// How many elements a batch has, where their number is the sender's choice.
    public static var batch: Int { 64 }
}
