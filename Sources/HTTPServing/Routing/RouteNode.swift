// SPDX-License-Identifier: MIT

/// A place in the trie of segments, as the lookup reads it.
struct RouteNode {
    /// No node.
    static let none: Int32 = -1

    /// The children for literal segments: a range of the table's edges, sorted.
    var firstEdge: Int32 = 0
    var edgeCount: Int32 = 0
    /// The children for parameters and the wildcard, or `none`.
    var uuid = Self.none
    var uint = Self.none
    var int = Self.none
    var string = Self.none
    var wildcard = Self.none
    /// The first of this node's routes in the table's list: one for each bit of `methods`, from
    /// the lowest.
    var firstRoute: Int32 = 0
    /// The methods that it answers, HEAD among them wherever GET is; zero if no pattern ends here.
    var methods: UInt32 = 0

    /// Whether it has a child for a parameter that is not a string.
    var hasTyped: Bool { uuid & uint & int != Self.none }

    /// The place in the table's list of routes for a method of the set.
    @inline(__always)
    func place(of bit: UInt32) -> Int {
        Int(firstRoute) &+ (methods & (bit &- 1)).nonzeroBitCount
    }
}

/// A literal child of a node.
struct RouteEdge {
    /// The first eight bytes, the first in the lowest place, zeros behind the end.
    var word: UInt64
    /// How many bytes the literal has, and where they begin in the table's text.
    var byteCount: Int32
    var start: Int32
    /// The child.
    var node: Int32
}

/// A pattern of literals alone, found by the hash of the whole path.
struct StaticRoute {
    var hash: UInt32
    /// Its path in the table's text; `byteCount` of zero is a free place.
    var byteCount: Int32
    var start: Int32
    var node: Int32
}
