// SPDX-License-Identifier: MIT

import Foundation
import HTTP1Properties
import Testing

@Suite("Corpus")
struct CorpusTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "HTTP1Properties/Corpus")

    @Test("All properties hold for every input of the corpus, and for its parts")
    func replay() throws {
        // If this failed, something that the fuzzer once found would be wrong again.
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted()
        #expect(names.count >= 30)
        for name in names {
            let input = [UInt8](try Data(contentsOf: Self.folder.appending(path: name)))
            #expect(Properties.violation(of: input) == nil, "\(name)")
            for count in stride(from: 2, to: input.count, by: max(1, input.count / 40)) {
                let part = Array(input[..<count])
                #expect(Properties.violation(of: part) == nil, "\(name), \(count) bytes")
            }
        }
    }

    @Test("All properties hold when single bytes of the corpus change")
    func mutations() throws {
        // If this failed, an input next to a good one would break a property.
        let hostile: [UInt8] = [0, 9, 10, 13, 32, 58, 127, 255]
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted()
        for (number, name) in names.enumerated() {
            let input = [UInt8](try Data(contentsOf: Self.folder.appending(path: name)))
            let step = max(1, input.count / 30)
            for index in stride(from: 2 + number % step, to: input.count, by: step) {
                var changed = input
                changed[index] = hostile[(index + number) % hostile.count]
                #expect(Properties.violation(of: changed) == nil, "\(name), byte \(index)")
            }
        }
    }
}
