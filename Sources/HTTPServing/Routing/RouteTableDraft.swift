// SPDX-License-Identifier: MIT

/// The arrays of a `RouteTable`, while they are filled.
struct RouteTableDraft {
    private(set) var nodes: [RouteNode] = []
    private(set) var edges: [RouteEdge] = []
    private(set) var text: [UInt8] = []
    private(set) var routes: [Int32] = []
    private var statics: [StaticRoute] = []

    /// Lays the trie of a builder out, the children of a node side by side.
    init(_ tree: [RouteTreeNode]) {
        nodes = tree.map { _ in RouteNode() }
        for (index, source) in tree.enumerated() {
            nodes[index] = node(source)
        }
        collectStatics(tree, at: 0, path: [])
    }

    private mutating func node(_ source: RouteTreeNode) -> RouteNode {
        var result = RouteNode()
        result.firstEdge = Int32(edges.count)
        result.edgeCount = Int32(source.literals.count)
        let added = source.literals.map { literal in
            let start = Int32(text.count)
            text += literal.bytes
            return RouteEdge(
                word: RouteTable.word(literal.bytes.span, 0..<literal.bytes.count),
                byteCount: Int32(literal.bytes.count), start: start, node: Int32(literal.node))
        }
        edges += added.sorted { ($0.word, $0.byteCount) < ($1.word, $1.byteCount) }
        for parameter in source.parameters {
            switch parameter.kind {
            case .uuid: result.uuid = Int32(parameter.node)
            case .uint: result.uint = Int32(parameter.node)
            case .int: result.int = Int32(parameter.node)
            case .string: result.string = Int32(parameter.node)
            }
        }
        if let wildcard = source.wildcard { result.wildcard = Int32(wildcard.node) }
        result.firstRoute = Int32(routes.count)
        for code in 0..<MethodCode.countMax {
            guard let route = source.routes[UInt8(code)] ?? implied(code, source) else { continue }
            result.methods |= 1 << UInt32(code)
            routes.append(Int32(route))
        }
        return result
    }

    /// HEAD is answered by GET's route where it has none.
    private func implied(_ code: Int, _ source: RouteTreeNode) -> Int? {
        code == Int(MethodCode.head.rawValue) ? source.routes[MethodCode.get.rawValue] : nil
    }

    /// Enters the patterns of literals alone whose path has one spelling without "%".
    private mutating func collectStatics(_ tree: [RouteTreeNode], at index: Int, path: [UInt8]) {
        if nodes[index].methods != 0 {
            let start = Int32(text.count)
            text += path
            statics.append(
                StaticRoute(
                    hash: RouteTable.hash(path.span), byteCount: Int32(path.count), start: start,
                    node: Int32(index)))
        }
        for literal in tree[index].literals {
            let isPlain = literal.bytes.allSatisfy {
                $0 > 0x20 && $0 != 0x7F && $0 != 0x25 && $0 != 0x2F
            }
            guard isPlain else { continue }
            collectStatics(tree, at: literal.node, path: path + [0x2F] + literal.bytes)
        }
    }

    /// The open-addressed table of the collected paths.
    func staticTable() -> [StaticRoute] {
        guard !statics.isEmpty else { return [] }
        var size = 4
        while size < statics.count * 2 { size *= 2 }
        let free = StaticRoute(hash: 0, byteCount: 0, start: 0, node: RouteNode.none)
        var table = [StaticRoute](repeating: free, count: size)
        for entry in statics {
            var place = Int(entry.hash) & (size - 1)
            while table[place].byteCount != 0 { place = (place + 1) & (size - 1) }
            table[place] = entry
        }
        return table
    }
}
