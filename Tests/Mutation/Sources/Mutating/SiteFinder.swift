// SPDX-License-Identifier: MIT

internal import SwiftSyntax

/// Finds the places of a source at which a fault can be made by rule.
///
/// Left out are: checks of misuse (`precondition`, `assert`), which the release build partly drops
/// and correct programs never meet; pauses of a back-off, which cost time and change nothing; the
/// layout of memory, where one byte more or less is padding; what is told to a model; and `#if`
/// branches of debug builds.
final class SiteFinder: SyntaxVisitor {
    private(set) var sites: [Site] = []
    private let file: String
    private let lines: SourceLocationConverter
    private var functions: [String] = []

    init(file: String, tree: Syntax) {
        self.file = file
        lines = SourceLocationConverter(fileName: file, tree: tree)
        super.init(viewMode: .sourceAccurate)
    }

    // MARK: - What is looked into

    /// Functions and properties whose values are sizes and offsets, and those that check others.
    private static let layoutNames: Set<String> = [
        "layout", "storageByteCount", "byteCount", "slotStride", "nodeStride", "elementOffset",
        "objectOffset", "valueOffset", "offset", "chainCount",
        // Checks of invariants, which are there to find faults.
        "checkInvariants", "brokenInvariant", "brokenTimer", "brokenEnd",
    ]
    private static let checks: Set<String> = [
        "precondition", "preconditionFailure", "assert", "assertionFailure", "fatalError",
        "noteUse", "WaitNode.noteUse",
    ]
    private static let pauses: Set<String> = ["spin"]

    private func enter(_ name: String) -> SyntaxVisitorContinueKind {
        functions.append(name)
        return Self.layoutNames.contains(name) ? .skipChildren : .visitChildren
    }

