// SPDX-License-Identifier: MIT

import MemoryReclamation
import ModelChecking
import Testing

@Suite("Models of MemoryReclamation")
struct ReclamationModelTests {
    @Test(
        "no object ends while a guard protects it",
        arguments: [
            ([1], [1], 1), ([1], [2], 1), ([2], [2], 1), ([1, 1], [1], 1), ([1], [1, 1], 1),
            ([1], [2], 2),
        ])
    func hazards(reads: [Int], writes: [Int], threshold: Int) {
        // Wrong: a scan overlooks a guard that has found the object, or nothing orders the
        // reader's last look before the end.
        let result = exhaust(
            reads, writes, threshold,
            program: ReclamationPrograms.hazards(
                reads: reads, writes: writes, scanThreshold: threshold))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a guard that protects one object after the other")
    func oneGuard() {
        // Wrong: the first object ends while it is used, or the second is not protected.
        let result = exhaust(
            program: ReclamationPrograms.hazards(reads: [2], writes: [2], oneGuard: true))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("no object ends while a pin may have found it")
    func epochs() {
        // Wrong: the epoch moves past a pin, or an object is too young when it ends.
        for (reads, writes, collects) in [
            ([1], [1], true), ([1], [2], true), ([2], [1], true), ([1, 1], [1], false),
            ([1], [1, 1], false),
        ] {
            let result = exhaust(
                reads, writes,
                program: ReclamationPrograms.epochs(
                    reads: reads, writes: writes, collectsAfter: collects))
            #expect(result.holds, "\(result)")
            #expect(result.isExhaustive)
        }
    }

    @Test("who collects what others have retired")
    func collectors() {
        // Wrong: a collector takes objects of a slot that it does not have.
        let result = exhaustIfLong(
            program: ReclamationPrograms.epochs(reads: [1], writes: [1], collectors: 1))
        #expect(result.holds, "\(result)")
    }

    @Test("a pin that the epoch has overtaken", arguments: [true, false])
    func overtaken(readerPinsAgain: Bool) {
        // Wrong: what such a pin takes out ends under a reader of the next epoch.
        let result = exhaustIfLong(
            readerPinsAgain,
            program: ReclamationPrograms.overtaken(readerPinsAgain: readerPinsAgain))
        #expect(result.holds, "\(result)")
    }

    @Test("every operation ends alone, whoever stalls")
    func soloProgress() {
        // Wrong: a guard, a pin or a retire waits for somebody.
        let options = ModelOptions { $0.soloStepMax = 60 }
        for program in [
            ReclamationPrograms.hazards(reads: [2, 2], writes: [2]),
            ReclamationPrograms.epochs(reads: [2, 2], writes: [2]),
        ] {
            let result = explore(
                .random(seed: 1, iterations: 20_000), options: options, program: program)
            #expect(result.holds, "\(result)")
        }
    }

    @Test("no ordering of the hazard pointers can be weakened unnoticed")
    func hazardOrderings() {
        // Wrong: an ordering is stronger than it must be, or the programs do not show why.
        let names = unneededOrderings(of: [
            ReclamationPrograms.hazards(reads: [1], writes: [1]),
            ReclamationPrograms.hazards(reads: [2], writes: [2]),
            ReclamationPrograms.hazards(reads: [2], writes: [2], oneGuard: true),
            ReclamationPrograms.hazards(reads: [2], writes: [1], oneGuard: true, clears: true),
            ReclamationPrograms.hazards(reads: [], writes: [2], scanThreshold: 2, collectors: 1),
        ])
        #expect(names == [])
    }

    @Test("no ordering of the epochs can be weakened unnoticed")
    func epochOrderings() {
        // Wrong: as above.
        let names = unneededOrderings(of: [
            ReclamationPrograms.epochs(reads: [1], writes: [1], collectsAfter: true),
            ReclamationPrograms.epochs(reads: [1], writes: [2], collectsAfter: true),
            ReclamationPrograms.epochs(reads: [2], writes: [1], collectsAfter: true),
            ReclamationPrograms.overtaken(readerPinsAgain: true),
            ReclamationPrograms.overtaken(readerPinsAgain: false),
        ])
        #expect(names == [])
    }
}
