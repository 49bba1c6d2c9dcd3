// SPDX-License-Identifier: MIT

internal import SwiftSyntax

/// Finds the bodies of a source: what stands between the braces of a function or property.
final class BodyFinder: SyntaxVisitor {
    /// A body and what it belongs to.
    struct Body {
        var name: String
        /// Between the braces, in bytes.
        var range: Range<Int>
    }

    private(set) var bodies: [Body] = []

    init() { super.init(viewMode: .sourceAccurate) }

    override func visit(_ node: FunctionDeclSyntax) -> SyntaxVisitorContinueKind {
        if let body = node.body { add(node.name.text, body.leftBrace, body.rightBrace) }
        return .visitChildren
    }

    override func visit(_ node: InitializerDeclSyntax) -> SyntaxVisitorContinueKind {
        if let body = node.body { add("init", body.leftBrace, body.rightBrace) }
        return .visitChildren
    }

    override func visit(_ node: DeinitializerDeclSyntax) -> SyntaxVisitorContinueKind {
        if let body = node.body { add("deinit", body.leftBrace, body.rightBrace) }
        return .visitChildren
    }

    override func visit(_ node: AccessorDeclSyntax) -> SyntaxVisitorContinueKind {
        if let body = node.body {
            add(node.accessorSpecifier.text, body.leftBrace, body.rightBrace)
        }
        return .visitChildren
    }

    override func visit(_ node: AccessorBlockSyntax) -> SyntaxVisitorContinueKind {
        if case .getter = node.accessors { add("get", node.leftBrace, node.rightBrace) }
        return .visitChildren
    }

    private func add(_ name: String, _ left: TokenSyntax, _ right: TokenSyntax) {
        let start = left.endPositionBeforeTrailingTrivia.utf8Offset
        bodies.append(
            Body(name: name, range: start..<right.positionAfterSkippingLeadingTrivia.utf8Offset))
    }
}