    override func visit(_ node: FunctionDeclSyntax) -> SyntaxVisitorContinueKind {
        enter(node.name.text)
    }
    override func visitPost(_ node: FunctionDeclSyntax) { functions.removeLast() }
    override func visit(_ node: InitializerDeclSyntax) -> SyntaxVisitorContinueKind {
        enter("init")
    }
    override func visitPost(_ node: InitializerDeclSyntax) { functions.removeLast() }
    override func visit(_ node: DeinitializerDeclSyntax) -> SyntaxVisitorContinueKind {
        enter("deinit")
    }
    override func visitPost(_ node: DeinitializerDeclSyntax) { functions.removeLast() }
    override func visit(_ node: VariableDeclSyntax) -> SyntaxVisitorContinueKind {
        let name = node.bindings.first?.pattern.trimmedDescription ?? "?"
        guard functions.isEmpty else { return .visitChildren }
        return enter(name)
    }
    override func visitPost(_ node: VariableDeclSyntax) {
        if functions.count == 1, node.parent?.is(MemberBlockItemSyntax.self) ?? false {
            functions.removeLast()
        }
    }
    override func visit(_ node: AttributeSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
    override func visit(_ node: TypeAnnotationSyntax) -> SyntaxVisitorContinueKind {
        .skipChildren
    }
    override func visit(_ node: EnumCaseDeclSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
    override func visit(_ node: SwitchCaseLabelSyntax) -> SyntaxVisitorContinueKind {
        .skipChildren
    }
    override func visit(_ node: IfConfigClauseSyntax) -> SyntaxVisitorContinueKind {
        let condition = node.condition?.trimmedDescription ?? ""
        return condition.contains("DEBUG") || condition == "Model" ? .skipChildren : .visitChildren
    }

    // MARK: - Conditions

    override func visit(_ node: IfExprSyntax) -> SyntaxVisitorContinueKind {
        node.conditions.forEach { force($0.condition, canBeAlways: true) }
        return .visitChildren
    }
    override func visit(_ node: GuardStmtSyntax) -> SyntaxVisitorContinueKind {
        node.conditions.forEach { force($0.condition, canBeAlways: true) }
        return .visitChildren
    }
    override func visit(_ node: WhileStmtSyntax) -> SyntaxVisitorContinueKind {
        node.conditions.forEach { force($0.condition, canBeAlways: false) }
        return .visitChildren
    }
    override func visit(_ node: TernaryExprSyntax) -> SyntaxVisitorContinueKind {
        force(.expression(node.condition), canBeAlways: true)
        return .visitChildren
    }

    private func force(_ condition: ConditionElementSyntax.Condition, canBeAlways: Bool) {
        guard case .expression(let expression) = condition,
            !expression.is(BooleanLiteralExprSyntax.self)
        else { return }
        add(.never, expression, "false", Site.embrace(range(expression), "((", ") && !mutant(@))"))
        if canBeAlways {
            add(
                .always, expression, "true",
                Site.embrace(range(expression), "((", ") || mutant(@))"))
        }
    }

    // MARK: - Operators and literals

    private static let comparisons = [
        "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    ]
    private static let operators = [
        "+": "-", "-": "+", "&+": "&-", "&-": "&+", "&*": "&+", "*": "+", "<<": ">>", ">>": "<<",
        "&<<": "&>>", "&>>": "&<<", "&": "|", "|": "&", "^": "|",
        "+=": "-=", "-=": "+=", "&+=": "&-=", "&-=": "&+=",
    ]

    override func visit(_ node: InfixOperatorExprSyntax) -> SyntaxVisitorContinueKind {
        guard let name = node.operator.as(BinaryOperatorExprSyntax.self)?.operator.text else {
            return .visitChildren
        }
        switch name {
        case "&&", "||":
            replace(.operand, node, by: node.leftOperand.trimmedDescription)
            replace(.operand, node, by: node.rightOperand.trimmedDescription)
        case "..<", "...":
            let end = node.rightOperand
            add(
                .minusOne, end, "\(end.trimmedDescription) - 1",
                Site.embrace(range(end), "((", ") - (mutant(@) ? 1 : 0))"))
        default:
            if let other = Self.comparisons[name] {
                replace(.comparison, node, by: exchanged(node, other))
            } else if let other = Self.operators[name] {
                replace(
                    .arithmetic, node, by: exchanged(node, other), asStatement: name.hasSuffix("="))
            }
        }
        return .visitChildren
    }

    private func exchanged(_ node: InfixOperatorExprSyntax, _ name: String) -> String {
        "\(node.leftOperand.trimmedDescription) \(name) \(node.rightOperand.trimmedDescription)"
    }

    override func visit(_ node: PrefixOperatorExprSyntax) -> SyntaxVisitorContinueKind {
        if ["!", "~"].contains(node.operator.text) {
            replace(.complement, node, by: node.expression.trimmedDescription)
        }
        return .visitChildren
    }

    override func visit(_ node: IntegerLiteralExprSyntax) -> SyntaxVisitorContinueKind {
        let digits = node.literal.text.replacing("_", with: "")
        let isHexadecimal = digits.hasPrefix("0x")
        guard
            let value = isHexadecimal ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits)
        else { return .visitChildren }
        let spell = { (value: UInt64) in
            isHexadecimal ? "0x" + String(value, radix: 16, uppercase: true) : "\(value)"
        }
        replace(.plusOne, node, by: spell(value + 1))
        if value > 0 { replace(.minusOne, node, by: spell(value - 1)) }
        return .visitChildren
    }

    override func visit(_ node: BooleanLiteralExprSyntax) -> SyntaxVisitorContinueKind {
        // The condition of an endless loop: without it, what follows could be reached.
        if node.parent?.is(ConditionElementSyntax.self) ?? false { return .skipChildren }
        let isTrue = node.literal.text == "true"
        replace(.flag, node, by: isTrue ? "false" : "true")
        return .visitChildren
    }

    // MARK: - Calls and statements

    private static let updates: Set<String> = [
        "compareExchange", "weakCompareExchange", "exchange", "wrappingAdd", "wrappingSubtract",
        "bitwiseAnd", "bitwiseOr", "add",
    ]

    override func visit(_ node: FunctionCallExprSyntax) -> SyntaxVisitorContinueKind {
        if Self.checks.contains(node.calledExpression.trimmedDescription) { return .skipChildren }
        guard let callee = node.calledExpression.as(MemberAccessExprSyntax.self),
            let base = callee.base, Self.updates.contains(callee.declName.baseName.text),
            node.arguments.contains(where: {
                $0.label?.text.lowercased().hasSuffix("ordering") ?? false
            })
        else { return .visitChildren }
        let name = callee.declName.baseName.text
        let arguments = node.arguments.trimmedDescription
        replace(
            .torn, node, by: "\(base.trimmedDescription).torn_\(name)(\(arguments))",
            shown: "load, then store")
        return .visitChildren
    }

    override func visit(_ node: CodeBlockItemListSyntax) -> SyntaxVisitorContinueKind {
        let items = Array(node)
        for item in items where isDroppable(item, isAlone: items.count == 1) {
            add(
                .drop, item.item, "nothing",
                Site.embrace(range(item.item), isStatement: true, "if !mutant(@) { ", " }"))
        }
        for (first, second) in zip(items, items.dropFirst()) {
            guard isMovable(first), isMovable(second) else { continue }
            let text = second.item.trimmedDescription
            var insertions = [Site.before(range(first.item), "if mutant(@) { \(text) }; ")]
            insertions += Site.embrace(
                range(second.item), isStatement: true, "if !mutant(@) { ", " }")
            let shown = Mutant.excerpt(text, characterMax: 50)
            add(
                .swap, first.item, "\(shown); \(Mutant.excerpt(first.item.trimmedDescription))",
                insertions)
        }
        return .visitChildren
    }

    private func isDroppable(_ item: CodeBlockItemSyntax, isAlone: Bool) -> Bool {
        switch item.item {
        case .stmt(let statement):
            guard
                statement.is(ReturnStmtSyntax.self) || statement.is(ContinueStmtSyntax.self)
                    || statement.is(BreakStmtSyntax.self)
            else { return false }
            if statement.as(ReturnStmtSyntax.self)?.expression != nil { return false }
            let owner = item.parent?.parent
            return !(owner?.is(SwitchCaseSyntax.self) ?? false)
                && !(owner?.parent?.is(GuardStmtSyntax.self) ?? false)
        case .expr(let expression):
            if isAlone, isValueOfBody(item) { return false }
            return isAction(expression)
        case .decl: return false
        }
    }

    private func isMovable(_ item: CodeBlockItemSyntax) -> Bool {
        guard case .expr(let expression) = item.item else {
            if case .stmt(let statement) = item.item {
                return statement.as(ExpressionStmtSyntax.self)?.expression.is(IfExprSyntax.self)
                    ?? false
            }
            return false
        }
        return isAction(expression) || expression.is(IfExprSyntax.self)
    }

    /// Whether an expression is there for what it does: a call, or an assignment.
    private func isAction(_ expression: ExprSyntax) -> Bool {
        if let inner = expression.as(UnsafeExprSyntax.self) { return isAction(inner.expression) }
        if let infix = expression.as(InfixOperatorExprSyntax.self) {
            if infix.operator.is(AssignmentExprSyntax.self) { return functions.last != "init" }
            return infix.operator.trimmedDescription.hasSuffix("=")
                && Self.comparisons[infix.operator.trimmedDescription] == nil
        }
        guard let call = expression.as(FunctionCallExprSyntax.self) else { return false }
        let callee = call.calledExpression.trimmedDescription
        if Self.checks.contains(callee) || callee == "self.init" { return false }
        let member = call.calledExpression.as(MemberAccessExprSyntax.self)
        return !Self.pauses.contains(member?.declName.baseName.text ?? "")
    }

    /// Whether the only statement of a body is its value.
    private func isValueOfBody(_ item: CodeBlockItemSyntax) -> Bool {
        let list = item.parent
        if list?.parent?.is(ClosureExprSyntax.self) ?? false { return true }
        guard let owner = list?.parent?.parent else { return false }
        if let function = owner.as(FunctionDeclSyntax.self) {
            return function.signature.returnClause != nil
        }
        if let accessor = owner.as(AccessorDeclSyntax.self) {
            return accessor.accessorSpecifier.text == "get"
        }
        return list?.parent?.is(AccessorBlockSyntax.self) ?? false
    }

    // MARK: - Adding

    private func replace(
        _ kind: Mutant.Kind, _ node: some ExprSyntaxProtocol, by text: String,
        shown: String? = nil, asStatement: Bool = false
    ) {
        let insertions =
            asStatement
            ? Site.embrace(range(node), isStatement: true, "if mutant(@) { \(text) } else { ", " }")
            : Site.embrace(range(node), "(mutant(@) ? \(text) : ", ")")
        add(kind, node, shown ?? text, insertions)
    }

    private func add(
        _ kind: Mutant.Kind, _ node: some SyntaxProtocol, _ replacement: String,
        _ insertions: [Site.Insertion]
    ) {
        let original = Mutant.excerpt(node.trimmedDescription)
        let module = file.split(separator: "/").last?.split(separator: ".").first ?? "?"
        let function = functions.last ?? "?"
        let changed = Mutant.excerpt(replacement, characterMax: 120)
        let detail = kind == .operand ? " to \(Mutant.excerpt(replacement, characterMax: 30))" : ""
        sites.append(
            Site(
                mutant: Mutant(
                    name: "\(module).\(function) \(kind.rawValue): \(original)\(detail)",
                    kind: kind, file: file,
                    line: lines.location(for: node.positionAfterSkippingLeadingTrivia).line,
                    original: original, replacement: changed),
                insertions: insertions))
    }

    private func range(_ node: some SyntaxProtocol) -> Range<Int> {
        let start = node.positionAfterSkippingLeadingTrivia.utf8Offset
        return start..<(node.endPositionBeforeTrailingTrivia.utf8Offset)
    }
}
