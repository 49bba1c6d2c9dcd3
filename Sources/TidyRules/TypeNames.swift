// SPDX-License-Identifier: MIT

/// Types that must not be exported under their name, and types named as their module.
package func typeNameFindings(in file: SourceFile) -> [Finding] {
    guard let room = file.room, room.name != "ModelChecking" else { return [] }
    let keywords = ["struct", "class", "enum", "actor", "protocol", "typealias"]
    let taken = ["Atomic", "Mutex", "Channel", "Task", "Executor", "Queue"]
    let empty = ["Manager", "Helper", "Helpers", "Utils", "Utilities"]
    var result: [Finding] = []
    let code = file.code
    for index in code.indices.dropLast() where keywords.contains(code[index].text) {
        let name = code[index + 1]
        guard name.kind == .identifier, code[index].kind == .identifier else { continue }
        if index > 0, code[index - 1].isWord(":") || code[index - 1].isWord(".") { continue }
        func report(_ why: String) {
            result.append(
                Finding(.typeName, file.path, line: name.line, symbol: name.text, why))
        }
        if name.text == room.name {
            report("the module has this name: 'Module.Type' would look inside the type")
        }
        if isPublic(code, before: index), taken.contains(name.text) {
            report("an exported '\(name.text)' hides the one that everybody knows")
        }
        for suffix in empty where name.text.hasSuffix(suffix) {
            report("'\(suffix)' says nothing: name what it does")
        }
    }
    return result
}

/// Whether the declaration whose keyword stands at an index is public.
private func isPublic(_ code: [Token], before index: Int) -> Bool {
    let modifiers = ["public", "open", "final", "indirect", "nonisolated", "package"]
    var position = index - 1
    while position >= 0, modifiers.contains(code[position].text) {
        if ["public", "open"].contains(code[position].text) { return true }
        position -= 1
    }
    return false
}
