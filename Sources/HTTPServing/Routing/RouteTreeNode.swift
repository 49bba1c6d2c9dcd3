// SPDX-License-Identifier: MIT

/// A place in the trie of segments while routes are registered.
struct RouteTreeNode {
    /// The children for literal segments.
    var literals: [(bytes: [UInt8], node: Int)] = []
    /// The children for parameters, at most one of a kind, and the pattern that named them first.
    var parameters: [(kind: ParameterKind, name: String, node: Int, pattern: String)] = []
    /// The child for the rest of the path.
    var wildcard: (name: String, node: Int, pattern: String)?
    /// The routes of the patterns that end here, by the code of their method.
    var routes: [UInt8: Int] = [:]
}
