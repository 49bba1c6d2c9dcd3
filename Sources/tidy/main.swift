// SPDX-License-Identifier: MIT

// tidy: checks what a program can check of the style guide. `./dev tidy` runs it as
//
//     git ls-files -co --exclude-standard | tidy --targets DESCRIPTION
//
// where DESCRIPTION holds the output of `swift package describe`. `tidy --embedded-rooms` prints
// the rooms that must compile in Embedded mode, in the order in which they can be built.

import Glibc
import TidyRules

/// The text of a file, or nil if it cannot be read or is not UTF-8.
func read(_ path: String) -> String? {
    // SAFETY: `fopen` copies the path; the stream is closed below.
    guard let stream = unsafe fopen(path, "r") else { return nil }
    defer { unsafe fclose(stream) }  // SAFETY: opened above, closed once.
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {  // Ends with the file.
        // SAFETY: `fread` writes at most `count` bytes into the array.
        let count = unsafe chunk.withUnsafeMutableBytes { buffer in
            unsafe fread(buffer.baseAddress, 1, buffer.count, stream)
        }
        if count == 0 { break }
        bytes += chunk[..<count]
    }
    return String(validating: bytes, as: UTF8.self)
}

func readProject(describedBy path: String?) -> Project {
    var files: [SourceFile] = []
    while let path = readLine() {
        // A file that git still knows but that was removed, and what is not text, is passed over.
        if let text = read(path) { files.append(SourceFile(path: path, text: text)) }
    }
    let targets = path.flatMap(read).map(ProjectTarget.parse) ?? []
    return Project(files: files, targets: targets)
}

let arguments = CommandLine.arguments.dropFirst()
switch arguments.first {
case "--embedded-rooms":
    for room in readProject(describedBy: nil).rooms where room.isEmbedded { print(room.name) }
case "--targets" where arguments.count == 2:
    let project = readProject(describedBy: arguments.last)
    if project.files.isEmpty || project.targets.isEmpty {
        print("tidy: no files or no targets were given")
        exit(2)
    }
    let allowed = AllowList(text: read(AllowList.path) ?? "ceiling 0")
    let findings = allowed.filter(project.findings())
    for finding in findings { print(finding.text) }
    print(
        "tidy: \(project.files.count) files, \(Rule.allCases.count) rules,"
            + " \(allowed.entries.count) exceptions, \(findings.count) findings")
    exit(findings.isEmpty ? 0 : 1)
default:
    print("usage: git ls-files | tidy --targets DESCRIPTION | --embedded-rooms")
    exit(2)
}
